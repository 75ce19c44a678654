"""The connector at work, on this machine: builds, deploys to a local AWS, and explains what it syncs.

    make demo            GATEWAY_PORT and TWIN_PORT choose ports; free ones are taken otherwise
"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from local_stack import REPO, LocalStackError  # noqa: E402
from world import World, WorldError  # noqa: E402

TTY = sys.stdout.isatty()
PACKAGES = ("poller", "reconciler", "worker", "dlq-drain", "admin", "twin", "cli")


def paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if TTY else text


def say(text: str = "") -> None:
    print(text, flush=True)


def headline(text: str) -> None:
    say(f"\n{paint('1', text)}")


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """One line of progress with the seconds it took."""
    started = time.monotonic()
    if TTY:
        print(f"  … {text}", end="", flush=True)
    yield
    start_of_line = "\r\033[K" if TTY else ""
    say(f"{start_of_line}  {paint('32', '✓')} {text} ({time.monotonic() - started:.1f} s)")


def follow(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Shows what cargo compiles until it ends; how many crates that were, and its last lines."""
    assert process.stderr is not None
    compiled, tail = 0, []
    for line in process.stderr:
        tail = [*tail[-30:], line]
        if match := re.match(r"\s*(Compiling|Downloaded) (\S+)", line):
            compiled += match[1] == "Compiling"
            if TTY:
                print(f"\r\033[K  … {compiled} crates, {match[2]}", end="", flush=True)
            elif match[1] == "Compiling" and compiled % 25 == 0:
                say(f"  … {compiled} crates")
    process.wait()
    return compiled, tail


def build() -> None:
    """Builds the function binaries, the twin and the operator's command; shows how far it is."""
    headline("Building")
    started = time.monotonic()
    packages = [argument for name in PACKAGES for argument in ("-p", name)]
    command = ["cargo", "build", "--release", "--locked", *packages]
    process = subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True)
    try:
        compiled, tail = follow(process)
    finally:
        process.terminate()
    if process.wait() != 0:
        sys.exit("".join(tail))
    start_of_line = "\r\033[K" if TTY else ""
    seconds = time.monotonic() - started
    say(f"{start_of_line}  {paint('32', '✓')} {compiled} crates compiled ({seconds:.1f} s)")


