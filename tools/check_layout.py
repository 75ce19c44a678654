"""The layout's promises that no compiler checks: sizes, headers, direction of dependencies.

    python tools/check_layout.py        exit 1 names every broken promise
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
MAX_LINES = 400
DECISIONS = REPO / "docs" / "decisions"

# What a crate of ours may depend on, directly, among our crates; crates/sync-core/tests/purity.rs says what else the core
# must not use. Test-only dependencies are not listed.
ALLOWED = {
    "sync-core": set(),
    "salesforce": {"sync-core"},
    "account-engagement": {"sync-core"},
    "twin": {"sync-core"},
    "connector": {"sync-core", "salesforce", "account-engagement"},
    "aws": {"connector", "sync-core", "salesforce", "account-engagement"},
    "cli": {"sync-core"},
    "fuzz": {"aws", "connector", "twin", "sync-core", "salesforce", "account-engagement"},
    "simulation": {"connector", "twin", "sync-core", "salesforce", "account-engagement"},
    "poller": {"aws", "connector"},
    "reconciler": {"aws", "connector"},
    "worker": {"aws", "connector"},
    "dlq-drain": {"aws", "connector"},
    "admin": {"aws", "connector", "sync-core"},
}

def sources() -> list[Path]:
    """Every source file of ours."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.py"],
        cwd=REPO, capture_output=True, text=True, check=True,
    )
    return [REPO / name for name in listed.stdout.splitlines() if (REPO / name).exists()]


def too_long(files: list[Path]) -> list[str]:
    """Files past the ceiling that no decision speaks of."""
    decided = "\n".join(page.read_text() for page in DECISIONS.glob("*.md"))
    found = []
    for file in files:
        name, lines = str(file.relative_to(REPO)), len(file.read_text().splitlines())
        if lines > MAX_LINES and f"`{name}`" not in decided:
            found.append(f"{name} has {lines} lines: split it, or say why not in docs/decisions (at most {MAX_LINES})")
    return found


def without_header(files: list[Path]) -> list[str]:
    """Files that do not begin by saying what they are for."""
    starts = {".rs": ("//!", "#![doc"), ".py": ('"""',)}
    return [
        f"{file.relative_to(REPO)} does not begin with a sentence that says what it is for"
        for file in files
        if file.read_text().strip() and not file.read_text().startswith(starts[file.suffix])
    ]


def wrong_dependencies() -> list[str]:
    """Dependencies that point upwards, and crates the table does not know."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"],
        cwd=REPO, capture_output=True, text=True, check=True,
    )
    packages = {package["name"]: package for package in json.loads(metadata.stdout)["packages"]}
    found = [f"tools/check_layout.py does not know the crate {name}" for name in packages if name not in ALLOWED]
    for name, package in packages.items():
        normal = {dependency["name"] for dependency in package["dependencies"] if dependency["kind"] is None}
        upward = (normal & packages.keys()) - ALLOWED.get(name, set())
        found += [f"{name} must not depend on {other}" for other in sorted(upward)]
    return found


def main() -> int:
    files = sources()
    problems = too_long(files) + without_header(files) + wrong_dependencies()
    print("\n".join(problems) or f"layout: {len(files)} files, as promised")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
