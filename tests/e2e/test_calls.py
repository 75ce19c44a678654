"""What 1,000 changes cost: calls are the scarce resource, so they are counted on the services' side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from oracle import crm_records, links, out_of_step, prospects
from world import UNIT, World

LEADS = 1_000
# Two reads a message, of which there are five, and the poll's three.
MOST_READS = 13
READS = ("query", "read")
# 25 rows a call, and each message rounds up.
MOST_SALESFORCE_WRITES = 45


@pytest.fixture(scope="module")
def thousand() -> Iterator[World]:
    """A thousand leads, each linked to a prospect."""
    with World("calls", ScheduleState="DISABLED") as running:
        running.start()
        assert running.twin
        running.cli("config", "apply", str(running.config()))
        running.cli("activate")
        people = [{"LastName": f"Person {n}", "Company": "Acme", "Email": f"p{n}@acme.example"} for n in range(LEADS)]
        leads = [
            {"attributes": {"type": "Lead", "referenceId": f"lead{n}"}, **person} for n, person in enumerate(people)
        ]
        running.twin.control("POST", "seed/salesforce", {"records": leads})
        poll(running)
        assert len(links(running, "linked")) == LEADS
        forget_echoes(running)
        yield running


def poll(world: World) -> None:
    assert world.stack
    world.stack.invoke("poller", {})
    world.wait_until_quiet()


def forget_echoes(world: World) -> None:
    """Polls what the worker itself wrote, some seconds later, so that its stamps are final."""
    assert world.twin
    world.twin.control("POST", "clock", {"advance_seconds": 5})
    poll(world)


def calls_of(world: World) -> tuple[Counter[str], Counter[str]]:
    """Calls by kind to each side since they were last forgotten: our own count, checked against the services'."""
    assert world.twin
    salesforce: Counter[str] = Counter()
    engagement: Counter[str] = Counter()
    for event in world.fresh_events():
        salesforce.update(event.get("salesforce_calls", {}))
        engagement.update(event.get("account_engagement_calls", {}))
    served = world.twin.calls()
    assert salesforce.total() == sum(count for name, count in served.items() if name.startswith("salesforce"))
    assert engagement.total() == sum(count for name, count in served.items() if name.startswith("engagement"))
    return salesforce, engagement


def forget_calls(world: World) -> None:
    assert world.twin
    world.twin.forget_calls()
    world.fresh_events()


def assert_within_budget(world: World, direction: str, salesforce: Counter[str], engagement: Counter[str]) -> None:
    print(f"\n{direction}, per 1,000 records: Salesforce {dict(salesforce)}, Account Engagement {dict(engagement)}")
    reads = sum((salesforce + engagement)[kind] for kind in READS)
    assert 0 < reads <= MOST_READS
    assert salesforce["conditional_update"] <= MOST_SALESFORCE_WRITES
    assert salesforce["collection_update"] == 0
    assert out_of_step(world, UNIT) == {}


def test_a_thousand_changed_leads(thousand: World) -> None:
    assert thousand.twin
    for row in links(thousand, "linked"):
        thousand.twin.edit_org("Lead", row["crm_id"], Title="Changed in Salesforce")
    forget_calls(thousand)
    poll(thousand)
    salesforce, engagement = calls_of(thousand)
    assert_within_budget(thousand, "changed leads", salesforce, engagement)
    assert engagement["update"] == LEADS, "one prospect a call"
    assert salesforce["conditional_update"] == 0
    titles = {person["jobTitle"] for person in prospects(thousand.twin.dump(), UNIT).values()}
    assert titles == {"Changed in Salesforce"}


def test_a_thousand_changed_prospects(thousand: World) -> None:
    assert thousand.twin
    forget_echoes(thousand)
    for row in links(thousand, "linked"):
        thousand.twin.edit_prospect(row["prospect_id"], fields={"jobTitle": "Changed in Account Engagement"})
    forget_calls(thousand)
    poll(thousand)
    salesforce, engagement = calls_of(thousand)
    assert_within_budget(thousand, "changed prospects", salesforce, engagement)
    assert salesforce["conditional_update"] > 0
    assert engagement["update"] == 0
    titles = {record["Title"] for record in crm_records(thousand.twin.dump()).values()}
    assert titles == {"Changed in Account Engagement"}
