"""The commands of docs/runbooks.md, as a real kubectl and API server take them."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.monitoring.queries import RUNBOOKS

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

BLOCKS = re.findall(r"^```sh\n(.*?)^```", RUNBOOKS, re.MULTILINE | re.DOTALL)
COMMANDS = sorted({line for block in BLOCKS for line in block.splitlines()})
COLUMNS = [command for command in COMMANDS if "custom-columns" in command and "leases" not in command]

SINCE = "2026-01-02T12:00:00Z"
READY = {
    "type": "Ready", "status": "False", "reason": "SomeReason", "message": "some-message",
    "lastTransitionTime": SINCE, "observedGeneration": 1,
}  # fmt: skip
ATTEMPT = {
    "number": 1, "marker": "rkaaaaaaaaaaaaa-1", "egressID": "EG_1", "state": "Failed", "error": "EgressFailed",
    "errorCode": 400,
}  # fmt: skip
TOKEN = {"role": "host", "secretName": "a.host", "identities": 1, "expiresAt": SINCE, "renewsAt": SINCE}
OBJECTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Room": ({}, {"conditions": [READY], "tokens": [TOKEN]}),
    "Recording": (
        {"roomRef": {"name": "a"}, "source": {"roomComposite": {}}, "outputs": {"file": {"filepath": "a"}}},
        {
            "state": "Failed",
            "conditions": [READY, {**READY, "type": "Failed", "status": "True"}],
            "attempts": [ATTEMPT],
            "gaps": [{"from": SINCE, "to": SINCE}],
        },
    ),
    "LiveKitServer": (
        {"url": "ws://livekit:7880", "credentialsSecretRef": {"name": "api"}},
        {"conditions": [READY, {**READY, "type": "WebhooksReceived"}]},
    ),
}


@pytest.fixture(scope="module")
def known(stack: LocalStack) -> None:
    """One object of each kind that the columns are about, with all of them filled."""
    stack.kubectl("create", "namespace", "runbooks")
    for kind, (spec, status) in OBJECTS.items():
        body = {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": "a", "namespace": "runbooks"},
            "spec": spec,
        }
        stack.kubectl("create", "-f", "-", input=json.dumps(body))
        patch = json.dumps({"status": status})
        stack.kubectl(
            "-n", "runbooks", "patch", kind, "a", "--subresource=status", "--type=merge", "-p", patch
        )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one_that_kubectl_takes(stack: LocalStack, command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "kubectl"
    may_say_no = arguments[:2] == ["auth", "can-i"]  # and then it fails
    said = stack.kubectl(*arguments, check=not may_say_no)
    assert not may_say_no or said in {"yes\n", "no\n"}


@pytest.mark.parametrize("command", COLUMNS)
def test_a_column_is_filled_where_there_is_something_to_tell(
    stack: LocalStack, known: None, command: str
) -> None:
    rows = stack.kubectl(*shlex.split(command)[1:]).splitlines()
    [row] = [row for row in rows if row.startswith("runbooks ")]
    assert "<none>" not in row
