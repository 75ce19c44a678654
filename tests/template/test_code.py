"""The template and the code it deploys agree: metrics that alarms watch, calls that roles allow."""

from __future__ import annotations

import json
import re
from typing import Any

import rules
from bundle import REPO
from samtranslator.yaml_helper import yaml_parse

SOURCES = REPO / "crates" / "connector" / "src"


def metrics() -> set[str]:
    events = (SOURCES / "events.rs").read_text()
    return set(re.findall(r"^    (\w+),$", events.split("pub enum MetricName {")[1].split("\n}")[0], re.MULTILINE))


def test_alarms_watch_metrics_that_are_emitted() -> None:
    # The catalogue itself says `Self::`.
    emitted = set(re.findall(r"MetricName::([A-Z]\w+)", "".join(path.read_text() for path in SOURCES.rglob("*.rs")))) - {"ALL"}
    assert len(metrics()) > 20
    assert metrics() == emitted, "every metric of the catalogue is emitted somewhere"
    assert {name for namespace, name in rules.METRICS if namespace == "ProspectSync"} <= emitted


def test_every_metric_stands_in_the_operators_page_with_its_alarm(deployed: Any) -> None:
    rows = [line.split("|") for line in (REPO / "docs" / "operating" / "metrics.md").read_text().splitlines() if line.startswith("| `")]
    described = {name: row[3].strip() for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert described.keys() == metrics()
    alarms = {alarm["MetricName"]: alarm["AlarmName"].split("-")[-1] for alarm in deployed.of_type(rules.ALARM).values()}
    for name, said in described.items():
        assert alarms.get(name, "") == ("" if said.startswith("(") else said), name


# What each role may do in the tables: exactly the calls that its function makes.
TABLE_ACTIONS = {
    "PollerRole": {"connector": "Get Put", "links/index": "Query", "errors/index": "Query"},
    "ReconcilerRole": {"connector": "Get Put", "links/index": "Query"},
    "WorkerRole": {"connector": "Get Put", "links": "BatchGet Put Delete ConditionCheck", "errors": "Get Put"},
    "DlqDrainRole": {"links": "BatchGet Put ConditionCheck", "errors": "Get Put"},
    "AdminRole": {"connector": "Get Put", "links": "BatchGet", "links/index": "Query", "errors/index": "Query"},
}


def test_roles_may_do_in_the_tables_what_their_functions_call() -> None:
    found: dict[str, dict[str, set[str]]] = {}
    names = "|".join(("Links", "Errors", "Connector"))
    template = yaml_parse((REPO / "template.yaml").read_text())["Resources"]
    for role, resource in template.items():
        for policy in resource.get("Properties", {}).get("Policies", []) if resource["Type"] == rules.ROLE else []:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = [action for action in rules.as_list(statement["Action"]) if action.startswith("dynamodb:")]
                for target in rules.as_list(statement["Resource"]) if actions else []:
                    (table,) = re.findall(rf"State\.?.*?({names})TableArn", json.dumps(target))
                    place = table.lower() + ("/index" if "/index/" in json.dumps(target) else "")
                    short = {re.sub(r"^dynamodb:|Item$", "", action) for action in actions}
                    found.setdefault(role, {}).setdefault(place, set()).update(short)
    expected = {role: {place: set(text.split()) for place, text in tables.items()} for role, tables in TABLE_ACTIONS.items()}
    assert found == expected


def test_functions_that_share_a_slot_take_turns() -> None:
    code = {path.relative_to(SOURCES).as_posix(): path.read_text() for path in SOURCES.rglob("*.rs")}
    functions = {key: resource["Properties"] for key, resource in yaml_parse((REPO / "template.yaml").read_text())["Resources"].items()
                 if resource["Type"] == "AWS::Serverless::Function"}
    holders = set(re.findall(r"^    (\w+),$", code["ports/state.rs"].split("pub enum Holder {")[1].split("\n}")[0], re.MULTILINE))
    assert {f"Root/{holder}" for holder in holders} == set(rules.IN_TURNS)
    takes = {name: re.findall(r"turn::take\(environment, unit, Holder::(\w+), (\w+)\)", text) for name, text in code.items()}
    assert {name: found for name, found in takes.items() if found} == {
        "poll/mod.rs": [("Poller", "until")],
        "reconcile/mod.rs": [("Reconciler", "deadline")],  # the function's own: it is dead when its turn ends
    }
    (poll_turn,) = re.findall(r"POLL_TURN: SignedDuration = SignedDuration::from_secs\((\d+)\)", code["turn.rs"])
    assert int(poll_turn) == functions["Poller"]["Timeout"], "a poll that is killed must not lose its turn before"
    opening = {name for name, text in code.items() if re.search(r"services\s*\.open\(", text)}
    opening_without_turn = {"work/mod.rs", "admin/configure.rs", "admin/setup.rs"}  # slots of their own; waived in T1
    assert opening - opening_without_turn == {"poll/mod.rs", "reconcile/mod.rs"}
    (margin,) = re.findall(r"BATCH_MARGIN: SignedDuration = SignedDuration::from_secs\((\d+)\)", code["reconcile/mod.rs"])
    assert functions["Reconciler"]["Timeout"] >= 2 * int(margin), "half of a run is for comparing"


def test_the_worker_knows_when_the_queue_gives_up() -> None:
    hint = (REPO / "crates" / "sync-core" / "src" / "hint.rs").read_text()
    (deliveries,) = re.findall(r"MAX_DELIVERIES: u32 = (\d+)", hint)
    queues = yaml_parse((REPO / "infra" / "queues.yaml").read_text())["Resources"].values()
    limits = [queue["Properties"]["RedrivePolicy"]["maxReceiveCount"] for queue in queues if "RedrivePolicy" in queue["Properties"]]
    assert limits == [int(deliveries)] * 2, "what waits for calls is held at its last delivery, or it is dead"


def test_whoever_calls_by_itself_looks_at_the_circuit_first() -> None:
    calling = {"poll/mod.rs", "reconcile/mod.rs", "work/mod.rs"}
    code = {name: (SOURCES / name).read_text() for name in calling}
    for name, text in code.items():
        assert text.index(".used_up_at(") < text.index(".open(&"), name
