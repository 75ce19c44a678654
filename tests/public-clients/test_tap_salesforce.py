"""tap-salesforce against the twin's Salesforce: discovery, a full sync, and the next one from its bookmark.

Its log-in host is fixed, so its process runs with redirect/sitecustomize.py in front.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import HERE, PEOPLE, Served
from world import CLIENT_ID

TAP = HERE.parents[1] / ".venv-tap" / "bin" / "tap-salesforce"


def run(served: Served, home: Path, *arguments: str | Path) -> str:
    config = home / "config.json"
    config.write_text(
        json.dumps(
            {
                "client_id": CLIENT_ID,
                "client_secret": "twin-secret",
                "refresh_token": "twin-refresh",
                "start_date": "2020-01-01T00:00:00Z",
                "api_type": "REST",
                "select_fields_by_default": "true",
            }
        )
    )
    environment = {**os.environ, "TWIN_URL": served.url, "PYTHONPATH": str(HERE / "redirect")}
    command = [TAP, "--config", config, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def catalog(served: Served, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return json.loads(run(served, tmp_path_factory.mktemp("tap"), "--discover"))


def sync(served: Served, home: Path, catalog: dict[str, Any], state: dict[str, Any] | None) -> list[dict[str, Any]]:
    leads = [stream for stream in catalog["streams"] if stream["stream"] == "Lead"]
    for entry in leads[0]["metadata"]:
        if entry["breadcrumb"] == []:
            entry["metadata"]["selected"] = True
    (home / "catalog.json").write_text(json.dumps({"streams": leads}))
    arguments: list[str | Path] = ["--properties", home / "catalog.json"]
    if state is not None:
        (home / "state.json").write_text(json.dumps(state))
        arguments += ["--state", home / "state.json"]
    return [json.loads(line) for line in run(served, home, *arguments).splitlines()]


def test_discovery_finds_the_objects_and_their_types(catalog: dict[str, Any]) -> None:
    schemas = {stream["stream"]: stream["schema"]["properties"] for stream in catalog["streams"]}
    assert {"Lead", "Contact", "Account", "User"} <= schemas.keys()
    assert schemas["Lead"]["SystemModstamp"]["anyOf"][0]["format"] == "date-time"
    assert "boolean" in schemas["Lead"]["HasOptedOutOfEmail"]["type"]


def test_a_sync_reads_all_and_the_next_only_what_changed(
    served: Served, tmp_path: Path, catalog: dict[str, Any]
) -> None:
    messages = sync(served, tmp_path, catalog, None)
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert len(records) == PEOPLE and {record["Company"] for record in records} == {"Acme"}
    state = [message["value"] for message in messages if message["type"] == "STATE"][-1]
    served.twin.control("POST", "clock", {"advance_seconds": 60})
    served.twin.edit_org("Lead", records[0]["Id"], Title="Changed")
    again = sync(served, tmp_path, catalog, state)
    changed = [message["record"] for message in again if message["type"] == "RECORD"]
    assert (records[0]["Id"], "Changed") in {(record["Id"], record["Title"]) for record in changed}
