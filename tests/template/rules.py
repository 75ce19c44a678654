"""Template rules T1-T20 (reliability 3.3) as far as our resources exist: each returns what it found wrong, [] = kept.

T11 also covers function URLs; T17 looks for permissions that appear later; T21-T24 come with the resources they are about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bundle import PSEUDO, REPO, Bundle

QUEUE, POLICY, TABLE = "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::DynamoDB::Table"
FUNCTION, ROLE, LOGS = "AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Logs::LogGroup"
MAPPING, SCHEDULE, ALARM = "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule", "AWS::CloudWatch::Alarm"
KEY, SECRET, TOPIC = "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::SNS::Topic"
FOURTEEN_DAYS = 1_209_600
ACCOUNT_ENGAGEMENT_CALLS_AT_ONCE = 5
IN_TURNS = ("Root/Poller", "Root/Reconciler")  # never at the same time (docs/decisions/0010; test_code.py looks at the code)
# Statistic and missing-data rule that fit a metric; the catalogue of our own metrics that alarms may use.
METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ("Maximum", "notBreaching"),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): ("Maximum", "notBreaching"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ("Maximum", "notBreaching"),
    ("AWS/Lambda", "Errors"): ("Sum", "notBreaching"),
    ("ProspectSync", "PollHeartbeat"): ("Sum", "breaching"),
    ("ProspectSync", "ReconcileHeartbeat"): ("Sum", "breaching"),
    ("ProspectSync", "DriftedPairs"): ("Sum", "notBreaching"),
    ("ProspectSync", "ErrorsOpen"): ("Maximum", "ignore"),
    ("ProspectSync", "AuthFailures"): ("Sum", "notBreaching"),
    ("ProspectSync", "CircuitOpen"): ("Maximum", "notBreaching"),
    ("ProspectSync", "Unclassified"): ("Sum", "notBreaching"),
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def queue_arn(properties: dict[str, Any]) -> str:
    return f"arn:aws:sqs:{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}:{properties['QueueName']}"


def queues_by_arn(stack: Bundle) -> dict[str, dict[str, Any]]:
    return {queue_arn(properties): properties for properties in stack.of_type(QUEUE).values()}


def function_of(stack: Bundle, mapping: dict[str, Any]) -> dict[str, Any]:
    return next(f for f in stack.of_type(FUNCTION).values() if f["FunctionName"] == mapping["FunctionName"])


def dead_letter_arns(stack: Bundle) -> set[str]:
    redriven = {q["RedrivePolicy"]["deadLetterTargetArn"] for q in stack.of_type(QUEUE).values() if "RedrivePolicy" in q}
    return redriven | {s["Target"]["DeadLetterConfig"]["Arn"] for s in stack.of_type(SCHEDULE).values()
                       if "DeadLetterConfig" in s["Target"]}


def role_statements(stack: Bundle) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, role in stack.of_type(ROLE).items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield key, statement


def resource_statements(stack: Bundle) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        for name in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument", "ResourcePolicy"):
            for statement in as_list(properties.get(name, {}).get("Statement", [])):
                yield key, statement


def alarms_on(stack: Bundle, metric: str, dimension: str, value: str) -> bool:
    wanted = [{"Name": dimension, "Value": value}]
    return any(a["MetricName"] == metric and a["Dimensions"] == wanted for a in stack.of_type(ALARM).values())


def t01_every_event_source_reports_partial_batches_and_stays_within_the_slots(stack: Bundle) -> list[str]:
    found, in_use = [], {}
    for key, mapping in stack.of_type(MAPPING).items():
        maximum = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            found.append(f"{key}: whole batches fail")
        if maximum is None:
            found.append(f"{key}: no MaximumConcurrency")
        name = mapping["FunctionName"]
        in_use[name] = in_use.get(name, 0) + (maximum or 1000)
    slots, in_turns = 0, [0]
    for key, function in stack.of_type(FUNCTION).items():
        reserved = function.get("ReservedConcurrentExecutions", 1000)
        if reserved < in_use.get(function["FunctionName"], 0):
            found.append(f"{key}: reserved {reserved} is less than its event sources may use")
        if "AE_SLOTS" in function["Environment"]["Variables"] and not key.endswith("Admin"):
            of_function = int(function["Environment"]["Variables"]["AE_SLOTS"]) * reserved
            if key in IN_TURNS:
                in_turns.append(of_function)
            else:
                slots += of_function
    slots += max(in_turns)
    if slots > ACCOUNT_ENGAGEMENT_CALLS_AT_ONCE:
        found.append(f"all functions together may make {slots} calls at once")
    return found


def t02_every_event_source_queue_hides_a_message_for_six_timeouts(stack: Bundle) -> list[str]:
    queues = queues_by_arn(stack)
    found = []
    for key, mapping in stack.of_type(MAPPING).items():
        visibility = int(queues[mapping["EventSourceArn"]].get("VisibilityTimeout", 30))
        needed = 6 * int(function_of(stack, mapping)["Timeout"]) + int(mapping.get("MaximumBatchingWindowInSeconds", 0))
        if visibility < needed:
            found.append(f"{key}: visibility {visibility} s, needed {needed} s")
    return found


def t03_every_lane_redrives_to_its_own_dead_letter_queue(stack: Bundle) -> list[str]:
    queues, used, found = queues_by_arn(stack), set(), []
    dead_letters = dead_letter_arns(stack)
    for arn, queue in queues.items():
        policy = queue.get("RedrivePolicy")
        if policy is None:
            if arn not in dead_letters:
                found.append(f"{arn}: no redrive")
            continue
        target = queues.get(policy["deadLetterTargetArn"], {})
        if policy["maxReceiveCount"] < 5:
            found.append(f"{arn}: gives up after {policy['maxReceiveCount']}")
        if policy["deadLetterTargetArn"] in used:
            found.append(f"{arn}: shares a dead-letter queue")
        used.add(policy["deadLetterTargetArn"])
        if target.get("FifoQueue") != queue.get("FifoQueue"):
            found.append(f"{arn}: dead-letter queue of another type")
        if not queue["MessageRetentionPeriod"] < target.get("MessageRetentionPeriod", 345_600) == FOURTEEN_DAYS:
            found.append(f"{arn}: dead letters are not kept 14 days")
    return found


def t04_every_dead_letter_queue_accepts_exactly_its_sources(stack: Bundle) -> list[str]:
    found, sources = [], {}
    for queue in stack.of_type(QUEUE).values():
        if "RedrivePolicy" in queue:
            sources.setdefault(queue["RedrivePolicy"]["deadLetterTargetArn"], []).append(queue_arn(queue))
    for arn in dead_letter_arns(stack):
        allowed = queues_by_arn(stack)[arn].get("RedriveAllowPolicy", {})
        wanted = ({"redrivePermission": "byQueue", "sourceQueueArns": sources[arn]} if arn in sources
                  else {"redrivePermission": "denyAll"})
        if allowed != wanted:
            found.append(f"{arn}: redrive allow policy {allowed}")
    return found


def t05_every_queue_is_encrypted_with_our_key_and_refuses_plain_http(stack: Bundle) -> list[str]:
    refusing = set()
    for policy in stack.of_type(POLICY).values():
        for statement in policy["PolicyDocument"]["Statement"]:
            plain_http = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            if statement["Effect"] == "Deny" and statement["Principal"] == "*" and plain_http and statement["Action"] == "sqs:*":
                refusing.add((policy["Queues"][0], statement["Resource"]))
    found = []
    for key, queue in stack.of_type(QUEUE).items():
        if queue.get("KmsMasterKeyId") != "@State/Key.Arn":
            found.append(f"{key}: not our key")
        if (f"@{key}", queue_arn(queue)) not in refusing:
            found.append(f"{key}: accepts plain http")
    return found


def t06_every_table_is_kept_recoverable_and_encrypted(stack: Bundle) -> list[str]:
    found = []
    for key, table in stack.of_type(TABLE).items():
        resource = stack.resources[key]
        checks = {
            "point-in-time recovery": table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"),
            "our key": table.get("SSESpecification", {}).get("KMSMasterKeyId") == "@State/Key.Arn",
            "deletion protection": stack.emulated or table.get("DeletionProtectionEnabled") is True,
            "DeletionPolicy Retain": resource.get("DeletionPolicy") == "Retain",
            "UpdateReplacePolicy Retain": resource.get("UpdateReplacePolicy") == "Retain",
            "no expiry": "TimeToLiveSpecification" not in table,
        }
        found += [f"{key}: {what} is missing" for what, kept in checks.items() if not kept]
    return found


def t07_every_function_has_its_own_role_log_group_and_explicit_settings(stack: Bundle) -> list[str]:
    found, roles, groups = [], set(), set()
    logs = {group["LogGroupName"]: group for group in stack.of_type(LOGS).values()}
    for key, function in stack.of_type(FUNCTION).items():
        logging = function.get("LoggingConfig", {})
        group = logs.get(logging.get("LogGroup"), {})
        checks = {
            "own role": function["Role"] not in roles and function["Role"].startswith("@Root/"),
            "own log group": logging.get("LogGroup") not in groups and group,
            "log retention": group.get("RetentionInDays"),
            "log key": group.get("KmsKeyId") == "@State/Key.Arn",
            "JSON logs": logging.get("LogFormat") == "JSON",
            "timeout": function.get("Timeout"),
            "memory": function.get("MemorySize"),
            "arm64": stack.emulated or function.get("Architectures") == ["arm64"],
            "tracing": function.get("TracingConfig", {}).get("Mode") == "Active",
            "settings key": function.get("KmsKeyArn") == "@State/Key.Arn",
        }
        roles.add(function["Role"])
        groups.add(logging.get("LogGroup"))
        found += [f"{key}: {what} is missing" for what, kept in checks.items() if not kept]
    return found


def t08_no_managed_policy_no_star_action_and_star_resource_only_for_tracing(stack: Bundle) -> list[str]:
    found = [f"{key}: managed policy" for key, role in stack.of_type(ROLE).items() if role.get("ManagedPolicyArns")]
    for key, statement in role_statements(stack):
        actions = as_list(statement["Action"])
        if any("*" in action for action in actions) or "NotAction" in statement:
            found.append(f"{key}/{statement['Sid']}: star in {actions}")
        tracing = all(action.startswith("xray:Put") for action in actions)
        if "*" in as_list(statement["Resource"]) and not tracing:
            found.append(f"{key}/{statement['Sid']}: any resource")
    return found


def t09_no_function_can_send_to_a_queue_it_consumes(stack: Bundle) -> list[str]:
    found = []
    for key, mapping in stack.of_type(MAPPING).items():
        role = function_of(stack, mapping)["Role"].removeprefix("@").removesuffix(".Arn")
        for owner, statement in role_statements(stack):
            sends = any(a.startswith("sqs:SendMessage") or a in ("sqs:*", "*") for a in as_list(statement["Action"]))
            if owner == role and sends and mapping["EventSourceArn"] in as_list(statement["Resource"]):
                found.append(f"{key}: {role} sends to its own source")
    return found


def t10_no_literal_looks_like_a_secret(stack: Bundle) -> list[str]:
    text = json.dumps(stack.resources)
    found = [f"literal {m.group()[:12]}..." for m in re.finditer(r"-----BEGIN|AKIA[0-9A-Z]{16}|(?<![\w/+])[A-Za-z0-9/+]{60,}", text)]
    for key, function in stack.of_type(FUNCTION).items():
        for name, value in function["Environment"]["Variables"].items():
            secretive = re.search(r"SECRET|PASSWORD|PRIVATE|TOKEN", name)
            if secretive and (not name.endswith("_ARN") or value != "@State/PrivateKey.Id"):
                found.append(f"{key}: {name}")
    found += [f"{key}: value in the template" for key, secret in stack.of_type(SECRET).items() if "SecretString" in secret]
    return found


def t11_nothing_is_reached_without_iam(stack: Bundle) -> list[str]:
    found = [f"{key}: public URL" for key, url in stack.of_type("AWS::Lambda::Url").items() if url.get("AuthType") != "AWS_IAM"]
    return found + [f"{key}: an API was added without a rule" for key, r in stack.resources.items()
                    if r["Type"].startswith("AWS::ApiGateway")]


def t12_every_schedule_retries_within_its_period_and_keeps_what_fails(stack: Bundle) -> list[str]:
    found = []
    for key, schedule in stack.of_type(SCHEDULE).items():
        target = schedule["Target"]
        period = int(re.match(r"rate\((\d+) minutes?\)", schedule["ScheduleExpression"])[1]) * 60
        checks = {
            "retry policy": target.get("RetryPolicy", {}).get("MaximumRetryAttempts"),
            "age below the period": target.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds", 86_400) < period,
            "dead-letter queue": target.get("DeadLetterConfig", {}).get("Arn") in queues_by_arn(stack),
            "state parameter": schedule.get("State") == "ENABLED" and "Root/ScheduleState" in stack.parameters,
        }
        found += [f"{key}: {what} is missing" for what, kept in checks.items() if not kept]
    return found


def t13_everything_that_can_fail_has_its_alarms(stack: Bundle) -> list[str]:
    found, dead_letters = [], dead_letter_arns(stack)
    for arn, queue in queues_by_arn(stack).items():
        metric = "ApproximateNumberOfMessagesVisible" if arn in dead_letters else "ApproximateAgeOfOldestMessage"
        if not alarms_on(stack, metric, "QueueName", queue["QueueName"]):
            found.append(f"{arn}: no alarm on {metric}")
    for key, mapping in stack.of_type(MAPPING).items():
        source = queues_by_arn(stack)[mapping["EventSourceArn"]]
        in_flight = "ApproximateNumberOfMessagesNotVisible"
        if mapping["EventSourceArn"] in dead_letters and not alarms_on(stack, in_flight, "QueueName", source["QueueName"]):
            found.append(f"{key}: no alarm on {in_flight}")
    for key, function in stack.of_type(FUNCTION).items():
        if not alarms_on(stack, "Errors", "FunctionName", function["FunctionName"]):
            found.append(f"{key}: no alarm on Errors")
    stage = next(iter(stack.of_type(FUNCTION).values()))["Environment"]["Variables"]["STAGE"]
    for metric in ("PollHeartbeat", "ReconcileHeartbeat", "DriftedPairs", "ErrorsOpen", "AuthFailures", "CircuitOpen", "Unclassified"):
        if not alarms_on(stack, metric, "Stage", stage):
            found.append(f"no alarm on {metric} of stage {stage}")
    return found


def t14_every_alarm_tells_somebody_and_looks_at_the_right_thing(stack: Bundle) -> list[str]:
    found = []
    names = {"QueueName": {q["QueueName"] for q in stack.of_type(QUEUE).values()},
             "FunctionName": {f["FunctionName"] for f in stack.of_type(FUNCTION).values()},
             "Stage": {f["Environment"]["Variables"]["STAGE"] for f in stack.of_type(FUNCTION).values()}}
    seen: dict[str, str] = {}
    for key, alarm in stack.of_type(ALARM).items():
        statistic, missing = METRICS.get((alarm["Namespace"], alarm["MetricName"]), (None, None))
        page = alarm["AlarmDescription"].split(":")[0]
        title = alarm["AlarmName"].removeprefix(f"{PSEUDO['AWS::StackName']}-")
        kind, _, subject = title.partition("-")
        value = alarm["Dimensions"][0]["Value"]
        checks = {
            "alarm action": alarm.get("AlarmActions") == ["@Alarms/Topic"],
            "OK action": alarm.get("OKActions") == ["@Alarms/Topic"],
            "known metric": statistic,
            "fitting statistic": alarm.get("Statistic") == statistic,
            "missing-data rule": alarm.get("TreatMissingData") == missing,
            "existing target": value in names[alarm["Dimensions"][0]["Name"]],
            "target it is named after": not subject or subject in value,
            "lane, not dead letters": kind != "OldestMessage" or "dlq" not in value,
            "dead letters, not lane": not kind.startswith("Dlq") or "dlq" in value,
            "runbook of its name": page == f"docs/runbooks/{kind}.md" and (REPO / page).is_file(),
            "own target": seen.setdefault(f"{alarm['MetricName']} {value}", key) == key,
        }
        found += [f"{key}: {what} is missing" for what, kept in checks.items() if not kept]
    return found


def t15_the_key_lets_alarms_and_logs_of_this_account_use_it(stack: Bundle) -> list[str]:
    found = []
    for key, properties in stack.of_type(KEY).items():
        if properties.get("EnableKeyRotation") is not True:
            found.append(f"{key}: no rotation")
        allowed: set[str] = set()
        for statement in properties["KeyPolicy"]["Statement"]:
            services = as_list(statement["Principal"].get("Service", []))
            if services and PSEUDO["AWS::AccountId"] not in json.dumps(statement.get("Condition", {})):
                found.append(f"{key}/{statement['Sid']}: any account's {services}")
            if {"kms:Decrypt", "kms:GenerateDataKey*"} <= set(as_list(statement["Action"])):
                allowed |= set(services)
        for service in ("cloudwatch.amazonaws.com", "sns.amazonaws.com", "sqs.amazonaws.com", "logs.eu-central-1.amazonaws.com"):
            if service not in allowed:
                found.append(f"{key}: {service} cannot use it")
    found += [f"{key}: not our key" for key, topic in stack.of_type(TOPIC).items() if topic.get("KmsMasterKeyId") != "@State/Key.Arn"]
    return found + [f"{key}: not our key" for key, s in stack.of_type(SECRET).items() if s.get("KmsKeyId") != "@State/Key.Arn"]


def t16_everything_an_operator_needs_is_an_output(stack: Bundle) -> list[str]:
    needed = {"AdminFunction", "PollerFunction", "ReconcilerFunction", "WorkerFunction", "DlqDrainFunction",
              "PrivateKeySecretArn", "LinksTable", "ErrorsTable", "ConnectorTable", "PriorityQueueUrl", "BulkQueueUrl", "PriorityDlqUrl", "BulkDlqUrl",
              "SchedulerDlqUrl", "AlarmTopicArn"}
    return [f"output {name} is missing" for name in sorted(needed - set(stack.outputs))]


def t17_every_lambda_permission_names_its_source(stack: Bundle) -> list[str]:
    return [f"{key}: any source" for key, p in stack.of_type("AWS::Lambda::Permission").items() if "SourceArn" not in p]


def t18_nobody_is_allowed_as_everybody(stack: Bundle) -> list[str]:
    return [f"{key}: everybody" for key, statement in resource_statements(stack)
            if statement["Effect"] == "Allow" and "*" in json.dumps(statement.get("Principal"))]


def t19_everything_that_holds_data_says_which_class(stack: Bundle) -> list[str]:
    found = []
    for kind in (QUEUE, TABLE, FUNCTION, ROLE, LOGS, KEY, SECRET, TOPIC):
        for key, properties in stack.of_type(kind).items():
            tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
            if tags.get("data-class") not in ("internal", "confidential") or tags.get("service") != "prospect-sync":
                found.append(f"{key}: tags {tags}")
    return found


def t20_every_parameter_is_checked_and_none_carries_a_secret(stack: Bundle) -> list[str]:
    found = []
    for name, parameter in stack.parameters.items():
        if not {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter):
            found.append(f"{name}: takes anything")
        if "NoEcho" in parameter:
            found.append(f"{name}: a secret passes through a parameter")
        if not parameter.get("Description") and name.startswith("Root/"):
            found.append(f"{name}: no description")
    return found


RULES = {name: rule for name, rule in sorted(globals().items()) if re.match(r"t\d\d_", name)}
