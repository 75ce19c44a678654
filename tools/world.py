"""Both vendors and a local AWS on loopback, with the deployed template in between.

Used by the demo, the end-to-end tests and the benchmark: one way to start everything, one way to stop it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import local_stack  # noqa: E402
from local_stack import REPO, LocalStack  # noqa: E402
from movable_clock import MovableClock  # noqa: E402

UNIT = "0Uv000000000001CAA"
CLIENT_ID = "local-consumer-key"
BINARIES = REPO / "target" / "release"
SAMPLE_ORG = REPO / "config" / "sample-org"
# A message that was put back stays away this long at most; the connector's `retry_delay`.
LONGEST_RETRY_SECONDS = 1920


class WorldError(RuntimeError):
    """Something local does not start or answer; the message says what."""


def new_key_pair() -> tuple[str, str]:
    """A fresh RSA key pair: private and public PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


class Twin:
    """The twin as a process, and its control endpoint."""

    def __init__(self, home: Path, public_key: str, port: int = 0, env: dict[str, str] | None = None) -> None:
        key_file = home / "public.pem"
        key_file.write_text(public_key)
        command = [str(BINARIES / "twin"), "--port", str(port), "--public-key", str(key_file), "--client-id", CLIENT_ID]
        self.log = (home / "twin.log").open("w")
        # Behind the same guard as the local AWS: it ends with its owner, however that one ends.
        self.process = subprocess.Popen(
            [sys.executable, local_stack.__file__, "_guard", str(home), *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True,
            env={**os.environ, **(env or {})},
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first:
            raise WorldError(f"the twin did not start: {(home / 'twin.log').read_text()[-500:]}")
        self.port = int(json.loads(first)["port"])
        self.url = f"http://127.0.0.1:{self.port}"

    def control(self, method: str, path: str, body: Any = None, raw: str | None = None) -> Any:
        """One request to the control endpoint, answered as JSON."""
        data = raw.encode() if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/control/{path}", data=data, method=method)
        request.add_header("Content-Type", "text/csv" if raw is not None else "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read().decode()
        except urllib.error.HTTPError as error:
            raise WorldError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error
        return json.loads(text) if text else None

    def edit_org(self, sobject: str, record: str | None = None, user: str = "ines.moreau@example.com", **fields: Any) -> Any:
        """An edit in Salesforce by a person; without record id it creates."""
        body: dict[str, Any] = {"object": sobject, "fields": fields, "user": user}
        if record:
            body["id"] = record
        return self.control("POST", "org/edit", body)

    def edit_prospect(self, prospect: int | None = None, **change: Any) -> Any:
        """An edit in Account Engagement by a person."""
        body = dict(change)
        if prospect is not None:
            body["id"] = prospect
        return self.control("POST", f"units/{UNIT}/edit", body)

    def calls(self) -> dict[str, int]:
        return self.control("GET", "calls")

    def forget_calls(self) -> None:
        self.control("DELETE", "calls")

    def dump(self) -> Any:
        return self.control("GET", "dump")

    def load_sample_org(self) -> None:
        """The accounts, contacts, leads and prospects of config/sample-org."""
        plan = json.loads((SAMPLE_ORG / "plan.json").read_text())
        files = {
            name: json.loads((SAMPLE_ORG / name).read_text()) for step in plan for name in step["files"]
        }
        self.control("POST", "seed/salesforce", {"plan": plan, "files": files})
        csv = (SAMPLE_ORG / "prospects.csv").read_text()
        self.control("POST", f"seed/prospects?business_unit={UNIT}", raw=csv)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        self.log.close()


class World:
    """Twin, local AWS, deployed stack, operator's command."""

    def __init__(self, name: str, movable_clock: bool = False, **parameters: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="prospect-sync-")
        self.home = Path(self._home.name)
        self.name = name
        self.parameters = parameters
        self.private_key = ""
        self._events_read: dict[str, int] = {"poller": 0, "worker": 0}
        self.twin: Twin | None = None
        self.stack: LocalStack | None = None
        self.clock = MovableClock(self.home) if movable_clock else None

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, **stack_options: Any) -> World:
        self.private_key, public = new_key_pair()
        follows_clock = self.clock.env() if self.clock else {}
        self.twin = Twin(self.home, public, int(os.environ.get("TWIN_PORT", "0")), follows_clock)
        parameters = {
            "LoginUrl": self.twin.url,
            "AccountEngagementUrl": self.twin.url,
            "BusinessUnits": UNIT,
            "ClientId": CLIENT_ID,
            **self.parameters,
        }
        self.stack = LocalStack(self.name, parameters, binaries=str(BINARIES), **stack_options)
        self.stack.process_env = follows_clock
        self.stack.up()
        self.stack.put_private_key(self.private_key)
        return self

    def stop(self) -> None:
        try:
            if self.stack:
                self.stack.stop()
                self.stack = None
        finally:
            if self.twin:
                self.twin.stop()
                self.twin = None
        with contextlib.suppress(OSError):
            self._home.cleanup()

    def cli(self, *arguments: str, check: bool = True) -> Any:
        """Runs prospect-sync with --json and returns the reply."""
        done = self.run_cli("--json", *arguments)
        if check and done.returncode not in (0, 4):
            raise WorldError(f"prospect-sync {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def links(self, *filters: str) -> list[dict[str, Any]]:
        """Every link row, page by page."""
        page = self.cli("links", *filters)
        rows = page["rows"]
        while page.get("next"):
            page = self.cli("links", *filters, "--next", page["next"])
            rows += page["rows"]
        return rows

    def run_cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs prospect-sync as an operator would."""
        assert self.stack
        command = [str(BINARIES / "prospect-sync"), "--stack", self.name, *arguments]
        environment = {**os.environ, **self.stack.env()}
        return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=120, check=False)

    def config(self, **changes: str) -> Path:
        """The example configuration as a file, with some lines replaced: {key: value}."""
        text = (REPO / "config" / "connector.example.yaml").read_text()
        text = re.sub(r"^business_unit:.*$", f"business_unit: {UNIT}", text, flags=re.M)
        changes.setdefault("stale_reads_seconds", "0")
        for key, value in changes.items():
            text, found = re.subn(rf"^(\s*){key}:[^#\n]*", rf"\g<1>{key}: {value} ", text, flags=re.M)
            if not found:
                raise WorldError(f"config/connector.example.yaml has no line `{key}:`")
        path = self.home / "connector.yaml"
        path.write_text(text)
        return path

    def fresh_events(self) -> list[dict[str, Any]]:
        """The event lines that poller and worker have written since they were last asked for."""
        assert self.stack
        found = []
        for function, read in self._events_read.items():
            lines = self.stack.logs(function)
            self._events_read[function] = len(lines)
            for line in lines[read:]:
                with contextlib.suppress(ValueError):
                    document = json.loads(line)
                    if isinstance(document, dict) and "_aws" in document:
                        found.append(document)
        return found

    def lanes(self) -> list[dict[str, Any]]:
        """The depths of the two lanes."""
        return [queue for queue in self.cli("status")["queues"] if not queue["name"].endswith("dlq")]

    def in_flight(self) -> int:
        """How many messages the workers hold."""
        return sum(queue["in_flight"] for queue in self.lanes())

    def wait_until_quiet(self, seconds: float = 90) -> None:
        """Waits until both lanes are empty and nobody holds a message."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if all(queue["waiting"] + queue["in_flight"] == 0 for queue in self.lanes()):
                return
            time.sleep(0.1)
        raise WorldError("the lanes did not become empty")

    def pass_time_until_quiet(self, at_most: int = 86_400) -> int:
        """As `wait_until_quiet`, but waits of messages that were put back pass at once; how many seconds passed.

        Stops, with all messages waiting, before more than so many seconds pass. Needs a movable clock, and a
        visibility time-out longer than any retry: that tells work from waiting.
        """
        assert self.clock
        passed, until = 0, time.monotonic() + 60
        while time.monotonic() < until:
            messages = self._messages_in_lanes()
            if not messages:
                return passed
            waits = _waits_of_idle(messages, self.clock.now())
            if waits:
                step = max(1, round(min(waits)) + 1)
                if passed + step > at_most:
                    return passed
                self.clock.advance(step)
                passed += step
            time.sleep(0.1)
        raise WorldError(f"the lanes did not become empty although {passed} s passed: {messages}")

    def _messages_in_lanes(self) -> list[dict[str, Any]]:
        """Every message of both lanes, also those that somebody holds, as the local AWS shows them."""
        assert self.stack
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.stack.endpoint}/_ministack/sqs/messages", timeout=10) as reply:
            accounts = json.load(reply)["messages"].values()
        queues = [queue for regions in accounts for by_url in regions.values() for queue in by_url.items()]
        lanes = (f"{self.name}-changes-priority.fifo", f"{self.name}-changes-bulk.fifo")
        return [message for url, held in queues if url.rsplit("/", 1)[1] in lanes for message in held]


def _waits_of_idle(messages: list[dict[str, Any]], now: float) -> list[float]:
    """How long each message that was put back still waits; empty while one is in work or can be taken."""
    held = [message for message in messages if not message["IsVisible"]]
    waits = [message["VisibleAt"] - now for message in held]
    blocked_groups = {message["MessageGroupId"] for message in held}
    can_be_taken = any(m["IsVisible"] and m["MessageGroupId"] not in blocked_groups for m in messages)
    in_work = any(wait > LONGEST_RETRY_SECONDS for wait in waits)
    return [] if can_be_taken or in_work else waits
