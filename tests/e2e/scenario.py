"""Some days of work on both sides, and everything that must be the same at their end whatever went wrong in between."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from oracle import links
from world import UNIT, World

# Moves on by itself, or tells the connector's own writes apart: never the same twice.
STAMPS = ("date", "at", "modstamp", "prospect_sync_token__c")
LOST, WON = "Lyon", "Paris"  # the conflict's values: Account Engagement's loses, F2


class Scenario:
    """One run of it, among the people of other runs: every address begins with the name of the run."""

    def __init__(self, world: World, run: str) -> None:
        self.world = world
        self.run = run

    def steps(self) -> list[Callable[[], None]]:
        """What people do, in turns with the connector."""
        return [self.create, self.edit, self.bring_back]

    def create(self) -> None:
        for name in ("both", "conflict", "gone", "back"):
            fields = {"LastName": name.title(), "Company": "Example", "Email": self.address(name), "City": "Bonn"}
            self.twin.edit_org("Lead", **fields)
        for name in ("prospect", "other"):
            fields = {"lastName": name.title(), "email": self.address(name), "city": "Bonn"}
            self.twin.edit_prospect(fields=fields, assign="tom.becker")

    def edit(self) -> None:
        self.edit_lead("both", Phone="+33 1 00")
        self.edit_prospect("both", jobTitle="Engineer", country="France")
        self.edit_lead("conflict", City=WON)
        self.edit_prospect("conflict", city=LOST)
        self.edit_lead("prospect", Title="Analyst")
        self.edit_prospect("other", phone="+33 2 00", country="Italy")
        for name in ("gone", "back"):
            self.change_lead(name, delete=True)

    def bring_back(self) -> None:
        self.change_lead("back", undelete=True, fields={"City": "Rome"})
        self.edit_prospect("both", phone="+33 3 00")

    @property
    def twin(self) -> Any:
        assert self.world.twin
        return self.world.twin

    def address(self, name: str) -> str:
        return f"{self.run}-{name}@example.com"

    def edit_lead(self, name: str, **fields: str) -> None:
        self.change_lead(name, fields=fields)

    def change_lead(self, name: str, **change: Any) -> None:
        """What a person does to the oldest lead with an address; nobody expects a second one."""
        lead = self.leads()[self.address(name)][0]["Id"]
        self.twin.control("POST", "org/edit", {"object": "Lead", "id": lead, "user": "ines.moreau@example.com", **change})

    def edit_prospect(self, name: str, **fields: str) -> None:
        self.twin.edit_prospect(self.prospects()[self.address(name)][0]["id"], fields=fields)

    def leads(self) -> dict[str, list[dict[str, Any]]]:
        """The leads and contacts of this run by address, deleted ones too."""
        objects = self.twin.dump()["org"]["objects"]
        return self.by_address([*objects["Lead"], *objects["Contact"]], "Email")

    def prospects(self) -> dict[str, list[dict[str, Any]]]:
        """The prospects of this run by address, deleted ones too."""
        return self.by_address(self.twin.dump()["units"][UNIT]["prospects"], "email")

    def by_address(self, rows: list[dict[str, Any]], field: str) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            address = str(row.get(field) or "")
            if address.startswith(f"{self.run}-"):
                found.setdefault(address, []).append(row)
        return found

    def links(self) -> dict[str, dict[str, Any]]:
        """The link rows of this run by the address of the record that the pair came from."""
        names = self.names()
        rows = [row for row in links(self.world) if row["key"].split(":")[1] in names]
        return {names[row["key"].split(":")[1]]: row for row in rows}

    def names(self) -> dict[str, str]:
        """Every id of this run, and the address it stands for: a record that is created later has another id."""
        sides = ((self.leads(), "Id", "lead"), (self.prospects(), "id", "prospect"))
        return {
            str(row[field]): f"{address.removeprefix(self.run)} {kind}"
            for rows, field, kind in sides
            for address, found in rows.items()
            for row in found
        }

    def end(self) -> list[str]:
        """A line for each record and link."""
        rows = [row for side in (self.leads(), self.prospects()) for found in side.values() for row in found]
        told = ("key", "state", "reason", "crm_id", "prospect_id", "intent", "has_open_error", "is_crm_deleted", "base")
        rows += [{name: row.get(name) for name in told} for row in self.links().values()]
        names = self.names()
        return sorted(self.canonical(row, names) for row in rows)

    def canonical(self, row: dict[str, Any], names: dict[str, str]) -> str:
        kept = {
            name: value
            for name, value in row.items()
            if value is not None and not name.lower().endswith(STAMPS)
        }
        text = json.dumps(kept, sort_keys=True).replace(f"{self.run}-", "-")
        return re.sub(r"\w+", lambda word: names.get(word.group(), word.group()), text)
