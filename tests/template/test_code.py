"""The template and the code it deploys agree: metrics that alarms watch, calls that roles allow."""

from __future__ import annotations

import json
import re

import rules
from bundle import REPO
from samtranslator.yaml_helper import yaml_parse


def test_alarms_watch_metrics_that_are_emitted() -> None:
    sources = {path: path.read_text() for path in (REPO / "crates" / "connector" / "src").rglob("*.rs")}
    events = sources.pop(REPO / "crates" / "connector" / "src" / "events.rs")
    catalogue = set(re.findall(r"^    (\w+),$", events.split("pub enum MetricName {")[1].split("\n}")[0], re.MULTILINE))
    emitted = set(re.findall(r"MetricName::(\w+)", "".join(sources.values())))
    assert len(catalogue) > 20
    for namespace, name in rules.METRICS:
        if namespace == "ProspectSync":
            assert name in catalogue & emitted, name


# What each role may do in the tables: exactly the calls that its function makes.
TABLE_ACTIONS = {
    "PollerRole": {"connector": "Get Put", "links/index": "Query", "errors/index": "Query"},
    "WorkerRole": {"connector": "Get Put", "links": "BatchGet Put Delete", "errors": "Get Put"},
    "DlqDrainRole": {"links": "BatchGet Put", "errors": "Get Put"},
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
