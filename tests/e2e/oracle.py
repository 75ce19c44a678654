"""What the two sides must look like, computed from the twin's own records and not from the connector."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from world import World  # noqa: E402

# The example field map, once more and by hand: prospect field -> lead field, contact field, kind.
FIELDS: dict[str, tuple[str | None, str | None, str]] = {
    "firstName": ("FirstName", "FirstName", "text"),
    "lastName": ("LastName", "LastName", "text"),
    "email": ("Email", "Email", "email"),
    "jobTitle": ("Title", "Title", "text"),
    "phone": ("Phone", "Phone", "text"),
    "city": ("City", "MailingCity", "text"),
    "country": ("Country", "MailingCountry", "text"),
    "industry": ("Industry", None, "text"),
    "source": ("LeadSource", "LeadSource", "text"),
    "optedOut": ("HasOptedOutOfEmail", "HasOptedOutOfEmail", "boolean"),
    "company": ("Company", "Account.Name", "text"),
    "employees": ("NumberOfEmployees", None, "number"),
    "score": ("pi__score__c", "pi__score__c", "number"),
    "Region__c": ("Region__c", "Region__c", "text"),
    "Renewal_Date__c": ("Renewal_Date__c", "Renewal_Date__c", "text"),
}


def canonical(value: Any, kind: str) -> Any:
    if kind == "boolean":
        return bool(value)
    if kind == "number":
        return None if value in (None, "") else float(value)
    text = "" if value is None else str(value).strip()
    if text == "[[Unknown]]":
        return ""
    return text.lower() if kind == "email" else text


def links(world: World, state: str | None = None) -> list[dict[str, Any]]:
    """Every link row, or those in a state."""
    return world.links("--state", state) if state else world.links()


def crm_records(dump: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Live leads and contacts by id, contacts with the name of their account."""
    accounts = {account["Id"]: account["Name"] for account in dump["org"]["objects"].get("Account", [])}
    return {
        record["Id"]: {**record, "object": name, "Account.Name": accounts.get(record.get("AccountId"))}
        for name in ("Lead", "Contact")
        for record in dump["org"]["objects"][name]
        if not record.get("IsDeleted")
    }


def prospects(dump: dict[str, Any], unit: str) -> dict[int, dict[str, Any]]:
    """Live prospects by id."""
    return {row["id"]: row for row in dump["units"][unit]["prospects"] if not row.get("isDeleted")}


def differences(record: dict[str, Any], prospect: dict[str, Any]) -> list[str]:
    """The mapped fields in which a pair differs."""
    found = []
    for name, (lead, contact, kind) in FIELDS.items():
        field = lead if record["object"] == "Lead" else contact
        if field and canonical(record.get(field), kind) != canonical(prospect.get(name), kind):
            found.append(name)
    return found


def both_sides(world: World, unit: str) -> str:
    """Every live record of both sides, stamps and all."""
    assert world.twin
    dump = world.twin.dump()
    sides = [list(crm_records(dump).values()), list(prospects(dump, unit).values())]
    return json.dumps(sides, sort_keys=True)


def out_of_step(world: World, unit: str) -> dict[str, list[str]]:
    """The fields in which linked pairs differ although no error row is open for them."""
    assert world.twin
    dump = world.twin.dump()
    crm, people = crm_records(dump), prospects(dump, unit)
    open_errors = {row["pair"] for row in world.cli("errors")["rows"]}
    found = {
        row["key"]: differences(crm[row["crm_id"]], people[row["prospect_id"]])
        for row in links(world, "linked")
        if row["key"] not in open_errors
    }
    return {key: fields for key, fields in found.items() if fields}


def unexplained(world: World, unit: str) -> list[Any]:
    """Records that no link row speaks of."""
    assert world.twin
    dump = world.twin.dump()
    rows = links(world)
    explained = {row["crm_id"] for row in rows} | {row["prospect_id"] for row in rows}
    return [record for record in [*crm_records(dump), *prospects(dump, unit)] if record not in explained]


def duplicates(world: World, unit: str) -> list[str]:
    """Records linked more than once, and pair keys that more than one record of a side carries."""
    assert world.twin
    dump = world.twin.dump()
    linked = links(world, "linked")
    sides = [
        Counter(row["crm_id"] for row in linked),
        Counter(row["prospect_id"] for row in linked),
        Counter(row.get("Prospect_Sync_Key__c") for row in crm_records(dump).values()),
        Counter(row.get("Prospect_Sync_Key__c") for row in prospects(dump, unit).values()),
    ]
    return [str(name) for side in sides for name, count in side.items() if name and count > 1]
