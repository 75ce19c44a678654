"""R8: paused, automatic sync is held and caught up; manual syncs go on."""

from __future__ import annotations

from oracle import crm_records, links, prospects
from test_both_ways import poll, settled  # noqa: F401
from world import UNIT, World


def test_r8_automatic_waits_and_manual_goes_on(settled: World) -> None:  # noqa: F811
    assert settled.twin
    first, second = [row for row in links(settled, "linked") if row["crm_id"].startswith("00Q")][1:3]
    settled.cli("pause")
    settled.twin.edit_prospect(first["prospect_id"], fields={"jobTitle": "Held"})
    settled.twin.edit_prospect(second["prospect_id"], fields={"jobTitle": "By Hand"})
    poll(settled)
    settled.cli("sync", str(second["prospect_id"]))
    settled.wait_until_quiet()
    crm = crm_records(settled.twin.dump())
    assert crm[first["crm_id"]].get("Title") != "Held"
    assert crm[second["crm_id"]]["Title"] == "By Hand"
    settled.cli("activate")
    poll(settled)
    assert crm_records(settled.twin.dump())[first["crm_id"]]["Title"] == "Held"


def test_r47_a_lead_sent_by_hand_works_while_paused(settled: World) -> None:  # noqa: F811
    assert settled.twin
    settled.cli("pause")
    lead = settled.twin.edit_org("Lead", None, LastName="Ruiz", Company="Ruiz SA", Email="eva@ruiz.example")["id"]
    settled.cli("send", lead)
    settled.wait_until_quiet()
    people = prospects(settled.twin.dump(), UNIT).values()
    assert [person["lastName"] for person in people if person["email"] == "eva@ruiz.example"] == ["Ruiz"]
    settled.cli("activate")
    poll(settled)
    people = prospects(settled.twin.dump(), UNIT).values()
    assert len([person for person in people if person["email"] == "eva@ruiz.example"]) == 1
