"""The whole path on the deployed stack: the sample org falls into step, and stays there."""

from __future__ import annotations

import pytest
from oracle import both_sides, crm_records, duplicates, links, out_of_step, prospects, unexplained
from world import UNIT, World


@pytest.fixture(scope="module")
def settled(world: World) -> World:
    """The sample org, loaded after the configuration and polled once."""
    assert world.twin and world.stack
    world.cli("config", "apply", str(world.config()))
    world.twin.load_sample_org()
    world.cli("activate")
    poll(world)
    return world


def poll(world: World) -> None:
    assert world.stack
    world.stack.invoke("poller", {})
    world.wait_until_quiet()


def test_every_pair_is_equal_or_explained(settled: World) -> None:
    assert settled.twin
    dump = settled.twin.dump()
    assert len(crm_records(dump)) >= 500 and len(prospects(dump, UNIT)) >= 500, "the sample org was not loaded"
    assert out_of_step(settled, UNIT) == {}
    assert unexplained(settled, UNIT) == []


def test_no_duplicates(settled: World) -> None:
    assert duplicates(settled, UNIT) == []


def test_skips_are_recorded_with_their_reason(settled: World) -> None:
    skipped = links(settled, "skipped")
    assert skipped, "the sample has prospects without assigned user and leads without address"
    assert {row["reason"] for row in skipped} <= {"unassigned_no_match", "no_email"}


def test_a_second_tick_writes_nothing(settled: World) -> None:
    before = both_sides(settled, UNIT)
    poll(settled)
    assert both_sides(settled, UNIT) == before, "every write moves a stamp, so nothing was written"


def test_a_linked_pair_follows_edits_on_either_side(settled: World) -> None:
    assert settled.twin
    link = next(row for row in links(settled, "linked") if row["crm_id"].startswith("00Q"))
    settled.twin.edit_org("Lead", link["crm_id"], Phone="+33 1 00 00 00 01")
    settled.twin.edit_prospect(link["prospect_id"], fields={"jobTitle": "Analyst"})
    poll(settled)
    dump = settled.twin.dump()
    record, person = crm_records(dump)[link["crm_id"]], prospects(dump, UNIT)[link["prospect_id"]]
    assert (record["Title"], person["phone"]) == ("Analyst", "+33 1 00 00 00 01")
