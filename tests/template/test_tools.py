"""The vendors' own checkers, and the list of local differences."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from bundle import PARAMETER_SETS, REPO, load, source
from rules import ALARM

sys.path.insert(0, str(REPO / "tools"))

import local_stack  # noqa: E402

ENVIRONMENT = {**os.environ, "AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def run(*command: str, cwd: Path = REPO) -> None:
    result = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_sam_validate_finds_nothing() -> None:
    run(tool("sam"), "validate", "--lint", "--template-file", "template.yaml")


def test_cfn_lint_finds_nothing_in_the_expanded_template(expanded: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(REPO / "infra", tmp_path / "infra")
    (tmp_path / "expanded.json").write_text(json.dumps(expanded, indent=1))
    parts = ["infra/state.yaml", "infra/queues.yaml", "infra/alarms.yaml"]
    packaged_later = ["--ignore-checks", "W3002"]  # nested parts are local files until `sam deploy` packages them
    run(tool("cfn-lint"), "--include-checks", "I3011", "I3013", *packaged_later, "--", "expanded.json", *parts, cwd=tmp_path)


def test_nested_parts_are_plain_cloudformation() -> None:
    for part in (REPO / "infra").glob("*.yaml"):
        assert "Transform" not in source(f"infra/{part.name}"), f"{part.name}: the local AWS refuses a transform in a part"


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm(deployed: Any) -> None:
    kinds = {a["AlarmDescription"].split(":")[0].removeprefix("docs/runbooks/") for a in deployed.of_type(ALARM).values()}
    assert kinds == {page.name for page in (REPO / "docs" / "runbooks").glob("*.md")}


def test_differences_between_local_and_deployed_are_exactly_the_listed_ones(expanded: dict[str, Any]) -> None:
    same = {**PARAMETER_SETS["deployed"], "Emulated": "true"}
    deployed, local = load(PARAMETER_SETS["deployed"], expanded).resources, load(same, expanded).resources
    differing = {
        f"{key}.{name}"
        for key in deployed.keys() | local.keys()
        if not key.startswith("Root/State")  # only hands Emulated down
        for name in deployed[key]["Properties"].keys() | local[key]["Properties"].keys()
        if deployed[key]["Properties"].get(name) != local[key]["Properties"].get(name)
    }
    listed = tomllib.loads((REPO / "infra" / "local-differences.toml").read_text())
    assert differing == {what for entry in listed["template"] for what in entry["properties"]}


def test_local_defaults_are_accepted_by_the_template() -> None:
    declared = source("template.yaml")["Parameters"]
    for given in (local_stack.DEFAULT_PARAMETERS, *PARAMETER_SETS.values()):
        for name, value in given.items():
            pattern = declared[name].get("AllowedPattern")
            for item in value.split(",") if declared[name]["Type"] == "CommaDelimitedList" else [value]:
                assert pattern is None or re.match(pattern, item), f"{name}={value}"
            assert value in map(str, declared[name].get("AllowedValues", [value])), f"{name}={value}"


def test_samconfig_names_only_existing_parameters() -> None:
    config = tomllib.loads((REPO / "samconfig.toml").read_text())
    declared = source("template.yaml")["Parameters"]
    for stage in ("default", "prod"):
        for pair in config[stage]["deploy"]["parameters"]["parameter_overrides"]:
            assert pair.split("=")[0] in declared
