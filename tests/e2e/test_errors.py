"""Every failure has a row with an owner, and the row closes when the cause is gone."""

from __future__ import annotations

import json
import uuid

from alarm_bridge import FUNCTIONS
from oracle import links
from test_both_ways import poll, settled  # noqa: F401
from world import World


def test_a_restricted_picklist_value_is_parked_and_released_by_its_correction(settled: World) -> None:  # noqa: F811
    assert settled.twin
    link = [row for row in links(settled, "linked") if row["crm_id"].startswith("00Q")][4]
    settled.twin.edit_prospect(link["prospect_id"], fields={"Region__c": "Atlantis"})
    poll(settled)
    (row,) = [row for row in settled.cli("errors")["rows"] if row["prospect_id"] == link["prospect_id"]]
    assert row["code"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert row["fields"] == ["Region__c"] and row["owner"] == "marketing operations"
    assert "Atlantis" not in json.dumps(row), "an error row must not hold the value"
    settled.twin.edit_prospect(link["prospect_id"], fields={"Region__c": "Europe"})
    poll(settled)
    assert not [row for row in settled.cli("errors")["rows"] if row["prospect_id"] == link["prospect_id"]]


def test_one_bad_record_does_not_fail_its_neighbours(settled: World) -> None:  # noqa: F811
    assert settled.twin
    rows = [row for row in links(settled, "linked") if row["crm_id"].startswith("00Q")][5:9]
    for row in rows:
        settled.twin.edit_prospect(row["prospect_id"], fields={"jobTitle": "Neighbour"})
    settled.twin.edit_prospect(rows[0]["prospect_id"], fields={"Region__c": "Nowhere"})
    poll(settled)
    leads = {record["Id"]: record for record in settled.twin.dump()["org"]["objects"]["Lead"]}
    assert leads[rows[0]["crm_id"]].get("Title") != "Neighbour"
    assert [leads[row["crm_id"]]["Title"] for row in rows[1:]] == ["Neighbour"] * 3
    settled.twin.edit_prospect(rows[0]["prospect_id"], fields={"Region__c": "Asia Pacific"})
    poll(settled)


def test_no_value_reaches_a_log(settled: World) -> None:  # noqa: F811
    assert settled.twin and settled.stack
    canary = f"canary{uuid.uuid4().hex}"
    link = [row for row in links(settled, "linked") if row["crm_id"].startswith("00Q")][10]
    settled.twin.edit_prospect(link["prospect_id"], fields={"jobTitle": canary})
    settled.twin.edit_prospect(link["prospect_id"], fields={"Region__c": canary})
    poll(settled)
    lines = [line for function in FUNCTIONS for line in settled.stack.logs(function)]
    assert lines and not [line for line in lines if canary in line]
    settled.twin.edit_prospect(link["prospect_id"], fields={"Region__c": "Europe"})
    poll(settled)
