"""The CRD on a real API server: accepted without reservations, and readable with kubectl."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.common import Condition, ConditionStatus
from roomkeeper.api.references import ResolvedServerRef
from roomkeeper.api.room_status import (
    MAX_METADATA_KEYS,
    PendingChange,
    RevokedIdentity,
    RoomStatus,
    SessionConfig,
    TokenStatus,
)
from tests.e2e.manifests.base import room, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "read-back"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STATUS = RoomStatus(
    observed_generation=1,
    room_name="default_read-back",
    url="wss://livekit.example.com",
    server_ref=ResolvedServerRef(namespace="livekit", name="main", uid="7f1c"),
    sid="RM_abc",
    created_at=MOMENT,
    recreations=1,
    num_participants=3,
    num_publishers=2,
    active_recording=False,
    metadata_keys=("", *(f"key{number}".ljust(250, "k") for number in range(MAX_METADATA_KEYS - 1))),
    pending_changes=(PendingChange(field="maxParticipants", live="10", desired="20"),),
    tokens=(
        TokenStatus(
            role="host", secret_name="read-back.host", identities=2, expires_at=MOMENT, renews_at=MOMENT
        ),
    ),
    revoked_identities=(RevokedIdentity(identity="mallory", until=MOMENT),),
    last_handled_reconcile_at="now",
    created_with=SessionConfig(
        empty_timeout_seconds=86_400,
        departure_timeout_seconds=20,
        max_participants=0,
        min_playout_delay_milliseconds=0,
        max_playout_delay_milliseconds=0,
        sync_streams=False,
    ),
    conditions=(
        Condition(
            type="Ready",
            status=ConditionStatus.TRUE,
            observed_generation=1,
            last_transition_time=MOMENT,
            reason="Available",
            message="All is as declared",
        ),
    ),
)


@pytest.fixture
def stored(stack: LocalStack) -> Iterator[None]:
    stack.kubectl(
        "create", "-f", "-", input=text(room({"metadata": {"name": NAME}, "spec": {"roomName": "given"}}))
    )
    yield
    stack.kubectl("--namespace=default", "delete", "room", NAME)


def test_the_crd_is_established_without_a_complaint(stack: LocalStack) -> None:
    crd = json.loads(stack.kubectl("get", "crd", "rooms.roomkeeper.dev", "-o", "json"))
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions == {
        "NamesAccepted": "True",
        "Established": "True",
    }  # no NonStructuralSchema, no violation


def test_explain_teaches_a_field(stack: LocalStack) -> None:
    explained = " ".join(stack.kubectl("explain", "room.spec.roles.grants.canPublishSources").split())
    assert "Needs `canPublish: true`" in explained
    assert "LiveKit: `canPublishSources`" in explained


def test_the_examples_are_good(stack: LocalStack) -> None:
    examples = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if path.name != "kustomization.yaml"]
    assert EXAMPLES / "tenants" / "server.yaml" in examples
    every = "\n---\n".join(path.read_text(encoding="utf-8") for path in examples)
    here = re.sub(r"^  namespace: .*$", "  namespace: default", every, flags=re.MULTILINE)
    stack.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", input=here)


def test_a_new_room_does_not_look_finished(stack: LocalStack, stored: None) -> None:
    status = stack.kubectl("--namespace=default", "get", "room", NAME, "-o", "jsonpath={.status}")
    assert json.loads(status) == {"observedGeneration": -1}


def test_a_status_is_stored_as_the_model_writes_it(stack: LocalStack, stored: None) -> None:
    written = STATUS.model_dump(mode="json", exclude_none=True)
    patch = json.dumps({"status": written})
    stack.kubectl(
        "--namespace=default", "patch", "room", NAME, "--subresource=status", "--type=merge", "-p", patch
    )
    read = json.loads(stack.kubectl("--namespace=default", "get", "room", NAME, "-o", "jsonpath={.status}"))
    assert read == written
    assert RoomStatus.model_validate(read) == STATUS

    header, row = stack.kubectl("--namespace=default", "get", "livekit", "-o", "wide").splitlines()
    assert header.split() == ["NAME", "ROOM", "READY", "PARTICIPANTS", "SERVER", "SID", "STATUS", "AGE"]
    assert row.split()[:-1] == [
        f"room.roomkeeper.dev/{NAME}",  # a category of several kinds: kubectl tells them apart
        "default_read-back",
        "True",
        "3",
        "main",
        "RM_abc",
        "All",
        "is",
        "as",
        "declared",
    ]


def test_a_room_is_found_by_the_name_it_was_given(stack: LocalStack, stored: None) -> None:
    found = ("--namespace=default", "get", "lkroom", "-o", "name", "--field-selector")
    assert stack.kubectl(*found, "spec.roomName=given").split() == [f"room.roomkeeper.dev/{NAME}"]
    assert stack.kubectl(*found, "spec.roomName=other").split() == []
