"""What people tell the operator to do or to leave alone, and what it tells them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.looks import (
    ask_for_a_look,
    condition,
    log_size,
    ready,
    reasons,
    resyncs,
    secret_of,
    somebody,
    status,
    tracks,
    writes_to,
)
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

HOST = {"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}
VIEWER = {"name": "viewer"}


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


def test_a_suspended_room_is_left_alone_but_for_its_tokens_and_its_end(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    name = ready(cluster, metadata={"topic": "x"}, roles=[HOST])
    suspended: dict[str, Any] = {"suspend": True, "roles": [HOST, VIEWER]}
    cluster.apply(cluster.room("standup", metadata={"topic": "x"}, **suspended))
    eventually("Suspended is True", lambda: condition(cluster, "Suspended")[0] == "True", within=2)
    assert condition(cluster, "Ready") == ("True", "Available")
    eventually("a new role has its token", lambda: cluster.secret("standup.viewer"), within=2)

    since = log_size(stack)
    blocked = {"blockedIdentities": ["viewer"], "deniedSources": []}
    cluster.apply(
        cluster.room("standup", metadata={"topic": "y"}, moderation=blocked, **{**suspended, "roles": [HOST]})
    )
    eventually("the edit is observed", lambda: condition(cluster, "Ready")[0] == "True", within=2)
    assert crowd.join("alice", secret_of(cluster, "standup.host"))
    livekit.set_metadata(name, "theirs")
    cluster.delete("secret", "standup.host", wait=True)
    eventually("a deleted Secret is back", lambda: cluster.secret("standup.host"), within=2)
    resyncs(stack)
    livekit.delete(name)
    resyncs(stack)
    assert livekit.room(name) is None
    assert writes_to(stack, name, since=since) == ["UpdateRoomMetadata", "DeleteRoom"], "other than our own"
    assert condition(cluster, "Suspended") == ("True", "Suspended")
    assert condition(cluster, "Ready") == ("True", "Available")

    cluster.apply(cluster.room("standup", metadata={"topic": "y"}, roles=[HOST]))
    eventually("set free, it is as declared", lambda: livekit.room(name), within=2)
    eventually("and says so", lambda: cluster.is_ready("standup"), within=2)
    assert json.loads(livekit.room(name).metadata) == {"topic": "y"}
    assert "Suspended" not in {one["type"] for one in status(cluster)["conditions"]}
    cluster.apply(cluster.room("standup", metadata={"topic": "y"}, suspend=True, roles=[HOST]))
    eventually("Suspended is True", lambda: condition(cluster, "Suspended")[0] == "True", within=2)
    cluster.delete("room", "standup", wait=True)
    assert livekit.room(name) is None


def test_nobody_is_moderated_in_a_suspended_room(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[HOST])
    assert crowd.join("alice", secret_of(cluster, "standup.host"))
    assert crowd.publish("alice")
    denied = {"deniedSources": [{"identity": "alice", "sources": ["microphone"]}]}
    cluster.apply(cluster.room("standup", suspend=True, roles=[HOST], moderation=denied))
    eventually("Suspended is True", lambda: condition(cluster, "Suspended")[0] == "True", within=2)
    resyncs(stack)
    assert tracks(livekit, name, "alice") == ["MICROPHONE"]
    cluster.apply(cluster.room("standup", roles=[HOST], moderation=denied))
    eventually("set free, it is", lambda: tracks(livekit, name, "alice") == [], within=2)
    assert somebody(livekit, name, "alice")
    crowd.leave("alice")


def test_a_look_that_is_asked_for_is_taken_at_once_and_acknowledged(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, metadata={"topic": "x"})
    livekit.set_metadata(name, '{"topic": "theirs"}')
    began = time.monotonic()
    ask_for_a_look(cluster, "standup", "2026-01-01T00:00:00Z")
    assert json.loads(livekit.room(name).metadata) == {"topic": "x"}
    print(f"put right {time.monotonic() - began:.2f} s after it was asked for")
    ask_for_a_look(cluster, "standup", "whatever")
    assert cluster.is_ready("standup")


def test_events_tell_what_went_wrong_and_right_again_but_not_of_the_first_success(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[HOST])
    ready(cluster, "quiet")
    twice = [HOST, {"name": "viewer", "identities": ["alice"]}]
    cluster.apply(cluster.room("standup", roles=twice))
    failure = ("Warning", "DuplicateIdentity")
    eventually("the failure is told", lambda: failure in reasons(cluster), within=2)
    ready(cluster, roles=[HOST])
    recovery = ("Normal", "Available")
    eventually("so is the recovery", lambda: recovery in reasons(cluster), within=2)
    sid = livekit.room(name).sid
    livekit.delete(name)
    eventually("the room is back", lambda: (room := livekit.room(name)) and room.sid != sid, within=7)
    again = ("Normal", "RoomRecreated")
    eventually("that is told", lambda: again in reasons(cluster), within=2)

    assert crowd.join("alice", secret_of(cluster, "standup.host"))
    cluster.apply(cluster.room("standup", moderation={"blockedIdentities": ["alice"]}))
    removal = ("Normal", "ParticipantsRemoved")
    eventually("the removal is told", lambda: removal in reasons(cluster), within=2)
    resyncs(stack, number=1)
    assert reasons(cluster) == sorted([failure, recovery, again, removal])
    assert reasons(cluster, "quiet") == []


def test_a_room_that_was_there_before_is_refused_or_adopted_as_declared(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    name = f"{cluster.namespace}_standup"
    theirs = livekit.create(name, metadata="theirs", empty_timeout=600)
    made = time.time()
    eventually("the room is older than clocks differ", lambda: time.time() > made + 7, within=8)
    since = log_size(stack)
    cluster.apply(cluster.room("standup", adoptionPolicy="Refuse", roles=[HOST], metadata={"topic": "x"}))
    eventually(
        "the Room is Stalled: AdoptionRefused",
        lambda: (
            (condition(cluster, "Ready"), condition(cluster, "Stalled"))
            == (("False", "AdoptionRefused"), ("True", "AdoptionRefused"))
        ),
        within=2,
    )
    resyncs(stack)
    assert writes_to(stack, name, since=since) == []
    assert (livekit.room(name).sid, livekit.room(name).metadata) == (theirs.sid, "theirs")
    assert not cluster.list("secrets")
    assert ("Warning", "AdoptionRefused") in reasons(cluster)

    livekit.delete(name)
    eventually("once it is gone, the Room has its own", lambda: cluster.is_ready("standup"), within=7)
    own = livekit.room(name)
    assert own.sid != theirs.sid
    assert json.loads(own.metadata) == {"topic": "x"}
    ask_for_a_look(cluster, "standup", "again")
    assert cluster.is_ready("standup"), "its own room is never refused"


def test_a_refused_room_outlives_the_object(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = f"{cluster.namespace}_standup"
    sid = livekit.create(name, empty_timeout=600).sid
    made = time.time()
    eventually("the room is older than clocks differ", lambda: time.time() > made + 7, within=8)
    cluster.apply(cluster.room("standup", adoptionPolicy="Refuse", deletionPolicy="Delete"))
    eventually("it is refused", lambda: condition(cluster, "Ready") == ("False", "AdoptionRefused"), within=2)
    cluster.delete("room", "standup", wait=True)
    assert livekit.room(name).sid == sid
    livekit.delete(name)
