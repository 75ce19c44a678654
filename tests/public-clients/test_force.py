"""The `force` crate against the twin's Account Engagement; the checks are in force/src/main.rs."""

from __future__ import annotations

import os
import subprocess

from conftest import HERE, PEOPLE, Served
from world import CLIENT_ID, UNIT

CHECKS = [
    "log-in with client credentials",
    "a query over several pages",
    "create, update, read",
    "delete, and the recycle bin shows it",
    "upsert by address",
    "an unknown field is refused",
    "an unknown business unit is refused",
]


def test_force(served: Served) -> None:
    for number in range(PEOPLE):
        served.twin.edit_prospect(fields={"email": f"p{number}@force.example"})
    command = ["cargo", "run", "--quiet", "--locked", "--", served.url, CLIENT_ID, UNIT]
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(HERE.parents[1] / "target" / "public-clients"),
        "RUST_BACKTRACE": "0",
    }
    done = subprocess.run(
        command, cwd=HERE / "force", env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"ok {check}" for check in CHECKS]
