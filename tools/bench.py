"""What the README says in figures: the worker's size, its start, and what 1,000 changes take.

    make bench
"""

from __future__ import annotations

import os
import socketserver
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from world import BINARIES, World  # noqa: E402

STARTS = 30
RECORDS = 1_000


class RuntimeApi(BaseHTTPRequestHandler):
    """Answers nothing: it only notes when a function asks for its first event."""

    polled = threading.Event()

    def do_GET(self) -> None:
        RuntimeApi.polled.set()
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def start_of(binary: Path) -> float:
    """Milliseconds from starting the process to its first request to the runtime API."""
    RuntimeApi.polled.clear()
    with socketserver.TCPServer(("127.0.0.1", 0), RuntimeApi) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        names = ("CONNECTOR", "LINKS", "ERRORS")
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "worker",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            **{f"{name}_TABLE": "bench" for name in names},
            "LOGIN_URL": "http://127.0.0.1:1",
            "ACCOUNT_ENGAGEMENT_URL": "http://127.0.0.1:1",
            "BUSINESS_UNITS": "0Uv000000000001CAA",
            "CLIENT_ID": "bench",
            "PRIVATE_KEY_SECRET_ARN": "bench",
            "PRIORITY_QUEUE_URL": "http://127.0.0.1:1/priority.fifo",
            "BULK_QUEUE_URL": "http://127.0.0.1:1/bulk.fifo",
            "AE_SLOTS": "1",
            "STAGE": "bench",
        }
        started = time.perf_counter()
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked = RuntimeApi.polled.wait(10)
        took = (time.perf_counter() - started) * 1000
        process.kill()
        process.wait()
        server.shutdown()
    if not asked:
        sys.exit(f"{binary} did not ask for an event within ten seconds")
    return took


def size_and_start() -> None:
    worker = BINARIES / "worker"
    start_of(worker)  # reads the file into the page cache
    starts = sorted(start_of(worker) for _ in range(STARTS))
    print(f"worker bootstrap      {os.path.getsize(worker) / 1e6:.1f} MB")
    print(
        f"start to first poll   median {statistics.median(starts):.1f} ms, "
        f"{starts[0]:.1f} to {starts[-1]:.1f} ms ({STARTS} starts)"
    )


def tick(world: World, label: str) -> None:
    """One poll and what follows from it: time, and calls by kind on each side."""
    assert world.stack
    world.fresh_events()
    started = time.perf_counter()
    world.stack.invoke("poller", {})
    world.wait_until_quiet(300)
    seconds = time.perf_counter() - started
    salesforce: Counter[str] = Counter()
    engagement: Counter[str] = Counter()
    for event in world.fresh_events():
        salesforce.update(event.get("salesforce_calls", {}))
        engagement.update(event.get("account_engagement_calls", {}))
    print(f"{label:<21} {seconds:.1f} s; Salesforce {said(salesforce)}; Account Engagement {said(engagement)}")


def said(calls: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(calls.items())) or "nothing"


def thousand() -> None:
    """1,000 leads arrive, then change; then their prospects change."""
    with World("bench", ScheduleState="DISABLED") as world:
        world.start(log=lambda _: None)
        assert world.twin
        world.cli("config", "apply", str(world.config()))
        world.cli("activate")
        leads = [
            {
                "attributes": {"type": "Lead", "referenceId": f"lead{number}"},
                "LastName": f"Person {number}",
                "Company": "Acme",
                "Email": f"p{number}@acme.example",
            }
            for number in range(RECORDS)
        ]
        world.twin.control("POST", "seed/salesforce", {"records": leads})
        tick(world, "1,000 new leads")
        settle(world)
        for link in world.links("--state", "linked"):
            world.twin.edit_org("Lead", link["crm_id"], Title="Changed")
        tick(world, "1,000 changed leads")
        settle(world)
        for link in world.links("--state", "linked"):
            world.twin.edit_prospect(link["prospect_id"], fields={"jobTitle": "Changed again"})
        tick(world, "1,000 changed prosp.")


def settle(world: World) -> None:
    """Polls our own echoes once their stamps are final, so that they do not count with what comes next."""
    assert world.stack and world.twin
    world.twin.control("POST", "clock", {"advance_seconds": 5})
    world.stack.invoke("poller", {})
    world.wait_until_quiet()


if __name__ == "__main__":
    size_and_start()
    thousand()
