"""jsforce against the twin's Salesforce; the checks are in jsforce/checks.mjs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import Served
from world import CLIENT_ID

CHECKS = [
    "log-in with user name and password",
    "a query over several pages",
    "create, update, retrieve",
    "upsert by external id",
    "a collection with one bad record",
    "delete, and queryAll finds it",
    "an unknown field is told",
]


def test_jsforce(served: Served) -> None:
    checks = Path(__file__).parent / "jsforce" / "checks.mjs"
    done = subprocess.run(
        ["node", checks, served.url, CLIENT_ID], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"ok {check}" for check in CHECKS]
