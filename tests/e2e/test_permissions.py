"""A role that is edited reaches those who are connected, and those who come again with an older token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from livekit.protocol import models

from tests.e2e.crowd import Crowd
from tests.e2e.looks import ask_for_a_look, ready, resyncs, secret_of, somebody, tokens_of, tracks, update
from tests.e2e.support import RESYNC_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

MICROPHONE, CAMERA = "MICROPHONE", "CAMERA"


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


def may_publish(livekit: LiveKitView, name: str, identity: str) -> bool:
    someone = somebody(livekit, name, identity)
    if someone is None:
        raise LookupError(f"{identity} is not there")
    return bool(someone.permission.can_publish)


def role(name: str, *, publishes: bool, **more: Any) -> dict[str, Any]:
    return {"name": name, "grants": {"canPublish": publishes}, **more}


def test_a_viewer_who_becomes_a_host_publishes_without_rejoining(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[role("viewer", publishes=False)])
    assert crowd.join("viewer", secret_of(cluster, "standup.viewer"))
    before = somebody(livekit, name, "viewer")
    assert not before.permission.can_publish
    cluster.apply(cluster.room("standup", roles=[role("viewer", publishes=True)]))
    eventually("the viewer may publish", lambda: may_publish(livekit, name, "viewer"), within=2)
    assert crowd.publish("viewer")
    eventually("LiveKit has the track", lambda: tracks(livekit, name, "viewer") == [MICROPHONE], within=2)
    assert somebody(livekit, name, "viewer").sid == before.sid
    crowd.leave("viewer")


def test_who_is_demoted_stays_demoted_with_the_old_token(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    name = ready(cluster, departureTimeoutSeconds=60, roles=[role("host", publishes=True)])
    old = secret_of(cluster, "standup.host")
    assert crowd.join("host", old)
    assert crowd.publish("host")
    eventually("LiveKit has the track", lambda: tracks(livekit, name, "host") == [MICROPHONE], within=2)

    cluster.apply(cluster.room("standup", roles=[role("host", publishes=False)], departureTimeoutSeconds=60))
    eventually("the host may not publish", lambda: not may_publish(livekit, name, "host"), within=2)
    eventually("LiveKit has no track", lambda: tracks(livekit, name, "host") == [], within=2)
    for _ in range(3):
        crowd.leave("host")
        assert crowd.join("host", old)
        eventually(
            "who comes with the old token is demoted again",
            lambda: not may_publish(livekit, name, "host"),
            within=2,
        )
    assert not crowd.publish("host")
    assert tracks(livekit, name, "host") == []
    crowd.leave("host")


def test_a_denied_source_stays_off_whatever_the_client_does(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    roles = [role("host", publishes=True, identities=["alice", "bob"])]
    name = ready(cluster, departureTimeoutSeconds=60, roles=roles)
    old = tokens_of(cluster, "standup.host")
    secret = secret_of(cluster, "standup.host")
    for who in ("alice", "bob"):
        assert crowd.join(who, secret, old[who])
        assert crowd.publish(who, "microphone")
        assert crowd.publish(who, "camera")
    both = [CAMERA, MICROPHONE]
    eventually("LiveKit has both tracks", lambda: tracks(livekit, name, "bob") == both, within=2)

    denied = {"deniedSources": [{"identity": "bob", "sources": ["microphone"]}]}
    cluster.apply(cluster.room("standup", departureTimeoutSeconds=60, roles=roles, moderation=denied))
    eventually("bob's microphone is off", lambda: tracks(livekit, name, "bob") == [CAMERA], within=2)
    crowd.unmute("bob")
    assert not crowd.publish("bob", "microphone")
    assert tracks(livekit, name, "bob") == [CAMERA]
    assert tracks(livekit, name, "alice") == both

    crowd.leave("bob")
    assert crowd.join("bob", secret, old["bob"])
    eventually(
        "it is off for who comes again with the old token",
        lambda: (
            models.TrackSource.MICROPHONE
            not in (sources := somebody(livekit, name, "bob").permission.can_publish_sources)
            and models.TrackSource.CAMERA in sources
        ),
        within=2,
    )
    for who in ("alice", "bob"):
        crowd.leave(who)


def test_name_metadata_and_attributes_follow_the_role(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    first = role(
        "host", publishes=True, displayName="Host", metadata={"team": "a"}, attributes={"x": "1", "gone": "y"}
    )
    name = ready(cluster, roles=[first])
    assert crowd.join("host", secret_of(cluster, "standup.host"))
    before = somebody(livekit, name, "host")
    assert (before.name, json.loads(before.metadata), dict(before.attributes)) == (
        "Host",
        {"team": "a"},
        {"x": "1", "gone": "y"},
    )
    update(cluster.stack, name, "host", attributes={"theirs": "kept"})

    second = role("host", publishes=True, displayName="Chair", metadata={"team": "b"}, attributes={"x": "2"})
    cluster.apply(cluster.room("standup", roles=[second]))

    def follows() -> bool:
        now = somebody(livekit, name, "host")
        assert now.name == "Chair"
        assert json.loads(now.metadata) == {"team": "b"}
        assert dict(now.attributes) == {"x": "2", "theirs": "kept"}
        return bool(now.sid == before.sid)

    eventually("who is connected is shown as the role says now", follows, within=2)
    crowd.leave("host")


def promote(stack: LocalStack, name: str, identity: str) -> None:
    allowed = models.ParticipantPermission(can_subscribe=True, can_publish=True)
    update(stack, name, identity, permission=allowed)


def test_an_application_that_promotes_is_not_fought_but_under_enforce(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    free = role("free", publishes=False)
    strict = role("strict", publishes=False, permissionsPolicy="Enforce")
    name = ready(cluster, roles=[free, strict, role("guest", publishes=False)])
    for who in ("free", "strict"):
        assert crowd.join(who, secret_of(cluster, f"standup.{who}"))
    resyncs(stack, number=1)  # the joins are dealt with
    promote(stack, name, "free")
    promote(stack, name, "strict")
    assert may_publish(livekit, name, "free")
    eventually(
        "under Enforce it is taken back",
        lambda: not may_publish(livekit, name, "strict"),
        within=RESYNC_SECONDS + 1,
    )
    resyncs(stack)
    assert may_publish(livekit, name, "free")
    ask_for_a_look(cluster, "standup", "now")
    promote(stack, name, "strict")
    assert crowd.join("guest", secret_of(cluster, "standup.guest"))  # an event
    eventually("at an event it is taken back too", lambda: not may_publish(livekit, name, "strict"), within=2)
    assert may_publish(livekit, name, "free")
    assert crowd.publish("free")
    for who in ("free", "strict", "guest"):
        crowd.leave(who)
