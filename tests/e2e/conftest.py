"""One deployed stack for all end-to-end tests, and the questions the tests ask of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from world import World  # noqa: E402


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Twin and deployed stack, with the schedule off so that tests decide when to poll."""
    with World(
        "e2e", ScheduleState="DISABLED", WorkerTimeoutSeconds="100", VisibilityTimeoutSeconds="600"
    ) as running:
        running.start(alarm_speed=30)
        yield running
