"""A wall clock that a test moves for everything behind it: the local AWS, the functions and the twin.

A message that is put back waits 30 s, then 2 minutes, then 8; a lease lasts as long as a run of the worker. With this
clock such waits pass at once, and everybody concerned sees the same time pass (movable_clock.c).
"""

from __future__ import annotations

import mmap
import shutil
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().with_suffix(".c")


class MovableClock:
    """The real time, plus what a test added. Processes that preload it follow; this process does not."""

    def __init__(self, home: Path) -> None:
        # The C compiler is there: cargo links with it.
        compiler = shutil.which("cc")
        if not compiler:
            raise RuntimeError("no C compiler `cc`: tools/movable_clock.c cannot be built")
        self._library = home / "movable_clock.so"
        self._offset_file = home / "clock-offset"
        self._offset_file.write_bytes(bytes(8))
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE)]
        subprocess.run(command, check=True, timeout=60)
        with self._offset_file.open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), 8)
        self._seconds = 0

    def env(self) -> dict[str, str]:
        """Environment of a process that is to follow; what it starts follows too."""
        return {"LD_PRELOAD": str(self._library), "MOVABLE_CLOCK": str(self._offset_file)}

    def now(self) -> float:
        """The time that the followers see, in seconds since the epoch."""
        return time.time() + self._seconds

    def advance(self, seconds: int) -> None:
        """Lets time pass, forwards only."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back {-seconds} s")
        self._seconds += seconds
        self._offset[:] = self._seconds.to_bytes(8, "little")
