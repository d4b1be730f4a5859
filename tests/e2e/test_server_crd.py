"""The LiveKitServer on a real API server: accepted without reservations, and readable with kubectl."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.common import ANNOTATION_IS_DEFAULT_SERVER, Condition, ConditionStatus
from roomkeeper.api.server_status import AutoCreateState, ServerStatus
from tests.e2e.manifests.base import server, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

NAME = "read-back"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STATUS = ServerStatus(
    observed_generation=1,
    auto_create=AutoCreateState.ENABLED,
    rooms=3,
    recordings=1,
    last_handled_reconcile_at="now",
    conditions=tuple(
        Condition(
            type=type_,
            status=ConditionStatus.TRUE,
            observed_generation=1,
            last_transition_time=MOMENT,
            reason="Available",
            message="It answers",
        )
        for type_ in ("Ready", "EgressAvailable", "WebhooksReceived")
    ),
)


@pytest.fixture
def stored(stack: LocalStack) -> Iterator[None]:
    metadata = {"name": NAME, "annotations": {ANNOTATION_IS_DEFAULT_SERVER: "true"}}
    stack.kubectl("create", "-f", "-", input=text(server({"metadata": metadata})))
    yield
    stack.kubectl("--namespace=default", "delete", "livekitserver", NAME)


def test_the_crd_is_established_without_a_complaint(stack: LocalStack) -> None:
    crd = json.loads(stack.kubectl("get", "crd", "livekitservers.roomkeeper.dev", "-o", "json"))
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_explain_names_what_reaches_every_tenant(stack: LocalStack) -> None:
    explained = " ".join(stack.kubectl("explain", "livekitserver.spec.policy.allowedGrants").split())
    assert "roomRecord starts, lists and stops recordings of every tenant" in explained
    assert "Default: canSubscribe, canPublish, canPublishSources" in explained


def test_a_new_server_does_not_look_finished(stack: LocalStack, stored: None) -> None:
    status = stack.kubectl("--namespace=default", "get", "lks", NAME, "-o", "jsonpath={.status}")
    assert json.loads(status) == {"observedGeneration": -1}


def test_a_status_is_stored_as_the_model_writes_it(stack: LocalStack, stored: None) -> None:
    written = STATUS.model_dump(mode="json", exclude_none=True)
    how = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": written}))
    stack.kubectl("--namespace=default", "patch", "lks", NAME, *how)
    read = json.loads(stack.kubectl("--namespace=default", "get", "lks", NAME, "-o", "jsonpath={.status}"))
    assert read == written
    assert ServerStatus.model_validate(read) == STATUS

    header, row = stack.kubectl("--namespace=default", "get", "livekit", "-o", "wide").splitlines()
    assert header.split() == ["NAME", "URL", "READY", "ROOMS", "AUTOCREATE", "STATUS", "AGE"]
    assert row.split()[:-1] == [
        f"livekitserver.roomkeeper.dev/{NAME}",
        "wss://livekit.example.com",
        "True",
        "3",
        "Enabled",
        "It",
        "answers",
    ]
    header = stack.kubectl("--namespace=default", "get", "lks").splitlines()[0]
    assert header.split() == ["NAME", "URL", "READY", "ROOMS", "AGE"]
