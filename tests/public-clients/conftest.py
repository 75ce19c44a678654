"""One twin for each test module, and the way to it for clients that insist on https."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "tools"), str(HERE / "redirect")]

from world import Twin, new_key_pair  # noqa: E402

PEOPLE = 25
PAGE = 10


class Served:
    """A twin with 25 leads, ten to a page, and the key its connector user signs with."""

    def __init__(self, home: Path) -> None:
        self.private_key, public = new_key_pair()
        self.twin = Twin(home, public)
        self.url = self.twin.url
        leads = [
            {
                "attributes": {"type": "Lead", "referenceId": f"lead{number}"},
                "LastName": f"Person {number:02}",
                "Company": "Acme",
                "Email": f"p{number}@acme.example",
            }
            for number in range(PEOPLE)
        ]
        self.twin.control("POST", "seed/salesforce", {"records": leads})
        self.twin.control("POST", "org/rules", {"page_size": PAGE})

    def calls(self, part: str) -> int:
        """Calls served whose name has this part."""
        return sum(count for name, count in self.twin.calls().items() if part in name)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("twin"))
    yield running
    running.twin.stop()
