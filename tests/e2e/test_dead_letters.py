"""A message nobody can work on ends where somebody looks: an error row with an owner, and an alarm."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from oracle import links
from world import UNIT, World


@pytest.fixture(scope="module")
def dead(world: World) -> Iterator[World]:
    """The shared stack with its two lanes' dead-letter queues empty."""
    world.cli("config", "apply", str(world.config()))
    yield world


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    stop = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < stop, f"{what} did not happen in {seconds} s"
        time.sleep(0.2)


def send_to_dlq(world: World, body: str) -> None:
    """What SQS does after the fifth delivery."""
    assert world.stack
    world.stack.client("sqs").send_message(
        QueueUrl=world.stack.outputs["BulkDlqUrl"],
        MessageBody=body,
        MessageGroupId=f"{UNIT}-0",
        MessageDeduplicationId=uuid.uuid4().hex,
    )


def test_a_dead_batch_becomes_error_rows_with_an_owner(dead: World) -> None:
    assert dead.twin
    lead = dead.twin.edit_org("Lead", None, LastName="Lost", Company="Lost Ltd", Email="lost@example.com")["id"]
    hint = {"record": {"crm": lead}, "cause": "poll"}
    batch = {"version": 1, "business_unit": UNIT, "run": "r1", "enqueued_at": "2026-01-01T00:00:00Z", "hints": [hint]}
    send_to_dlq(dead, json.dumps(batch))
    until(lambda: any(row["crm_id"] == lead for row in dead.cli("errors")["rows"]), "the error row")
    (row,) = [row for row in dead.cli("errors")["rows"] if row["crm_id"] == lead]
    assert row["code"] == "UNDELIVERABLE" and row["owner"] == "platform engineer"
    assert [link["has_open_error"] for link in links(dead) if link["crm_id"] == lead] == [True]
    dead.cli("activate")
    dead.cli("send", lead)
    dead.wait_until_quiet()
    assert not [row for row in dead.cli("errors")["rows"] if row["crm_id"] == lead], "done by hand, so it is closed"


def test_a_body_nobody_can_read_stays_and_raises_the_alarm(dead: World) -> None:
    assert dead.stack
    dead.stack.notifications()
    send_to_dlq(dead, "not a change batch")
    until(lambda: dead.stack.alarm_states()["DlqNotDrained-bulk"] == "ALARM", "the alarm")
    names = {note["AlarmName"] for note in dead.stack.notifications()}
    assert any(name.endswith("DlqNotDrained-bulk") or name.endswith("DlqNotEmpty-bulk") for name in names)
    assert any(queue["name"] == "bulk-dlq" and queue["waiting"] + queue["in_flight"] for queue in dead.cli("status")["queues"])
    dead.stack.client("sqs").purge_queue(QueueUrl=dead.stack.outputs["BulkDlqUrl"])
