"""What cannot work is refused by name; nothing is written for it, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from oracle import both_sides, out_of_step
from world import UNIT, World

UNKNOWN_UNIT = "0Uv000000000002CAA"


@pytest.fixture(scope="module")
def strict() -> Iterator[World]:
    """Deployed for two business units, of which Account Engagement knows one."""
    timeouts = {"WorkerTimeoutSeconds": "100", "VisibilityTimeoutSeconds": "600"}
    with (
        pytest.MonkeyPatch.context() as patch,
        World("strict", ScheduleState="DISABLED", BusinessUnits=f"{UNIT},{UNKNOWN_UNIT}", **timeouts) as running,
    ):
        patch.setenv("PROSPECT_SYNC_BUSINESS_UNIT", UNIT)
        running.start()
        yield running


def refused(world: World, replaced: str, by: str) -> str:
    """What `config apply` says of the example with one text replaced; it must refuse."""
    assert world.twin
    text = world.config().read_text()
    assert replaced in text
    broken = world.home / "broken.yaml"
    broken.write_text(text.replace(replaced, by, 1))
    before = both_sides(world, UNIT)
    done = world.run_cli("config", "apply", str(broken))
    assert done.returncode == 1, done.stdout + done.stderr
    assert both_sides(world, UNIT) == before
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("replaced", "by", "said"),
    [
        ("fields:", "fields: {{", "expected sequence start at line"),
        ("create_prospects:", "create_prospect:", "settings.create_prospect"),
        ("lead: City", "lead: Citty", "fields[6].lead"),
        ("prospect: phone,", "prospect: fone,", "`fone`"),
        ("employees, lead: NumberOfEmployees, type: number", "employees, lead: NumberOfEmployees, type: date", "type"),
        (UNIT, "0Uv000000000001AAA", "wrong checksum"),
        (UNIT, UNKNOWN_UNIT, "does not know business unit"),
    ],
    ids=["malformed", "unknown setting", "unknown Salesforce field", "unknown prospect field", "type", "checksum", "403/201"],
)
def test_a_wrong_configuration_is_refused_by_name(strict: World, replaced: str, by: str, said: str) -> None:
    answer = refused(strict, replaced, by)
    assert said in answer, answer


def test_an_id_with_a_wrong_checksum_is_refused_before_anything_is_asked(strict: World) -> None:
    done = strict.run_cli("send", "00Q000000000001AAB")
    assert done.returncode == 2 and "wrong checksum" in done.stderr


def test_a_private_key_that_does_not_parse_stops_the_connector_and_loses_nothing(strict: World) -> None:
    assert strict.stack and strict.twin
    strict.cli("config", "apply", str(strict.config()))
    strict.twin.load_sample_org()
    strict.cli("activate")
    before = both_sides(strict, UNIT)
    strict.stack.put_private_key("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----")
    poll_with_fresh_process(strict)
    status = strict.run_cli("status")
    assert status.returncode == 4 and "auth_failed" in status.stdout and "PRIVATE_KEY" in status.stdout
    assert both_sides(strict, UNIT) == before
    strict.stack.put_private_key(strict.private_key)
    strict.cli("activate")
    assert poll_with_fresh_process(strict) is None
    strict.wait_until_quiet()
    assert both_sides(strict, UNIT) != before and out_of_step(strict, UNIT) == {}


def test_a_clock_more_than_three_minutes_off_is_named(strict: World) -> None:
    assert strict.twin
    strict.twin.control("POST", "clock", {"advance_seconds": 200})
    before = both_sides(strict, UNIT)
    problem = poll_with_fresh_process(strict)
    assert problem and "clock" in problem and "three minutes" in problem, problem
    assert both_sides(strict, UNIT) == before


def test_a_host_that_does_not_answer_is_named(strict: World) -> None:
    assert strict.twin
    strict.twin.stop()
    done = strict.run_cli("config", "check", str(strict.config()))
    assert done.returncode == 1 and "127.0.0.1" in done.stdout and "connect" in done.stdout, done.stdout


def poll_with_fresh_process(world: World) -> str | None:
    """Polls without a token from before; what the report of our business unit names as its problem."""
    assert world.stack
    world.stack.kill("poller")
    reports = world.stack.invoke("poller", {})
    problems = [report["problem"] for report in reports if report["state"] != "not configured"]
    return problems[0]
