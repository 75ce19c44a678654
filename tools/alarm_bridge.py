"""What CloudWatch does around the deployed alarms and MiniStack does not: measure, read EMF, evaluate, notify.

MiniStack's own evaluation ignores dimensions and missing data (infra/local-differences.toml). The bridge sets the state
of the deployed alarms, so that the real alarm actions reach the real topic.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_stack import LocalStack

FUNCTIONS = ("poller", "reconciler", "worker", "dlq-drain", "admin")

Dimensions = frozenset[tuple[str, str]]
MetricKey = tuple[str, str, Dimensions]


class Bridge(threading.Thread):
    """Measures what AWS would publish and evaluates the deployed alarms the way CloudWatch does.

    Windows end now instead of on the minute, so an alarm is at most one turn late. `alarm_speed` divides every period:
    at 60, three periods of 300 s take 15 s. Thresholds stay as deployed.
    """

    TURN_SECONDS = 1.0

    def __init__(self, stack: LocalStack) -> None:
        super().__init__(name="metrics-bridge", daemon=True)
        self._stack = stack
        self._halt = threading.Event()
        self._started_at = time.time()
        self._points: dict[MetricKey, deque[tuple[float, float]]] = {}
        self._points_lock = threading.Lock()
        self._last_empty: dict[str, float] = {}
        self._read_streams: set[str] = set()
        self._failures: dict[str, float] = {}
        self._clients = {name: stack.client(name) for name in ("sqs", "logs", "cloudwatch")}
        self._last_problem = ""

    def stop(self) -> None:
        """End the thread."""
        self._halt.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(5)

    def values(self, namespace: str, metric: str, **dimensions: str) -> list[float]:
        """The values seen so far under exactly these dimensions."""
        with self._points_lock:
            return [value for _, value in self._points.get((namespace, metric, frozenset(dimensions.items())), ())]

    def put(self, namespace: str, metric: str, dimensions: dict[str, str], value: float, at: float | None = None) -> None:
        """Record one value (also for tests)."""
        key = (namespace, metric, frozenset(dimensions.items()))
        with self._points_lock:
            self._points.setdefault(key, deque(maxlen=10_000)).append((at or time.time(), value))

    def run(self) -> None:
        while not self._halt.wait(self.TURN_SECONDS):
            for step in (self._measure_queues, self._count_failures, self._read_logs, self._evaluate_alarms):
                try:
                    step()
                except Exception as problem:  # a bad turn must not end the bridge; said once
                    text = f"bridge: {step.__name__}: {type(problem).__name__}: {problem}"
                    if text != self._last_problem and not self._halt.is_set():
                        self._stack.log(text)
                    self._last_problem = text

    def _measure_queues(self) -> None:
        sqs, now = self._clients["sqs"], time.time()
        for output, url in self._stack.outputs.items():
            if not output.endswith(("QueueUrl", "DlqUrl")):
                continue
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            depth = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            visible, in_flight = (int(depth.get(name, 0)) for name in names)
            if visible + in_flight == 0:
                self._last_empty[url] = now
            dimensions = {"QueueName": url.rsplit("/", 1)[1]}
            self.put("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, visible, now)
            self.put("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", dimensions, in_flight, now)
            # SQS does not tell the age: time since the queue was last empty is an upper bound.
            age = now - self._last_empty.setdefault(url, now)
            self.put("AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, age, now)

    def _count_failures(self) -> None:
        """AWS/Lambda Errors, which MiniStack counts: what came since the last turn."""
        for function in FUNCTIONS:
            name = f"{self._stack.stack_name}-{function}"
            found = self._clients["cloudwatch"].get_metric_statistics(
                Namespace="AWS/Lambda", MetricName="Errors", Dimensions=[{"Name": "FunctionName", "Value": name}],
                StartTime=self._started_at - 3600, EndTime=time.time() + 60, Period=86_400, Statistics=["Sum"],
            )
            total = sum(point["Sum"] for point in found["Datapoints"])
            new = total - self._failures.get(name, 0.0)
            self._failures[name] = total
            if new > 0:
                self.put("AWS/Lambda", "Errors", {"FunctionName": name}, new)

    def _read_logs(self) -> None:
        """Metrics out of the function logs. MiniStack writes one stream per invocation, all lines at once, no event ids."""
        since = int((time.time() - 60) * 1000)
        read = set(self._read_streams)
        for function in FUNCTIONS:
            group = f"/prospect-sync/{self._stack.stack_name}/{function}"
            pages = self._clients["logs"].get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            for event in (event for page in pages for event in page["events"]):
                if event["logStreamName"] in read:
                    continue
                self._read_streams.add(event["logStreamName"])
                for dimensions, namespace, metric, value in parse_emf(event["message"]):
                    self.put(namespace, metric, dimensions, value, event["timestamp"] / 1000)

    def _evaluate_alarms(self) -> None:
        cloudwatch = self._clients["cloudwatch"]
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{self._stack.stack_name}-")
        now = time.time()
        for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
            dimensions = frozenset((entry["Name"], entry["Value"]) for entry in alarm.get("Dimensions", []))
            with self._points_lock:
                points = list(self._points.get((alarm["Namespace"], alarm["MetricName"], dimensions), ()))
            state = evaluate(alarm, points, now, self._started_at, self._stack.alarm_speed)
            if state and state != alarm["StateValue"]:
                reason = f"{alarm['Statistic']} of {alarm['MetricName']} against {alarm['Threshold']:g} (local bridge)"
                cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)


def parse_emf(line: str) -> list[tuple[dict[str, str], str, str, float]]:
    """The metrics in one log line: (dimensions, namespace, metric, value); empty when it is no EMF document."""
    start = line.find("{")
    if start < 0 or '"_aws"' not in line:
        return []
    try:
        document = json.loads(line[start:])
    except ValueError:
        return []
    found = []
    for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
        for names in directive.get("Dimensions", [[]]):
            dimensions = {name: str(document[name]) for name in names if name in document}
            for metric in directive.get("Metrics", []):
                raw = document.get(metric["Name"])
                values = raw if isinstance(raw, list) else [raw]
                found += [(dimensions, directive["Namespace"], metric["Name"], float(v)) for v in values if v is not None]
    return found


STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": len,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def evaluate(
    alarm: dict[str, Any], points: list[tuple[float, float]], now: float, started_at: float, speed: float = 1.0
) -> str | None:
    """State of an alarm: M of N windows, missing-data rule. None = leave it as it is."""
    period = alarm["Period"] / speed
    count = alarm["EvaluationPeriods"]
    needed = alarm.get("DatapointsToAlarm", count)
    missing = alarm.get("TreatMissingData", "missing")
    compare = COMPARISONS[alarm["ComparisonOperator"]]
    verdicts: list[bool | None] = []
    for index in range(count):
        end = now - index * period
        values = [value for at, value in points if end - period < at <= end]
        if values:
            verdicts.append(compare(STATISTICS[alarm["Statistic"]](values), alarm["Threshold"]))
        elif end - period >= started_at:  # a window from before we looked is not missing, it is unknown
            verdicts.append({"breaching": True, "notBreaching": False}.get(missing))
    known = [verdict for verdict in verdicts if verdict is not None]
    if sum(known) >= needed:
        return "ALARM"
    if known:
        return "OK"
    return "INSUFFICIENT_DATA" if verdicts and missing == "missing" else None
