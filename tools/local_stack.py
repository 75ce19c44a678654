"""A local AWS that runs the deployed template and the real function binaries.

    with LocalStack("demo", parameters={"LoginUrl": "http://127.0.0.1:4711", ...}) as stack:
        stack.put_private_key(pem)
        stack.invoke("poller", {})

What MiniStack does not do is done by `Bridge` (alarm_bridge.py). Nothing outlives its owner: MiniStack and every
bootstrap live in one process group behind a guard process that ends the group when the pipe to its owner closes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from alarm_bridge import FUNCTIONS, Bridge  # noqa: E402

REPO = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"
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
        stack_name: str,
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
        self.process_env: dict[str, str] = {}  # for MiniStack and every function it starts
        self.bridge: Bridge | None = None
        self._home: Path | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._stop_lock = threading.Lock()

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
            **CREDENTIALS, **self.process_env,
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


if __name__ == "__main__" and sys.argv[1:2] == ["_guard"]:
    sys.exit(guard(sys.argv[2], sys.argv[3:]))
