"""A LiveKit that never comes back keeps no Recording, and no namespace that has one."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.e2e.studio import ROOM, Studio
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.crowd import Crowd

GRACE = 3  # seconds
ENDS_BY_ITSELF = 30  # the namespace controller goes round


@pytest.fixture
def studio(stack: LocalStack) -> Iterator[Studio]:
    """A namespace that the test deletes."""
    here = Studio(stack, f"t-{uuid.uuid4().hex[:8]}")
    stack.kubectl("create", "namespace", here.namespace)
    yield here
    if not stack.livekit.running:
        stack.livekit.start()


@pytest.mark.usefixtures("operator")
def test_a_recording_and_its_namespace_go_though_livekit_is_down_for_ever(
    studio: Studio, crowd: Crowd
) -> None:
    stack = studio.stack
    studio.open()
    studio.apply(
        studio.room(ROOM, **{**(studio.get("room", ROOM) or {})["spec"], "deletionGraceSeconds": GRACE})
    )
    secret = studio.secret(f"{ROOM}.host")
    assert secret
    assert crowd.join("alice", secret)
    assert crowd.publish("alice")
    studio.record(deletionGraceSeconds=GRACE)
    eventually("it is recorded", lambda: studio.is_("Active"), within=5)
    stack.livekit.stop()
    stack.kubectl("delete", "namespace", studio.namespace, "--wait=false")

    def is_gone() -> bool:
        return not stack.kubectl("get", "namespace", studio.namespace, "--ignore-not-found").strip()

    eventually("the namespace is gone", is_gone, within=ENDS_BY_ITSELF)
