"""How long rooms live: as long as the object, as long as somebody is in them, or once; and what LiveKit does not do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack import LocalStack
from tests.e2e.crowd import Crowd
from tests.e2e.looks import (
    condition,
    is_in,
    log_size,
    own_server,
    ready,
    reasons,
    resyncs,
    secret_of,
    status,
    writes_to,
)
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

HOST = {"name": "host", "grants": {"canPublish": True}}
CAPPED = 3


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


@pytest.fixture(scope="module")
def austere(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Return another LiveKit: a join makes no room there, and every room has a limit that nobody declares."""
    with LocalStack(
        directory=tmp_path_factory.mktemp("austere"),
        parts=["livekit"],
        webhook_url=f"http://127.0.0.1:{stack.operator_port}/livekit/webhook",
        livekit_config={"room": {"auto_create": False, "max_participants": CAPPED}},
    ) as running:
        yield running


def test_on_demand_needs_a_server_that_makes_rooms_for_who_joins(
    cluster: Cluster, operator: OperatorProcess, austere: LocalStack
) -> None:
    own_server(cluster, livekit=austere.livekit)
    eventually("the server is looked at", lambda: server_status(cluster).get("autoCreate"), within=5)
    assert server_status(cluster)["autoCreate"] == "Disabled"
    spec: dict[str, Any] = {"serverRef": {"name": "main"}, "roles": [HOST]}
    cluster.apply(cluster.room("standup", lifecycle="OnDemand", **spec))
    eventually(
        "the Room is Stalled: AutoCreateDisabled",
        lambda: (
            (condition(cluster, "Ready"), condition(cluster, "Stalled")[0])
            == (("False", "AutoCreateDisabled"), "True")
        ),
        within=2,
    )
    assert not cluster.list("rooms")[0]["metadata"].get("finalizers")
    cluster.apply(cluster.room("standup", lifecycle="Persistent", maxParticipants=2, **spec))
    eventually("as Persistent it is Ready", lambda: cluster.is_ready("standup"), within=3)


def server_status(cluster: Cluster) -> dict[str, Any]:
    server = cluster.get("livekitserver", "main")
    assert server
    found: dict[str, Any] = server.get("status", {})
    return found


@pytest.mark.parametrize("policy", ["WhenEmpty", "Always"])
def test_what_livekit_does_not_honour_is_told_and_not_tried_again(
    cluster: Cluster, operator: OperatorProcess, stack: LocalStack, austere: LocalStack, policy: str
) -> None:
    own_server(cluster, livekit=austere.livekit)
    name = ready(
        cluster, within=5, serverRef={"name": "main"}, updatePolicy=policy, departureTimeoutSeconds=1
    )
    eventually(
        "UpToDate says so", lambda: condition(cluster, "UpToDate") == ("False", "NotHonoured"), within=2
    )
    pending = [{"field": "maxParticipants", "live": str(CAPPED), "desired": "0"}]
    assert status(cluster)["pendingChanges"] == pending
    resyncs(stack, livekit=austere.livekit, number=3)  # longer than until an empty room is replaced
    assert writes_to(austere, name) == ["CreateRoom"]
    assert reasons(cluster) == [("Warning", "NotHonoured")]
    assert status(cluster)["recreations"] == 0


