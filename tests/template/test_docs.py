"""What docs/reliability.md and docs/assumptions.md name exists: tests, mutants, constants and files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import rules
from bundle import REPO

PAGE = REPO / "docs" / "reliability.md"
CODE = [path for directory in ("crates", "functions", "tests", "tools") for kind in ("*.rs", "*.py")
        for path in (REPO / directory).rglob(kind) if "node_modules" not in path.parts]


def code_spans(text: str) -> set[str]:
    """What stands between backticks, without what `make` writes into the page."""
    by_hand = re.sub(r"<!-- ([\w ]+): made by .*?<!-- end of \1 -->", "", text, flags=re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", by_hand))


def unknown_tests(spans: set[str], sources: str) -> set[str]:
    """Names of tests that no source defines. A name of four words or more is that of a test here."""
    names = {span for span in spans if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){3,}", span)}
    return names - set(re.findall(r"\b(?:fn|def) (\w+)", sources))


def test_every_test_that_the_page_names_exists() -> None:
    sources = "\n".join(path.read_text() for path in CODE)
    spans = code_spans(PAGE.read_text())
    assert len([span for span in spans if span.count("_") > 2]) > 60, "the page names its tests"
    assert unknown_tests(spans, sources) == set()
    assert unknown_tests({"a_test_that_nobody_has_written"}, sources) == {"a_test_that_nobody_has_written"}


def test_every_mutant_that_the_page_names_exists() -> None:
    text = (REPO / "crates" / "simulation" / "src" / "mutants" / "mod.rs").read_text()
    mutants = set(re.findall(r"^    (\w+): \"", text, re.MULTILINE))
    lists = re.findall(r"Mutants?:((?:[\s,]*`\w+`)+)", PAGE.read_text())
    named = {name for names in lists for name in re.findall(r"`(\w+)`", names)}
    assert len(named) > 30
    assert named <= mutants


def test_every_constant_of_the_page_has_its_value() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (\d+) s \| `([^`]+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == 14
    for name, seconds, file in rows:
        found = re.search(rf"{name}\b[^\n]*?(?:from_secs\(|= |: )([\d *]+)\)?[;,]", (REPO / file).read_text())
        assert found, f"{name} is not in {file}"
        factors = [int(factor) for factor in found[1].split("*")]
        product = factors[0] * (factors[1] if len(factors) > 1 else 1)
        assert product == int(seconds), f"{name} is {product} in {file}"


def test_every_file_that_the_pages_name_exists() -> None:
    beginnings = (REPO, REPO / "crates", REPO / "crates/connector/src", REPO / "crates/sync-core/src", REPO / "crates/salesforce/src")
    for page in (PAGE, REPO / "docs" / "assumptions.md"):
        text = page.read_text()
        named = {span for span in code_spans(text) if re.search(r"\.(rs|py|yaml|md)$", span)}
        linked = {target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if not target.startswith("#")}
        missing = {name for name in named if not any((start / name).is_file() for start in beginnings)}
        missing |= {target for target in linked if not (page.parent / Path(target)).exists()}
        assert missing == set(), page.name


def test_the_deployment_page_asks_for_the_concurrency_that_the_functions_reserve(deployed: Any) -> None:
    reserved = sum(function["ReservedConcurrentExecutions"] for function in deployed.of_type(rules.FUNCTION).values())
    (said, quota) = re.search(r"reserve (\d+) concurrent[\s\S]+?at least (\d+)", (REPO / "docs/operating/deploy.md").read_text()).groups()
    assert (int(said), int(quota)) == (reserved, reserved + 100)


def test_every_reason_to_skip_or_hold_a_pair_is_explained() -> None:
    named = re.findall(r'Self::\w+ => "(\w+)"', (REPO / "crates/sync-core/src/decision.rs").read_text())
    page = (REPO / "docs/operating/day-to-day.md").read_text()
    assert len(named) > 10
    assert [name for name in named if f"| `{name}` |" not in page] == []


def generated(name: str, target: str) -> str:
    """What a make target has written into the page."""
    begin, end = f"<!-- {name}: made by `make {target}` -->", f"<!-- end of {name} -->"
    page = PAGE.read_text()
    assert page.count(begin) == page.count(end) == 1, name
    return page.split(begin)[1].split(end)[0]


def test_every_generated_part_of_the_page_is_filled() -> None:
    for name, target in {"schedules": "simulate", "mutants": "mutants", "stale reads": "stale-reads",
                         "without tokens": "without-tokens", "crash points": "crash-points"}.items():
        assert re.search(r"Of the code `[0-9a-f]{12}`:\s+[\d|]", generated(name, target)), f"make {target}"


def test_the_page_says_how_many_schedules_ran_and_none_is_violated() -> None:
    said = re.search(r"([\d,]+) schedules from seed \d+, (\d+) of them violated", generated("schedules", "simulate"))
    assert said, "make simulate"
    assert int(said[1].replace(",", "")) >= 5_000_000
    assert int(said[2]) == 0
