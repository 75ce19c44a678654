"""The expanded template, once per parameter set."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import bundle as bundles  # noqa: E402


@pytest.fixture(scope="session")
def expanded() -> dict:
    return bundles.expanded_root()


@pytest.fixture(scope="session", params=bundles.PARAMETER_SETS)
def stack(request: pytest.FixtureRequest, expanded: dict) -> bundles.Bundle:
    return bundles.load(bundles.PARAMETER_SETS[request.param], expanded)


@pytest.fixture(scope="session")
def deployed(expanded: dict) -> bundles.Bundle:
    return bundles.load(bundles.PARAMETER_SETS["deployed"], expanded)
