"""Agents are sent once per session and never twice, as LiveKit's own list of dispatches tells."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from tests.e2e.crowd import Crowd
from tests.e2e.looks import all_secrets, dispatches, is_in, own_server, ready, resyncs, secret_of, tokens_of
from tests.e2e.support import OperatorProcess, eventually, with_livekit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

HOST = {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}}
EARLY = {"agentName": "early", "dispatch": "WithRoom", "metadata": {"for": "all"}}
LATE = {"agentName": "late"}
SERVERS = 2  # the one of the namespace, whose policy limits nothing in it, and the operator's own
ROOMS, KILLS = 8, 3


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


@pytest.fixture(scope="module")
def operator(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    process = OperatorProcess(stack, tmp_path_factory.mktemp("operator") / "operator.log")
    process.start()
    yield process
    process.stop()


def spec(*agents: dict[str, Any], departure: int = 60) -> dict[str, Any]:
    return {
        "serverRef": {"name": "main"},
        "departureTimeoutSeconds": departure,
        "agents": list(agents),
        "roles": [HOST],
    }


def names(stack: LocalStack, room: str) -> list[str]:
    return [name for name, _ in dispatches(stack, room)]


def test_an_agent_is_sent_once_with_the_room_or_with_the_first_participant(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    own_server(cluster)
    room = ready(cluster, within=4, **spec(EARLY, LATE, departure=1))
    eventually("who comes with the room is sent", lambda: names(stack, room) == ["early"], within=2)
    first = dispatches(stack, room)
    resyncs(stack, number=1, servers=SERVERS)
    assert dispatches(stack, room) == first

    secret, tokens = secret_of(cluster, "standup.host"), tokens_of(cluster, "standup.host")
    assert crowd.join("alice", secret, tokens["alice"])
    eventually("who waits for people is sent", lambda: names(stack, room) == ["early", "late"], within=2)
    both = dispatches(stack, room)
    assert both[0] == first[0]
    assert crowd.join("bob", secret, tokens["bob"])
    crowd.leave("alice")
    resyncs(stack, number=1, servers=SERVERS)
    assert dispatches(stack, room) == both

    sid = livekit.room(room).sid
    assert is_in(livekit, room, "bob")
    crowd.leave("bob")
    eventually("another session", lambda: (now := livekit.room(room)) and now.sid not in ("", sid), within=5)
    eventually("its agent is sent, once", lambda: names(stack, room) == ["early"], within=2)
    assert not set(dispatches(stack, room)) & set(both)


def test_an_agent_that_is_withdrawn_is_called_back_and_nobody_elses(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    own_server(cluster)
    other = {"agentName": "other", "dispatch": "WithRoom"}
    room = ready(cluster, within=4, **spec(EARLY, other))
    eventually("both are sent", lambda: names(stack, room) == ["early", "other"], within=2)

    async def send(client: api.LiveKitAPI) -> Any:
        wanted = api.CreateAgentDispatchRequest(room=room, agent_name="theirs")
        return await client.agent_dispatch.create_dispatch(wanted)

    asyncio.run(with_livekit(stack, send))
    before = dispatches(stack, room)
    assert [name for name, _ in before] == ["early", "other", "theirs"]
    cluster.apply(cluster.room("standup", **spec(other)))
    eventually("the agent is called back", lambda: names(stack, room) == ["other", "theirs"], within=2)
    assert dispatches(stack, room) == before[1:]
    cluster.apply(cluster.room("standup", **spec(EARLY, other)))
    eventually("it is sent again", lambda: names(stack, room) == ["early", "other", "theirs"], within=2)
    resyncs(stack, number=1, servers=SERVERS)
    assert names(stack, room) == ["early", "other", "theirs"]


def test_no_kill_of_the_operator_has_an_agent_sent_twice(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    own_server(cluster)
    for number in range(KILLS):
        rooms = [f"room-{number}-{index}" for index in range(ROOMS)]
        cluster.apply(*(cluster.room(room, **spec(EARLY, LATE)) for room in rooms))
        full = [f"{cluster.namespace}_{room}" for room in rooms]
        kill_while(lambda full=full: sum(map(bool, map(livekit.room, full))) >= ROOMS // 2, operator)
        operator.start()
        eventually(
            "all are Ready", lambda rooms=rooms: set(cluster.ready_rooms()).issuperset(rooms), within=6
        )
        secrets = all_secrets(cluster)
        joins = [crowd.begin_join(room, secrets[f"{room}.host"]) for room in rooms]
        wanted = ROOMS + (1, ROOMS // 2, ROOMS)[number]
        eventually(
            "some are sent, others are not",
            lambda full=full, wanted=wanted: sum(len(names(stack, room)) for room in full) >= wanted,
            within=2,
        )
        operator.kill()
        assert {join.result(30) for join in joins} == {"joined"}
        sent = sum(len(names(stack, room)) for room in full)
        print(f"killed with {sent} of {2 * ROOMS} agents sent")
        operator.start()
        eventually(
            "every room has both",
            lambda full=full: [names(stack, room) for room in full] == [["early", "late"]] * ROOMS,
            within=6,
        )
        resyncs(stack, number=1, servers=SERVERS)
        assert [names(stack, room) for room in full] == [["early", "late"]] * ROOMS
        for leave in [crowd.begin_leave(room) for room in rooms]:
            leave.result(30)


def kill_while(is_amid: Any, operator: OperatorProcess) -> None:
    eventually("half of the rooms are made", is_amid, within=5)
    operator.kill()
