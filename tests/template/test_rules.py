"""Every rule holds for the real template, and every rule notices the faults planted for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rules
from bundle import Bundle

Fault = Callable[[Bundle], Any]


def properties(stack: Bundle, key: str) -> dict[str, Any]:
    return stack.resources[key]["Properties"]


def statement(stack: Bundle, role: str, sid: str) -> dict[str, Any]:
    (policy,) = properties(stack, f"Root/{role}")["Policies"]
    return next(s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == sid)


def edit(key: str, **changes: Any) -> Fault:
    """Plant a fault: other values for some properties; None removes one."""

    def plant(stack: Bundle) -> None:
        target = properties(stack, key)
        for name, value in changes.items():
            target.pop(name, None)
            if value is not None:
                target[name] = value

    return plant


def remove(key: str) -> Fault:
    return lambda stack: stack.resources.pop(key)


def add(kind: str, **given: Any) -> Fault:
    return lambda stack: stack.resources.update({"Root/Planted": {"Type": kind, "Properties": given}})


def grant(role: str, sid: str, **changes: Any) -> Fault:
    return lambda stack: statement(stack, role, sid).update(changes)


def key_statement(sid: str, **changes: Any) -> Fault:
    def plant(stack: Bundle) -> None:
        next(s for s in properties(stack, "State/Key")["KeyPolicy"]["Statement"] if s["Sid"] == sid).update(changes)

    return plant


def environment(function: str, **changes: str) -> Fault:
    return lambda stack: properties(stack, f"Root/{function}")["Environment"]["Variables"].update(changes)


def target(**changes: Any) -> Fault:
    def plant(stack: Bundle) -> None:
        schedule = properties(stack, "Root/PollerTick")["Target"]
        for name, value in changes.items():
            schedule.pop(name, None)
            if value is not None:
                schedule[name] = value

    return plant


def parameter(name: str, **given: Any) -> Fault:
    return lambda stack: stack.parameters.update({f"Root/{name}": given})


PRIORITY_ARN = "arn:aws:sqs:eu-central-1:111122223333:prospect-sync-changes-priority.fifo"
OTHER_QUEUE = [{"Name": "QueueName", "Value": "prospect-sync-changes-bulk.fifo"}]
FAULTS: dict[str, dict[str, Fault]] = {
    "t01": {
        "whole batches fail": edit("Root/WorkerPriority", FunctionResponseTypes=None),
        "unbounded": edit("Root/WorkerBulk", ScalingConfig=None),
        "too many calls at once": edit("Root/Worker", ReservedConcurrentExecutions=5),
        "fewer reserved than used": edit("Root/Worker", ReservedConcurrentExecutions=3),
        "slots of one process": environment("Worker", AE_SLOTS="2"),
        "two turns at once": edit("Root/Reconciler", ReservedConcurrentExecutions=2),
        "two calls in a turn": environment("Reconciler", AE_SLOTS="2"),
        "no turns": lambda s: s.resources.update({"Root/Comparer": s.resources.pop("Root/Reconciler")}),
    },
    "t02": {
        "visible too early": edit("Queues/Bulk", VisibilityTimeout=719),
        "worker slower": edit("Root/Worker", Timeout=301),
        "dead letters visible too early": edit("Queues/PriorityDlq", VisibilityTimeout=30),
        "batching window": edit("Root/WorkerBulk", MaximumBatchingWindowInSeconds=5),
    },
    "t03": {
        "no redrive": edit("Queues/Bulk", RedrivePolicy=None),
        "gives up early": lambda s: properties(s, "Queues/Bulk")["RedrivePolicy"].update(maxReceiveCount=4),
        "shared": lambda s: properties(s, "Queues/Bulk").update(RedrivePolicy=properties(s, "Queues/Priority")["RedrivePolicy"]),
        "another type": edit("Queues/BulkDlq", FifoQueue=None),
        "short memory": edit("Queues/BulkDlq", MessageRetentionPeriod=345_600),
    },
    "t04": {
        "accepts all": edit("Queues/BulkDlq", RedriveAllowPolicy={"redrivePermission": "allowAll"}),
        "accepts the other lane": lambda s: properties(s, "Queues/BulkDlq")["RedriveAllowPolicy"].update(sourceQueueArns=[PRIORITY_ARN]),
        "scheduler's accepts some": edit("Queues/SchedulerDlq", RedriveAllowPolicy=None),
    },
    "t05": {
        "key of AWS": edit("Queues/SchedulerDlq", KmsMasterKeyId="alias/aws/sqs"),
        "no key": edit("Queues/Bulk", KmsMasterKeyId=None),
        "no policy": remove("Queues/BulkDlqPolicy"),
        "policy on another queue": edit("Queues/BulkPolicy", Queues=["@Queues/Priority"]),
    },
    "t06": {
        "no recovery": edit("State/Links", PointInTimeRecoverySpecification=None),
        "key of AWS": edit("State/Errors", SSESpecification={"SSEEnabled": True}),
        "unprotected": edit("State/Connector", DeletionProtectionEnabled=False),
        "deleted with the stack": lambda s: s.resources["State/Links"].update(DeletionPolicy="Delete"),
        "deleted when replaced": lambda s: s.resources["State/Links"].pop("UpdateReplacePolicy"),
        "links expire": edit("State/Links", TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True}),
    },
    "t07": {
        "shared role": edit("Root/Poller", Role="@Root/WorkerRole.Arn"),
        "default log group": edit("Root/Admin", LoggingConfig={"LogFormat": "JSON"}),
        "logs for ever": edit("Root/AdminLogs", RetentionInDays=None),
        "plain logs": edit("Root/WorkerLogs", KmsKeyId=None),
        "text logs": lambda s: properties(s, "Root/Admin")["LoggingConfig"].update(LogFormat="Text"),
        "default timeout": edit("Root/DlqDrain", Timeout=None),
        "default memory": edit("Root/DlqDrain", MemorySize=None),
        "no tracing": edit("Root/Worker", TracingConfig=None),
        "x86": edit("Root/Worker", Architectures=["x86_64"]),
        "settings under another key": edit("Root/Worker", KmsKeyArn=None),
    },
    "t08": {
        "managed policy": edit("Root/WorkerRole", ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        "star action": grant("WorkerRole", "KeepLinks", Action=["dynamodb:*"]),
        "star resource": grant("AdminRole", "SeeDepths", Resource="*"),
        "more than tracing": grant("AdminRole", "Trace", Action=["xray:PutTraceSegments", "s3:GetObject"]),
    },
    "t09": {
        "worker feeds itself": grant("WorkerRole", "TakeChangeBatches", Action=["sqs:ReceiveMessage", "sqs:SendMessage"]),
    },
    "t10": {
        "private key in the environment": environment("Poller", EXTRA="-----BEGIN PRIVATE KEY-----"),
        "access key": environment("Poller", EXTRA="AKIAABCDEFGHIJKLMNOP"),
        "secret by value": environment("Poller", CLIENT_SECRET="hunter2"),
        "value in the template": edit("State/PrivateKey", SecretString="pem"),
    },
    "t11": {
        "public URL": add("AWS::Lambda::Url", AuthType="NONE"),
        "an API": add("AWS::ApiGatewayV2::Api", ProtocolType="HTTP"),
    },
    "t12": {
        "no retry": target(RetryPolicy=None),
        "retries into the next poll": target(RetryPolicy={"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 120}),
        "nothing kept": target(DeadLetterConfig=None),
        "cannot be switched off": edit("Root/PollerTick", State=None),
        "comparison cannot be switched off": edit("Root/ReconcilerTick", State=None),
    },
    "t13": {
        "lane unwatched": remove("Alarms/OldestMessageBulk"),
        "dead letters unwatched": remove("Alarms/DlqNotEmptyScheduler"),
        "draining unwatched": remove("Alarms/DlqNotDrainedBulk"),
        "function unwatched": remove("Alarms/LambdaErrorsAdmin"),
        "polling unwatched": remove("Alarms/PollStopped"),
        "comparing unwatched": remove("Alarms/ReconcileStopped"),
        "drift unwatched": remove("Alarms/DriftedPairs"),
        "used-up calls unwatched": remove("Alarms/CircuitOpen"),
        "another stage": edit("Alarms/OpenErrors", Dimensions=[{"Name": "Stage", "Value": "other"}]),
    },
    "t14": {
        "tells nobody": edit("Alarms/PollStopped", AlarmActions=[]),
        "never says it is over": edit("Alarms/PollStopped", OKActions=[]),
        "metric nobody emits": edit("Alarms/AuthFailed", MetricName="AuthFailure"),
        "wrong statistic": edit("Alarms/DlqNotEmptyBulk", Statistic="Average"),
        "missing data flipped": edit("Alarms/PollStopped", TreatMissingData="notBreaching"),
        "queue that does not exist": edit("Alarms/DlqNotEmptyBulk", Dimensions=[{"Name": "QueueName", "Value": "bulk"}]),
        "the lane, not its dead letters": edit("Alarms/DlqNotEmptyBulk", Dimensions=OTHER_QUEUE),
        "the other lane": edit("Alarms/OldestMessagePriority", Dimensions=OTHER_QUEUE),
        "no such page": edit("Alarms/Unclassified", AlarmDescription="docs/runbooks/None.md: text"),
    },
    "t15": {
        "no rotation": edit("State/Key", EnableKeyRotation=False),
        "any account": key_statement("AlarmsReachTheTopicAndMessagesReachQueues", Condition={}),
        "alarms cannot": key_statement("AlarmsReachTheTopicAndMessagesReachQueues", Principal={"Service": "sns.amazonaws.com"}),
        "logs cannot": key_statement("LogsOfThisAccount", Action=["kms:Decrypt"]),
        "plain topic": edit("Alarms/Topic", KmsMasterKeyId=None),
        "secret under another key": edit("State/PrivateKey", KmsKeyId=None),
    },
    "t16": {"output gone": lambda s: s.outputs.pop("AdminFunction")},
    "t17": {"any source": add("AWS::Lambda::Permission", Principal="events.amazonaws.com", Action="lambda:InvokeFunction")},
    "t18": {
        "key for everybody": key_statement("AccountDecidesThroughIam", Principal={"AWS": "*"}),
        "role for everybody": lambda s: properties(s, "Root/AdminRole")["AssumeRolePolicyDocument"]["Statement"][0].update(Principal="*"),
        "topic for everybody": lambda s: properties(s, "Alarms/TopicPolicy")["PolicyDocument"]["Statement"][0].update(Principal={"AWS": "*"}),
    },
    "t19": {
        "no tags": edit("State/Links", Tags=None),
        "no class": edit("Queues/Bulk", Tags=[{"Key": "service", "Value": "prospect-sync"}]),
    },
    "t20": {
        "takes anything": parameter("Extra", Type="String", Description="text"),
        "a secret": parameter("Password", Type="String", AllowedPattern=".+", NoEcho=True, Description="text"),
        "unexplained": parameter("Extra", Type="String", AllowedPattern=".+"),
    },
}
CASES = [(rule, fault) for rule in rules.RULES for fault in FAULTS[rule[:3]]]


@pytest.mark.parametrize("rule", rules.RULES)
def test_holds_for_the_template(rule: str, stack: Bundle) -> None:
    assert rules.RULES[rule](stack) == []


@pytest.mark.parametrize(("rule", "fault"), CASES, ids=[f"{rule[:3]}-{fault}" for rule, fault in CASES])
def test_notices(rule: str, fault: str, deployed: Bundle) -> None:
    broken = deployed.copy()
    FAULTS[rule[:3]][fault](broken)
    assert rules.RULES[rule](broken), f"{rule} does not notice: {fault}"
