#!/usr/bin/env python3
"""A local AWS that runs the deployed template and the real function binaries.

    stack = LocalStack(parameters={"LoginUrl": "http://127.0.0.1:4711", ...})
    with stack:                          # MiniStack on a free loopback port, template deployed, bridge running
        stack.put_private_key(pem)
        stack.client("lambda").invoke(FunctionName=stack.outputs["AdminFunction"], ...)

What MiniStack does not do is done by `Bridge`: it measures the queues, reads metrics (EMF) out of the function logs,
evaluates the deployed alarms on them and sets their state, so that the real alarm actions reach the real topic.
MiniStack's own evaluation ignores dimensions and missing data (infra/local-differences.toml).

Nothing outlives its owner: MiniStack and every bootstrap live in one process group behind a guard process that ends
the group when the pipe to its owner closes, however the owner died.

    python tools/local_stack.py up --json [--stack-name NAME] [--foreground] [Parameter=Value ...]
    python tools/local_stack.py status | down [--stack-name NAME]
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
FUNCTIONS = ("poller", "worker", "dlq-drain", "admin")
REGION = "eu-central-1"
DEFAULT_STACK = "prospect-sync-local"
ARTIFACTS = "local-artifacts"  # bucket `sam deploy` packages into
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
DEFAULT_PARAMETERS = {
    "Stage": "local",
    "Emulated": "true",
    "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
    "LoginUrl": "http://127.0.0.1:1",
    "AccountEngagementUrl": "http://127.0.0.1:1",
    "BusinessUnits": "0Uv000000000001CAA",
    "ClientId": "local-consumer-key",
    "AlarmEmail": "operator@example.invalid",
    "LogRetentionDays": "1",
}


class LocalStackError(RuntimeError):
    """The local stack cannot be started; the message says what to do."""


def _tool(name: str) -> str:
    """The command installed beside this interpreter, else from PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise LocalStackError(f"{name} is not installed: pip install -r {REPO}/tools/requirements.txt")
    return found


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LocalStack:
    """One MiniStack with one deployed stack."""

    def __init__(
        self,
        stack_name: str = DEFAULT_STACK,
        parameters: dict[str, str] | None = None,
        binaries: Path | str = REPO / "target" / "release",
        alarm_speed: float = 1.0,
        log: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
    ) -> None:
        self.stack_name = stack_name
        self.parameters = {**DEFAULT_PARAMETERS, **(parameters or {})}
        self.binaries = Path(binaries)
        self.alarm_speed = alarm_speed
        self.log = log
        self.endpoint = ""
        self.outputs: dict[str, str] = {}
        self.deploy_seconds = 0.0
        self.bridge: Bridge | None = None
        self._home: Path | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._stop_lock = threading.Lock()

    # --- what callers use ---------------------------------------------------------------------------------------------

    def __enter__(self) -> LocalStack:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def up(self) -> LocalStack:
        """Start, deploy, bridge. Stops everything again when a step fails."""
        try:
            self.start()
            self.deploy()
        except BaseException:
            self.stop()
            raise
        return self

    def env(self) -> dict[str, str]:
        """Environment for a child that should talk to this AWS (for instance prospect-sync)."""
        return {**CREDENTIALS, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint}

    def client(self, service: str) -> Any:
        """A boto3 client for this AWS; the caller's own AWS settings are not used."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"max_attempts": 2}, read_timeout=130, proxies={}),
        )

    def put_private_key(self, pem: str) -> None:
        """Put the private key that signs the Salesforce JWT into the deployed secret."""
        self.client("secretsmanager").put_secret_value(SecretId=self.outputs["PrivateKeySecretArn"], SecretString=pem)

    def invoke(self, function: str, payload: object) -> Any:
        """Invoke a function by its short name (`admin`, `poller`, ...) and return what it answered."""
        reply = self.client("lambda").invoke(
            FunctionName=f"{self.stack_name}-{function}", Payload=json.dumps(payload).encode()
        )
        body = json.loads(reply["Payload"].read() or b"null")
        if reply.get("FunctionError"):
            raise LocalStackError(f"{function} failed: {json.dumps(body)[:2000]}")
        return body

    def alarm_states(self) -> dict[str, str]:
        """Alarm name (without the stack's prefix) -> OK | ALARM | INSUFFICIENT_DATA."""
        pages = self.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{self.stack_name}-")
        prefix = len(self.stack_name) + 1
        return {alarm["AlarmName"][prefix:]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}

    def notifications(self) -> list[dict[str, Any]]:
        """What the alarm topic has delivered since the last call."""
        sqs, found = self.client("sqs"), []
        url = sqs.get_queue_url(QueueName=self._inbox_name)["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def logs(self, function: str) -> list[str]:
        """Every line a function has logged so far."""
        group = f"/prospect-sync/{self.stack_name}/{function}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def kill(self, function: str) -> int:
        """Kill the processes of a function, as a crash does; how many there were (Linux: reads /proc)."""
        assert self._guard
        name = f"AWS_LAMBDA_FUNCTION_NAME={self.stack_name}-{function}".encode()
        killed = 0
        for process in Path("/proc").glob("[0-9]*"):
            pid = int(process.name)
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == self._guard.pid and name in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        return killed

    def alive(self) -> bool:
        """Whether MiniStack still runs."""
        return self._guard is not None and self._guard.poll() is None

    # --- start --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start MiniStack on a free loopback port and wait until it is healthy."""
        atexit.register(self.stop)
        self._home = Path(tempfile.mkdtemp(prefix="prospect-sync-aws-"))
        for attempt in range(1, 4):
            port = int(os.environ.get("GATEWAY_PORT") or free_port())
            self.endpoint = f"http://127.0.0.1:{port}"
            self._spawn(port)
            if self._wait_until_healthy():
                self.client("s3").create_bucket(
                    Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION}
                )
                self.log(f"local AWS is up on {self.endpoint}")
                return
            self.log(f"local AWS did not start on port {port} (attempt {attempt} of 3)")
            self._kill_group()
        raise LocalStackError(f"MiniStack does not start:\n{self._ministack_log()[-2000:]}")

    def _spawn(self, port: int) -> None:
        home = self._require_home()
        (home / "tmp").mkdir(exist_ok=True)
        env = {
            **CREDENTIALS,
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "STATE_DIR": str(home / "state"),
            "S3_DATA_DIR": str(home / "s3"),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,  # MiniStack hands this one to every function
            "PYTHONUNBUFFERED": "1",
        }
        with open(home / "ministack.log", "ab") as out:
            self._guard = subprocess.Popen(
                [sys.executable, __file__, "_guard", str(home), _tool("ministack")],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=home, start_new_session=True,
            )

    def _wait_until_healthy(self, seconds: float = 40) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.alive():
            with contextlib.suppress(OSError):
                if opener.open(f"{self.endpoint}/_ministack/health", timeout=2).status == 200:
                    return True
            time.sleep(0.1)
        return False

    # --- deploy -------------------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        """Package the template as it is in the repository with the built binaries and `sam deploy` it."""
        started = time.monotonic()
        stage = self._stage_bundle()
        self.log(f"deploying {self.stack_name} ...")
        overrides = [f'{name}="{value}"' for name, value in self.parameters.items()]
        result = subprocess.run(
            [
                _tool("sam"), "deploy", "--template-file", "template.yaml", "--stack-name", self.stack_name,
                "--s3-bucket", ARTIFACTS, "--region", REGION, "--capabilities", "CAPABILITY_IAM",
                "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
                "--parameter-overrides", *overrides,
            ],
            cwd=stage, env=self._sam_env(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        )
        if result.returncode != 0:
            raise LocalStackError(f"sam deploy failed:\n{(result.stdout + result.stderr)[-6000:]}")
        description = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
        self._reserve_concurrency()
        self._subscribe_inbox()
        if self.bridge is None:
            self.bridge = Bridge(self)
            self.bridge.start()
        self.deploy_seconds = time.monotonic() - started
        self.log(f"deployed {self.stack_name} in {self.deploy_seconds:.1f} s")

    def _stage_bundle(self) -> Path:
        """Template, nested parts and binaries in a directory of our own: target/lambda keeps its arm64 builds."""
        stage = self._require_home() / "bundle"
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        shutil.copy(REPO / "template.yaml", stage)
        (stage / "infra").mkdir()
        for part in (REPO / "infra").glob("*.yaml"):
            shutil.copy(part, stage / "infra")
        for name in FUNCTIONS:
            binary = self.binaries / name
            if not binary.is_file():
                raise LocalStackError(f"{binary} is missing: cargo build --release --workspace")
            target = stage / "target" / "lambda" / name / "bootstrap"
            target.parent.mkdir(parents=True)
            shutil.copy(binary, target)
            target.chmod(0o755)
        return stage

    def _sam_env(self) -> dict[str, str]:
        home = str(self._require_home())
        return {
            **self.env(),
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": home,
            "TMPDIR": str(self._require_home() / "tmp"),
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.3",
        }

    def _reserve_concurrency(self) -> None:
        """MiniStack honours reserved concurrency but does not read it from the template."""
        from samtranslator.yaml_helper import yaml_parse

        resources = yaml_parse((REPO / "template.yaml").read_text())["Resources"].values()
        for function in (r["Properties"] for r in resources if r["Type"] == "AWS::Serverless::Function"):
            if "ReservedConcurrentExecutions" in function:
                self.client("lambda").put_function_concurrency(
                    FunctionName=function["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}", self.stack_name),
                    ReservedConcurrentExecutions=function["ReservedConcurrentExecutions"],
                )

    @property
    def _inbox_name(self) -> str:
        return f"{self.stack_name}-alarm-inbox"

    def _subscribe_inbox(self) -> None:
        """A queue on the alarm topic, in place of the operator's mailbox."""
        url = self.client("sqs").create_queue(QueueName=self._inbox_name)["QueueUrl"]
        arn = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client("sns").subscribe(TopicArn=self.outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)

    # --- stop ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End everything this object started. Safe to call twice and from a signal handler's exit."""
        with self._stop_lock:
            if self.bridge:
                self.bridge.stop()
                self.bridge = None
            self._kill_group()
            if self._home:
                shutil.rmtree(self._home, ignore_errors=True)
                self._home = None
            atexit.unregister(self.stop)

    def _kill_group(self) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        for sent, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(guard.pid, sent)  # the guard leads the group: pid = group id
            with contextlib.suppress(subprocess.TimeoutExpired):
                guard.wait(patience)
            if not _group_alive(guard.pid):
                break
            _wait_for(lambda: not _group_alive(guard.pid), patience)
        if guard.stdin:
            guard.stdin.close()

    def _require_home(self) -> Path:
        if self._home is None:
            raise LocalStackError("start() comes first")
        return self._home

    def _ministack_log(self) -> str:
        return (self._require_home() / "ministack.log").read_text(errors="replace")


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


# --- metrics and alarms -----------------------------------------------------------------------------------------------

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


# --- processes --------------------------------------------------------------------------------------------------------


def guard(home: str, command: list[str]) -> int:
    """Leads the process group: runs `command`, ends the whole group when the owner's pipe closes or it is told to."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    told, owner_gone = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())

    def watch_owner() -> None:
        while os.read(0, 1024):
            pass
        owner_gone.set()
        told.set()

    threading.Thread(target=watch_owner, daemon=True).start()
    while child.poll() is None and not told.wait(0.1):
        pass
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(3)
    if owner_gone.is_set():  # nobody else is left to tidy up
        shutil.rmtree(home, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)
    return 0


# --- command line -----------------------------------------------------------------------------------------------------


def _state_file(stack_name: str) -> Path:
    return REPO / ".stack" / f"{stack_name}.json"


def _read_state(stack_name: str) -> dict[str, Any] | None:
    """What `up` wrote, if its process still runs (checked by command line, not by pid alone)."""
    try:
        state = json.loads(_state_file(stack_name).read_text())
        command = Path(f"/proc/{state['pid']}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError):
        return None
    return state if b"_supervise" in command or b"--foreground" in command else None


def _describe(stack: LocalStack) -> dict[str, Any]:
    return {
        "stack": stack.stack_name, "pid": os.getpid(), "endpoint": stack.endpoint, "region": REGION,
        "deploy_seconds": round(stack.deploy_seconds, 1), "env": stack.env(), "outputs": stack.outputs,
    }


def _supervise(arguments: argparse.Namespace) -> int:
    """Bring the stack up, say so in the state file, stay until told to stop."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(SystemExit(0)))
    state_file = _state_file(arguments.stack_name)
    stack = LocalStack(
        arguments.stack_name, _parameters(arguments.parameters), arguments.binaries, arguments.alarm_speed
    )
    try:
        stack.up()
        if arguments.private_key:
            stack.put_private_key(Path(arguments.private_key).read_text())
        state_file.parent.mkdir(exist_ok=True)
        unfinished = state_file.with_suffix(".tmp")
        unfinished.write_text(json.dumps(_describe(stack), indent=2))
        unfinished.rename(state_file)
        if arguments.command == "up":
            _print_up(json.loads(state_file.read_text()), arguments.json)
        while stack.alive():
            told.wait(0.5)
        print("local AWS ended by itself", file=sys.stderr)
        return 1
    except LocalStackError as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # stopping is not interrupted
        state_file.unlink(missing_ok=True)
        stack.stop()


def _up(arguments: argparse.Namespace) -> int:
    running = _read_state(arguments.stack_name)
    if running:
        print(f"{arguments.stack_name} is already up", file=sys.stderr)
        _print_up(running, arguments.json)
        return 0
    _state_file(arguments.stack_name).unlink(missing_ok=True)
    if arguments.foreground:
        return _supervise(arguments)
    with tempfile.TemporaryFile() as said:
        options = [item for item in sys.argv[1:] if item not in ("up", "--json")]
        child = subprocess.Popen(
            [sys.executable, __file__, "_supervise", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True,
        )
        shown = 0
        try:
            while True:
                state = _read_state(arguments.stack_name)
                ended = child.poll()
                shown = _show(said.fileno(), shown)
                if state and state["pid"] == child.pid:
                    _print_up(state, arguments.json)
                    return 0
                if ended is not None:
                    return ended or 1
                time.sleep(0.2)
        except KeyboardInterrupt:
            child.terminate()
            child.wait(20)
            return 130


def _show(descriptor: int, shown: int) -> int:
    text = os.pread(descriptor, 1_000_000, shown)
    sys.stderr.write(text.decode(errors="replace"))
    sys.stderr.flush()
    return shown + len(text)


def _print_up(state: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(state), flush=True)
        return
    for name, value in state["env"].items():
        print(f"export {name}={value}")
    sys.stdout.flush()


def _down(arguments: argparse.Namespace) -> int:
    state = _read_state(arguments.stack_name)
    if not state:
        print(f"{arguments.stack_name} is not up", file=sys.stderr)
        return 0
    os.kill(state["pid"], signal.SIGTERM)
    gone = _wait_for(lambda: _read_state(arguments.stack_name) is None and not _pid_alive(state["pid"]), 20)
    print(f"{arguments.stack_name} is {'down' if gone else 'still stopping'}", file=sys.stderr)
    return 0 if gone else 1


def _pid_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _status(arguments: argparse.Namespace) -> int:
    state = _read_state(arguments.stack_name)
    if arguments.json:
        print(json.dumps(state))
    else:
        print(f"{arguments.stack_name} is up on {state['endpoint']}" if state else f"{arguments.stack_name} is not up")
    return 0 if state else 3


def _parameters(pairs: list[str]) -> dict[str, str]:
    unusable = [pair for pair in pairs if not re.match(r"^[A-Za-z]+=", pair)]
    if unusable:
        raise LocalStackError(f"not a parameter (Name=value): {unusable[0]}")
    return dict(pair.split("=", 1) for pair in pairs)


def main() -> int:
    """Command line."""
    if sys.argv[1:2] == ["_guard"]:
        return guard(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description="Local AWS with the deployed template.")
    parser.add_argument("command", choices=["up", "down", "status", "_supervise"], metavar="up|down|status")
    parser.add_argument("parameters", nargs="*", help="template parameters, Name=value")
    parser.add_argument("--stack-name", default=DEFAULT_STACK)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--foreground", action="store_true", help="stay until Ctrl-C")
    parser.add_argument("--binaries", default=str(REPO / "target" / "release"))
    parser.add_argument("--alarm-speed", type=float, default=1.0, help="divides alarm periods")
    parser.add_argument("--private-key", help="PEM file to put into the secret")
    arguments = parser.parse_intermixed_args()
    arguments.binaries = str(Path(arguments.binaries).resolve())
    commands = {"up": _up, "down": _down, "status": _status, "_supervise": _supervise}
    return commands[arguments.command](arguments)


if __name__ == "__main__":
    sys.exit(main())
