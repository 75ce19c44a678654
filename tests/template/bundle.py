"""The template as CloudFormation would see it: SAM expanded, nested parts joined, references followed.

`load(parameters)` returns a `Bundle` whose `resources` are keyed `Part/LogicalId` (functions and roles: `Root/...`) with
every property resolved, so that an assertion can compare a queue's ARN in a role with the queue itself.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

REPO = Path(__file__).resolve().parents[2]
PSEUDO = {
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::StackName": "prospect-sync",
    "AWS::NoValue": None,
}
PARAMETER_SETS: dict[str, dict[str, str]] = {
    "deployed": {
        "Stage": "prod",
        "LoginUrl": "https://example.my.salesforce.com",
        "BusinessUnits": "0Uv000000000001CAA",
        "ClientId": "consumer-key",
        "AlarmEmail": "operator@example.invalid",
    },
    "local": {
        "Stage": "local",
        "LoginUrl": "http://127.0.0.1:4711",
        "AccountEngagementUrl": "http://127.0.0.1:4712",
        "BusinessUnits": "0Uv000000000001CAA,0Uv000000000002CAA",
        "ClientId": "consumer-key",
        "AlarmEmail": "operator@example.invalid",
        "Architecture": "x86_64",
        "Emulated": "true",
        "WorkerTimeoutSeconds": "5",
        "VisibilityTimeoutSeconds": "30",
    },
}


@dataclass
class Bundle:
    """Everything one deployment creates."""

    emulated: bool
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Key -> properties of every resource of a type."""
        return {key: r.setdefault("Properties", {}) for key, r in self.resources.items() if r["Type"] == kind}

    def copy(self) -> Bundle:
        """An independent copy, to plant a fault in."""
        return copy.deepcopy(self)


def source(name: str) -> dict[str, Any]:
    """A template file as written."""
    return yaml_parse((REPO / name).read_text())


def expanded_root() -> dict[str, Any]:
    """The root template after the SAM transform, still with its references."""
    os.environ.setdefault("AWS_DEFAULT_REGION", PSEUDO["AWS::Region"])
    template = source("template.yaml")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"  # as after `sam package`
    policies = ManagedPolicyLoader(None)
    policies.load = lambda: {}
    return transform(template, {}, policies)


def load(parameters: dict[str, str], expanded: dict[str, Any] | None = None) -> Bundle:
    """The whole deployment for one set of parameters."""
    root = copy.deepcopy(expanded or expanded_root())
    parts = {key: source(r["Properties"]["TemplateURL"])
             for key, r in root["Resources"].items() if r["Type"] == "AWS::CloudFormation::Stack"}
    resolver = _Resolver(root, parts, parameters)
    bundle = Bundle(emulated=resolver.parameter("Root", "Emulated") == "true")
    for part, template in {"Root": root, **parts}.items():
        for key, resource in template["Resources"].items():
            bundle.resources[f"{part}/{key}"] = resolver.value(copy.deepcopy(resource), part)
        bundle.parameters |= {f"{part}/{name}": p for name, p in template.get("Parameters", {}).items()}
    bundle.outputs = {name: resolver.value(o["Value"], "Root") for name, o in root["Outputs"].items()}
    return bundle


class _Resolver:
    def __init__(self, root: dict[str, Any], parts: dict[str, Any], given: dict[str, str]) -> None:
        self._templates = {"Root": root, **parts}
        self._given = given

    def parameter(self, part: str, name: str) -> Any:
        declared = self._templates[part]["Parameters"][name]
        if part == "Root":
            found = self._given.get(name, declared.get("Default"))
            assert found is not None, f"parameter {name} has no value"
        else:
            passed = self._templates["Root"]["Resources"][part]["Properties"]["Parameters"]
            found = self.value(passed[name], "Root") if name in passed else declared["Default"]
        if declared["Type"] == "CommaDelimitedList" and isinstance(found, str):
            return found.split(",")
        return int(found) if declared["Type"] == "Number" and not isinstance(found, dict) else found

    def value(self, node: Any, part: str) -> Any:
        if isinstance(node, list):
            return [self.value(item, part) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), = node.items()
            match function:
                case "Ref":
                    return self._ref(argument, part)
                case "Fn::GetAtt":
                    logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                    return self._attribute(logical, attribute, part)
                case "Fn::Sub":
                    return self._sub(argument, part)
                case "Fn::Join":
                    return argument[0].join(str(item) for item in self.value(argument[1], part))
                case "Fn::If":
                    return self.value(argument[1 if self._condition(argument[0], part) else 2], part)
        return {key: self.value(item, part) for key, item in node.items()}

    def _ref(self, name: str, part: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._templates[part].get("Parameters", {}):
            return self.parameter(part, name)
        resource = self._templates[part]["Resources"][name]
        named = {"AWS::Lambda::Function": "FunctionName", "AWS::Logs::LogGroup": "LogGroupName"}.get(resource["Type"])
        return self.value(resource["Properties"][named], part) if named else f"@{part}/{name}"

    def _attribute(self, logical: str, attribute: str, part: str) -> Any:
        if attribute.startswith("Outputs."):
            return self.value(self._templates[logical]["Outputs"][attribute[8:]]["Value"], logical)
        resource = self._templates[part]["Resources"][logical]
        if resource["Type"] == "AWS::SQS::Queue":
            name = self.value(resource["Properties"]["QueueName"], part)
            known = {"QueueName": name, "Arn": f"arn:aws:sqs:eu-central-1:{PSEUDO['AWS::AccountId']}:{name}"}
            return known[attribute]
        return f"@{part}/{logical}.{attribute}"

    def _sub(self, text: str, part: str) -> str:
        pieces = text.split("${")
        done = pieces[0]
        for piece in pieces[1:]:
            name, rest = piece.split("}", 1)
            found = self._attribute(*name.split(".", 1), part) if "." in name else self._ref(name, part)
            done += f"{found}{rest}"
        return done

    def _condition(self, name: str, part: str) -> bool:
        left, right = self._templates[part]["Conditions"][name]["Fn::Equals"]
        return self.value(left, part) == self.value(right, part)
