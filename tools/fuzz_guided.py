"""Runs the targets of crates/fuzz under libFuzzer, one after the other.

    python tools/fuzz_guided.py [--keep] [target ...]     FUZZ_SECONDS each, 30 when unset

A run begins with the inputs of crates/fuzz/corpus and with those that earlier runs left in fuzz/corpus, which git does
not see. With --keep nothing runs: the few of the latter that add the most branches to the former are copied there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
KEPT = REPO / "crates" / "fuzz" / "corpus"
FOUND = REPO / "fuzz" / "corpus"
# The longest that one input may take, in seconds: the same as in crates/fuzz/src/drive.rs.
LONGEST_SECONDS = 5
# A corpus that people can read: this many files of a target at once, none longer.
MOST_FILES = 30
MOST_BYTES = 2_000


def cargo_fuzz(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of cargo-fuzz, with what it printed. No sanitizer: it would need a nightly, and we have no unsafe."""
    path = f"{REPO / '.cargo-fuzz' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    options = [] if command == "list" else ["--sanitizer", "none"]
    return subprocess.run(
        ["cargo", "fuzz", command, "--fuzz-dir", "fuzz", *options, *arguments],
        cwd=REPO, env={**os.environ, "PATH": path, "RUST_BACKTRACE": "0"}, text=True, errors="replace", check=False,
        stdout=subprocess.PIPE, stderr=None if command == "build" else subprocess.STDOUT,
    )


def explore(target: str, seconds: str) -> bool:
    """Runs a target and prints what it did; whether every input kept the promises."""
    FOUND.joinpath(target).mkdir(parents=True, exist_ok=True)
    done = cargo_fuzz(
        "run", target, str(FOUND / target), str(KEPT / target), "--",
        f"-max_total_time={seconds}", f"-timeout={LONGEST_SECONDS}", "-print_final_stats=1",
    )
    if done.returncode:
        lines = done.stdout.splitlines()
        starts = [number for number, line in enumerate(lines) if re.search("panicked at|ERROR: libFuzzer", line)] or [0]
        file = [line for line in lines if "Test unit written to" in line]
        print(f"{target} is broken:", *lines[starts[0] : starts[0] + 4], *file, sep="\n", flush=True)
        return False
    executions = int(re.findall(r"number_of_executed_units: (\d+)", done.stdout)[-1])
    branches = [int(count) for count in re.findall(r"(?:INITED|DONE) +cov: (\d+)", done.stdout)]
    before, now = branches[0], branches[-1]
    print(f"{target:22} {executions:>10,} inputs, {before:>6,} branches at first, {now:>6,} at last", flush=True)
    return True


def reached(target: str) -> dict[Path, set[str]]:
    """The branches that each input of both corpora, and none, reaches: libFuzzer notes them while it merges."""
    with tempfile.TemporaryDirectory() as folder:
        notes, nothing = Path(folder, "notes"), Path(folder, "nothing")
        nothing.mkdir()
        # The first input of a process reaches what is done once only: it is of neither corpus.
        nothing.joinpath("line").write_text("\n")
        merged = cargo_fuzz(
            "run", target, str(nothing), str(KEPT / target), str(FOUND / target), "--",
            "-set_cover_merge=1", "-use_counters=0", f"-merge_control_file={notes}",
        )
        if merged.returncode:
            sys.exit(f"the inputs of {target} cannot be compared:\n{merged.stdout}")
        lines = notes.read_text().splitlines()
    names = [Path(name) for name in lines[2 : 2 + int(lines[0])]]
    features = (line.split()[1:] for line in lines[2 + len(names) :] if line.startswith("FT "))
    return {names[int(number)]: set(branches) for number, *branches in features}


def keep(target: str) -> None:
    """Copies what adds the most branches into the kept corpus; bytes that are no text have to add twice as many."""
    branches = reached(target)
    covered = set().union(*(branches[file] for file in branches if file.parent != FOUND / target))
    found = {file: 1 + file.read_bytes().isascii() for file in branches if file.parent == FOUND / target}
    offered = {file: weight for file, weight in found.items() if file.stat().st_size <= MOST_BYTES}
    before, kept = len(covered), 0
    while offered and kept < MOST_FILES:
        worth = {file: weight * len(branches[file] - covered) for file, weight in offered.items()}
        best = max(worth, key=lambda file: (worth[file], -file.stat().st_size))
        if not worth[best]:
            break
        covered |= branches[best]
        shutil.copy(best, KEPT / target / f"found_{best.name[:10]}")
        offered = {file: weight for file, weight in offered.items() if worth[file]}
        kept += 1
    print(f"{target:22} {kept:>3} of {len(found):,} inputs kept: {before:,} branches, now {len(covered):,}", flush=True)


def main() -> int:
    arguments = sys.argv[1:]
    is_keeping = "--keep" in arguments
    named = [argument for argument in arguments if argument != "--keep"]
    targets = named or cargo_fuzz("list").stdout.split()
    if cargo_fuzz("build").returncode:
        return 1
    if is_keeping:
        for target in targets:
            keep(target)
        return 0
    seconds = os.environ.get("FUZZ_SECONDS", "30")
    return 0 if all([explore(target, seconds) for target in targets]) else 1


if __name__ == "__main__":
    sys.exit(main())