class Ticks:
    """Polls, waits for the workers, and prints one row of what happened."""

    COLUMNS = (
        ("tick", 4), ("seen", 6), ("created", 8), ("updated", 8), ("no-op", 6), ("skipped", 8), ("held", 5),
        ("errors", 7), ("SF calls", 9), ("AE calls", 9), ("time", 7),
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def header(self) -> None:
        say("  " + " ".join(name.rjust(width) for name, width in self.COLUMNS))

    def tick(self, note: str = "") -> dict[str, Any]:
        """One poll and everything that follows from it."""
        assert self.world.stack
        started = time.monotonic()
        self.world.stack.invoke("poller", {})
        self.world.wait_until_quiet()
        return self.row(started, note)

    def row(self, started: float, note: str = "") -> dict[str, Any]:
        """The row of what was logged since the last one."""
        totals: Counter[str] = Counter()
        skipped: Counter[str] = Counter()
        for event in self.world.fresh_events():
            for name, value in event.items():
                if isinstance(value, int):
                    totals[name] += value
            skipped.update(event.get("skipped", {}))
        self.count += 1
        values = [
            self.count, totals["ChangesSeen"], totals["RecordsCreated"], totals["RecordsUpdated"], totals["PairsNoop"],
            totals["PairsSkipped"], totals["PairsHeld"], totals["ErrorsNew"], totals["SalesforceCalls"],
            totals["AccountEngagementCalls"], f"{time.monotonic() - started:.1f} s",
        ]
        cells = " ".join(str(value).rjust(width) for value, (_, width) in zip(values, self.COLUMNS, strict=True))
        reasons = ", ".join(f"{reason} {count}" for reason, count in skipped.most_common())
        say(f"  {cells}  {paint('2', ' · '.join(part for part in (note, reasons) if part))}")
        return {"totals": totals, "skipped": skipped}


BACKGROUND = {"M3", "R102"}  # rules that speak on every look: linked already, an owner who is nobody's user


def let_the_second_end() -> None:
    """A lead that changed less than two seconds ago is written half a minute later (docs/decisions/0011)."""
    time.sleep(2.1)


class Story:
    """A dozen edits on both sides, each explained by the rule that decided it."""

    def __init__(self, world: World, ticks: Ticks) -> None:
        self.world = world
        self.ticks = ticks
        assert world.twin
        self.twin = world.twin
        linked = world.links("--state", "linked")
        leads = [row for row in linked if row["crm_id"].startswith("00Q")]
        contacts = [row for row in linked if row["crm_id"].startswith("003")]
        self.leads: Iterator[dict[str, Any]] = iter(leads)
        self.contacts: Iterator[dict[str, Any]] = iter(contacts)

    def explain(self, what: str, record: str | int) -> None:
        """What was done, what came of it, and why, in one line."""
        rows = self.world.cli("links", "--record", str(record))["rows"]
        if not rows:
            say(f"  {paint('33', '?')} {what}: no link")
            return
        link = rows[0]
        trace = link.get("last_trace") or {"rules": [], "fields": []}
        reasons = []
        for field in trace["fields"]:
            winner = {
                "salesforce": "Salesforce's value", "account_engagement": "Account Engagement's value",
            }.get(field["winner"], "left as it is")
            conflict = ", a conflict" if field["conflict"] else ""
            reasons.append(f"{paint('36', field['rule'])} {field['field']}: {winner}{conflict}")
        rules = {rule["rule"]: rule["said"] for rule in trace["rules"]}
        said = [f"{paint('36', rule)} {text}" for rule, text in rules.items() if rule not in BACKGROUND]
        state = link["state"] if link["state"] == "linked" else f"{link['state']} ({link.get('reason')})"
        say(f"  {paint('32', '✓')} {what}\n      → {state}: {'; '.join(said + reasons) or 'nothing differed'}")

    def play(self) -> None:
        first, second, third = (next(self.leads) for _ in range(3))
        contact = next(self.contacts)
        headline("Edits on both sides")
        self.twin.edit_org("Lead", first["crm_id"], Phone="+33 1 40 20 50 50")
        self.twin.edit_prospect(second["prospect_id"], fields={"jobTitle": "Head of Operations"})
        self.twin.edit_org("Contact", contact["crm_id"], Title="Chief Revenue Officer")
        self.twin.edit_prospect(contact["prospect_id"], fields={"phone": "+49 30 901820"})
        self.twin.edit_org("Lead", third["crm_id"], City="Lyon")
        self.twin.edit_prospect(third["prospect_id"], fields={"city": "Lille"})
        person = {"lastName": "Okafor", "company": "Okafor Ltd"}
        loose = self.twin.edit_prospect(fields={"email": "ada.okafor@example.com", "firstName": "Ada", **person})["id"]
        owned = self.twin.edit_prospect(fields={"email": "ben.okafor@example.com", "firstName": "Ben", **person})["id"]
        self.twin.edit_prospect(owned, assign="ines.moreau")
        arrived = self.twin.edit_org("Lead", None, LastName="Haddad", Company="Haddad SARL", Email="lina@haddad.example")
        let_the_second_end()
        self.ticks.header()
        self.ticks.tick("eight edits")
        self.explain("a phone number changed in Salesforce", first["crm_id"])
        self.explain("a job title changed in Account Engagement", second["prospect_id"])
        self.explain("different fields of one contact changed on both sides", contact["crm_id"])
        self.explain("the same field changed on both sides", third["crm_id"])
        self.explain("a prospect without assigned user arrived", loose)
        self.explain("a prospect assigned to Ines arrived", owned)
        self.explain("a lead was created in Salesforce", arrived["id"])
        self.error_and_correction(second)
        self.paused_and_manual(first, second)

    def error_and_correction(self, link: dict[str, Any]) -> None:
        headline("A value that Salesforce does not take, and its correction")
        prospect = link["prospect_id"]
        self.ticks.header()
        self.twin.edit_prospect(prospect, fields={"Region__c": "Atlantis"})
        let_the_second_end()
        self.ticks.tick("a region that is not in the picklist")
        (row,) = [row for row in self.world.cli("errors")["rows"] if row["prospect_id"] == prospect]
        say(f"  {paint('31', '✗')} {row['code']} on {', '.join(row['fields'])}; to act: {row['owner']}")
        self.twin.edit_prospect(prospect, fields={"Region__c": "Europe"})
        self.ticks.tick("corrected")
        open_rows = [row for row in self.world.cli("errors")["rows"] if row["prospect_id"] == prospect]
        say(f"  {paint('32', '✓')} the error row is {'still open' if open_rows else 'closed'}")
        self.explain("the corrected region", prospect)

    def paused_and_manual(self, automatic: dict[str, Any], manual: dict[str, Any]) -> None:
        headline("Paused: automatic sync waits, a manual one goes on")
        self.world.cli("pause")
        self.twin.edit_prospect(automatic["prospect_id"], fields={"jobTitle": "Director"})
        self.twin.edit_prospect(manual["prospect_id"], fields={"jobTitle": "Board Member"})
        self.ticks.header()
        self.ticks.tick("two edits while paused")
        let_the_second_end()
        started = time.monotonic()
        self.world.cli("sync", str(manual["prospect_id"]))
        self.world.wait_until_quiet()
        self.ticks.row(started, "prospect-sync sync")
        self.explain("synced by hand while paused", manual["prospect_id"])
        self.world.cli("activate")
        self.ticks.tick("activated: caught up")
        self.explain("the edit that waited", automatic["prospect_id"])


def show(world: World, hold: bool) -> None:
    headline("Starting Salesforce and Account Engagement (twin) and a local AWS")
    with step("twin, local AWS, sam deploy of template.yaml, private key"):
        world.start(log=lambda _: None)
    assert world.twin and world.stack
    with step("configuration checked against both services and applied (config/connector.example.yaml)"):
        world.cli("config", "apply", str(world.config()))
    with step("sample org: 60 accounts, 182 contacts, 320 leads, 200 prospects"):
        world.twin.load_sample_org()
    with step("connector activated"):
        world.cli("activate")
    headline("Falling into step")
    say("  seen: rows the poller found changed · no-op: already equal, our own echoes among them · calls: all APIs of a side")
    ticks = Ticks(world)
    ticks.header()
    for note in ("the whole sample org", "our own writes come back", "nothing left to do"):
        ticks.tick(note)
    Story(world, ticks).play()
    headline("Status, as the operator sees it")
    say(world.run_cli("status").stdout)
    if hold:
        environment = " ".join(f"{name}={value}" for name, value in world.stack.env().items())
        say(f"The stack stays up until Ctrl-C. In another shell:\n  {environment} \\")
        say(f"    target/release/prospect-sync --stack {world.name} errors")
        signal.pause()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold", action="store_true", help="keep everything running until Ctrl-C")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        build()
        with World("prospect-sync-demo", ScheduleState="DISABLED") as world:
            show(world, arguments.hold)
    except KeyboardInterrupt:
        say("\nStopped; nothing is left running.")
        return 130
    except (WorldError, LocalStackError) as error:
        say(f"\n{paint('31', 'The demo stopped')}: {error}")
        return 1
    say(f"Done in {time.monotonic() - started:.0f} s; nothing is left running.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
