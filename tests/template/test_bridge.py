"""The local bridge judges alarms as CloudWatch does: windows, M of N, missing data, exact dimensions."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from bundle import REPO

sys.path.insert(0, str(REPO / "tools"))

from alarm_bridge import evaluate, parse_emf  # noqa: E402

NOW = 10_000.0


def alarm(**changes: Any) -> dict[str, Any]:
    return {"Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching", "Statistic": "Sum",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1, **changes}


@pytest.mark.parametrize(
    ("changes", "ages_and_values", "state"),
    [
        ({}, [(5, 1), (65, 1)], "ALARM"),
        ({}, [(5, 1)], "OK"),
        ({}, [(200, 1), (300, 1)], "OK"),
        ({"TreatMissingData": "breaching"}, [], "ALARM"),
        ({"TreatMissingData": "breaching"}, [(5, 0), (65, 0)], "OK"),
        ({"TreatMissingData": "ignore"}, [], None),
        ({"TreatMissingData": "missing"}, [], "INSUFFICIENT_DATA"),
        ({"Statistic": "Maximum", "ComparisonOperator": "GreaterThanThreshold", "Threshold": 900}, [(5, 901), (65, 900)], "OK"),
    ],
)
def test_states(changes: dict[str, Any], ages_and_values: list[tuple[float, float]], state: str | None) -> None:
    points = [(NOW - age, float(value)) for age, value in ages_and_values]
    assert evaluate(alarm(**changes), points, NOW, started_at=0) == state


def test_time_before_the_start_is_not_missing_data() -> None:
    assert evaluate(alarm(TreatMissingData="breaching"), [], NOW, started_at=NOW - 59) is None


def test_alarm_speed_shortens_periods() -> None:
    assert evaluate(alarm(), [(NOW - 0.5, 1), (NOW - 1.5, 1)], NOW, started_at=0, speed=60) == "ALARM"


def test_metrics_are_read_from_a_log_line() -> None:
    line = ('{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"ProspectSync","Dimensions":[["Stage"],["Stage","BusinessUnit"]],'
            '"Metrics":[{"Name":"ErrorsOpen"}]}]},"Stage":"local","BusinessUnit":"0Uv","ErrorsOpen":3}')
    assert parse_emf(line) == [
        ({"Stage": "local"}, "ProspectSync", "ErrorsOpen", 3.0),
        ({"Stage": "local", "BusinessUnit": "0Uv"}, "ProspectSync", "ErrorsOpen", 3.0),
    ]
    assert parse_emf("START RequestId: 1") == []
