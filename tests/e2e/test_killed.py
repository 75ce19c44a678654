"""A worker that dies at any moment changes nothing about the end: no duplicates, both sides equal."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from oracle import both_sides, crm_records, duplicates, links, out_of_step, prospects, unexplained
from world import UNIT, World

# A killed batch comes again after the visibility time, which passes at once; the lease of its pairs is over by then.
VISIBILITY = 7200
TIMES = {"WorkerTimeoutSeconds": "80", "VisibilityTimeoutSeconds": str(VISIBILITY)}


@pytest.fixture(scope="module")
def fragile() -> Iterator[World]:
    with World("killed", movable_clock=True, ScheduleState="DISABLED", **TIMES) as running:
        running.start()
        running.cli("config", "apply", str(running.config()))
        running.cli("activate")
        assert running.twin  # a prospect takes as long to write as it would over a network
        slow = {"side": "engagement", "fault": {"delay": {"ms": 5}}, "count": 1_000_000}
        running.twin.control("POST", "faults", slow)
        yield running


def poll_and_kill(world: World, moments: random.Random, times: int) -> int:
    """Polls, and kills the workers at a random moment of each delivery; returns how often messages were in work."""
    assert world.stack and world.clock
    world.stack.invoke("poller", {})
    deaths = 0
    for _ in range(times):
        time.sleep(moments.uniform(0.1, 1.6))
        killed = world.stack.kill("worker")
        if killed and world.in_flight():
            deaths += 1
            world.clock.advance(VISIBILITY)
    world.pass_time_until_quiet()
    world.stack.invoke("poller", {})
    world.pass_time_until_quiet()
    return deaths


def assert_in_step(world: World) -> None:
    assert out_of_step(world, UNIT) == {}
    assert unexplained(world, UNIT) == []
    assert duplicates(world, UNIT) == []
    assert world.cli("errors")["rows"] == []
    assert not [row["key"] for row in links(world) if row["intent"]], "an intent was left open"
    before = both_sides(world, UNIT)
    assert world.stack
    world.stack.invoke("poller", {})
    world.pass_time_until_quiet()
    assert both_sides(world, UNIT) == before


def test_killed_while_it_creates(fragile: World) -> None:
    assert fragile.twin
    fragile.twin.load_sample_org()
    sample = fragile.twin.dump()
    assert poll_and_kill(fragile, random.Random(19), 3) >= 2, "no worker was at work when it was to die"
    assert_in_step(fragile)
    created = fragile.twin.dump()
    with_address = [row for row in crm_records(sample).values() if row.get("Email")]
    assert len(prospects(created, UNIT)) > len(prospects(sample, UNIT))
    assert len(links(fragile, "linked")) >= len(with_address)


def test_killed_while_it_updates(fragile: World) -> None:
    assert fragile.twin
    linked = [row for row in links(fragile, "linked") if row["crm_id"].startswith("00Q")][:200]
    for number, row in enumerate(linked):
        fragile.twin.edit_org("Lead", row["crm_id"], Phone=f"+33 1 {number:08}")
        fragile.twin.edit_prospect(row["prospect_id"], fields={"jobTitle": f"Title {number}"})
    assert poll_and_kill(fragile, random.Random(20), 2) >= 1, "no worker was at work when it was to die"
    assert_in_step(fragile)
    dump = fragile.twin.dump()
    crm, people = crm_records(dump), prospects(dump, UNIT)
    for number, row in enumerate(linked):
        assert people[row["prospect_id"]]["phone"] == f"+33 1 {number:08}"
        assert crm[row["crm_id"]]["Title"] == f"Title {number}"