def test_a_room_on_demand_is_born_as_declared_when_somebody_joins(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    since = log_size(stack)
    short = {"topic": "x"}
    spec: dict[str, Any] = {"departureTimeoutSeconds": 1, "emptyTimeoutSeconds": 77, "maxParticipants": 9}
    names = {
        room: ready(cluster, room, lifecycle="OnDemand", metadata=metadata, roles=[HOST], **spec)
        for room, metadata in {"short": short, "long": {"topic": "x" * 2000}}.items()
    }
    assert condition(cluster, "Ready", "short") == ("True", "OnDemand")
    assert [livekit.room(name) for name in names.values()] == [None, None]

    for room in names:
        assert crowd.join(room, secret_of(cluster, f"{room}.host"))
    born = livekit.room(names["short"])
    assert json.loads(born.metadata) == short
    assert (born.departure_timeout, born.empty_timeout, born.max_participants) == (1, 77, 9)
    assert writes_to(stack, names["short"], since=since) == []
    eventually(
        "metadata too long for a token is set when the room is there",
        lambda: livekit.room(names["long"]).metadata == '{"topic":"' + "x" * 2000 + '"}',
        within=2,
    )
    eventually("status names the session", lambda: status(cluster, "short").get("sid") == born.sid, within=2)
    assert condition(cluster, "Ready", "short") == ("True", "Available")
    for room, name in names.items():
        assert is_in(livekit, name, "host")
        crowd.leave(room)
    for room, name in names.items():
        eventually(f"{room} is gone", lambda name=name: livekit.room(name) is None, within=4)
        eventually(
            "and healthy without",
            lambda room=room: condition(cluster, "Ready", room) == ("True", "OnDemand"),
            within=2,
        )
    resyncs(stack)
    assert [livekit.room(name) for name in names.values()] == [None, None]
    assert "CreateRoom" not in writes_to(stack, names["short"], since=since)
    assert reasons(cluster, "short") == []


def test_a_room_that_existed_once_is_finished_and_does_not_come_back(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    spec: dict[str, Any] = {"lifecycle": "Once", "departureTimeoutSeconds": 1, "roles": [HOST]}
    name = ready(cluster, **spec)
    secret = secret_of(cluster, "standup.host")
    assert crowd.join("host", secret)
    assert is_in(livekit, name, "host")
    crowd.leave("host")
    eventually("the room is closed", lambda: livekit.room(name) is None, within=4)
    eventually("it is Finished", lambda: condition(cluster, "Ready") == ("True", "Finished"), within=2)
    eventually("its Secrets are gone", lambda: not cluster.list("secrets"), within=2)
    assert ("Normal", "Finished") in reasons(cluster)
    resyncs(stack)
    assert livekit.room(name) is None

    for number in range(2):
        since = log_size(stack)
        crowd.begin_join(f"host {number}", secret)  # it may be cut off before it is told that it has joined
        eventually(
            "the room was brought back, and is deleted again",
            lambda since=since: "DeleteRoom" in writes_to(stack, name, since=since),
            within=3,
        )
        eventually("it is gone", lambda: livekit.room(name) is None, within=2)
    assert condition(cluster, "Ready") == ("True", "Finished")
    assert not cluster.list("secrets")
    operator.stop()
    assert crowd.join("host again", secret)
    assert livekit.room(name)
    operator.start()
    eventually(
        "also what came back while the operator was away", lambda: livekit.room(name) is None, within=2
    )
    assert not cluster.list("secrets")
    cluster.delete("room", "standup", wait=True)


def test_a_room_becomes_on_demand_and_persistent_again_by_an_edit(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    spec: dict[str, Any] = {"departureTimeoutSeconds": 1, "emptyTimeoutSeconds": 600, "roles": [HOST]}
    name = ready(cluster, lifecycle="Persistent", **spec)
    first = livekit.room(name).sid
    ready(cluster, lifecycle="OnDemand", **spec)
    assert livekit.room(name).sid == first, "an edit closes no room"
    assert crowd.join("host", secret_of(cluster, "standup.host"))
    assert is_in(livekit, name, "host")
    crowd.leave("host")
    eventually("the session ends", lambda: livekit.room(name) is None, within=4)
    eventually("that is healthy now", lambda: condition(cluster, "Ready") == ("True", "OnDemand"), within=2)
    resyncs(stack)
    assert livekit.room(name) is None
    cluster.apply(cluster.room("standup", lifecycle="Persistent", **spec))
    eventually("as Persistent it is there", lambda: livekit.room(name), within=2)
    eventually("and Ready", lambda: condition(cluster, "Ready") == ("True", "Available"), within=2)
    assert livekit.room(name).sid != first
