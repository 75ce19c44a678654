"""Runs the contract of the storage ports against a local AWS that has the tables of infra/state.yaml.

    python tools/contract.py [arguments of the test program]
"""

from __future__ import annotations

import os
import subprocess
import sys

from local_stack import REPO, LocalStack

TABLES = {"LINKS_TABLE": "LinksTableName", "ERRORS_TABLE": "ErrorsTableName", "CONNECTOR_TABLE": "ConnectorTableName"}


def create_state(stack: LocalStack) -> dict[str, str]:
    """Create the template's own tables; their names by output."""
    cloudformation = stack.client("cloudformation")
    cloudformation.create_stack(
        StackName="contract",
        TemplateBody=(REPO / "infra" / "state.yaml").read_text(),
        Parameters=[
            {"ParameterKey": "Prefix", "ParameterValue": "contract"},
            {"ParameterKey": "Emulated", "ParameterValue": "true"},
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="contract", WaiterConfig={"Delay": 1})
    (created,) = cloudformation.describe_stacks(StackName="contract")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}


def main() -> int:
    stack = LocalStack("contract")
    stack.start()
    try:
        outputs = create_state(stack)
        names = {variable: outputs[output] for variable, output in TABLES.items()}
        command = ["cargo", "test", "--workspace", "--locked", "--test", "contract", "--", "--ignored", *sys.argv[1:]]
        environment = {**os.environ, **stack.env(), **names}
        return subprocess.run(command, cwd=REPO, env=environment, check=False).returncode
    finally:
        stack.stop()


if __name__ == "__main__":
    sys.exit(main())
