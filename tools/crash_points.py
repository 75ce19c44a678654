"""Counts the crash points that the tests go through, and writes the counts into a page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

COMMAND = [
    *("cargo", "test", "--workspace", "--locked", "--test", "crash_points", "--test", "cursors"),
    *("--", "--include-ignored", "--nocapture"),
]
BEGIN = "<!-- crash points: made by `make crash-points` -->"
END = "<!-- end of crash points -->"
SINGLE = re.compile(r"(?P<name>[a-z, ]+): (?P<calls>\d+) port calls, (?P<points>\d+) crash points")
PAIRS = re.compile(r"(?P<name>[a-z, ]+): (?P<pairs>\d+) pairs of crashes")


def table(output: str) -> str:
    """The counts as rows, by the names that the tests print."""
    pairs = {found["name"].strip(): found["pairs"] for found in PAIRS.finditer(output)}
    singles = sorted(SINGLE.finditer(output), key=lambda found: found["name"])
    if not singles or not pairs:
        raise SystemExit("the tests printed no counts")
    rows = [
        f"| {found['name'].strip()} | {found['calls']} | {found['points']} | {pairs.get(found['name'].strip(), '')} |"
        for found in singles
    ]
    head = ["| Script | Port calls | Failures, each at a call of its own | Pairs of deaths |", "|---|---:|---:|---:|"]
    return "\n".join(head + rows)


def main() -> None:
    """Runs the tests; a failing one writes nothing. The page says of which code the counts are."""
    page, code = Path(sys.argv[1]), sys.argv[2]
    output = subprocess.run(COMMAND, check=True, stdout=subprocess.PIPE, text=True).stdout
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\nOf the code `{code}`:\n\n{table(output)}\n\n{END}{after}")


if __name__ == "__main__":
    main()
