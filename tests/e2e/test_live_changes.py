"""Fields that LiveKit takes only at creation are edited on live rooms: nobody who is in one is surprised."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.looks import (
    all_secrets,
    condition,
    is_active,
    log_size,
    ready,
    resyncs,
    secret_of,
    status,
    tokens_of,
    writes_to,
)
from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

HOST = {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}}
ROOMS, ROUNDS = 20, 5
NEVER_JOINED_SECONDS = 5  # beyond the departure timeout, before a room counts as never joined


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


@pytest.fixture(scope="module")
def operator(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Return an operator that looks at LiveKit every second: the more looks, the more chances to err."""
    process = OperatorProcess(stack, tmp_path_factory.mktemp("operator") / "operator.log")
    process.start(ROOMKEEPER_RESYNC_SECONDS="1")
    yield process
    process.stop()


def sids(livekit: LiveKitView, name: str) -> tuple[str, dict[str, str]]:
    """Return the SID of the session and of everybody in it."""
    room = livekit.room(name)
    return room.sid if room else "", {one.identity: one.sid for one in livekit.participants(name)}


def test_a_limit_edited_while_two_people_are_there_waits_until_they_have_left(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    spec: dict[str, Any] = {"departureTimeoutSeconds": 2, "roles": [HOST]}
    name = ready(cluster, maxParticipants=5, **spec)
    secret = secret_of(cluster, "standup.host")
    for who, token in tokens_of(cluster, "standup.host").items():
        assert crowd.join(who, secret, token)
    before = sids(livekit, name)
    assert len(before[1]) == 2

    cluster.apply(cluster.room("standup", maxParticipants=7, **spec))
    eventually(
        "UpToDate says that it waits",
        lambda: condition(cluster, "UpToDate") == ("False", "RequiresRecreate"),
        within=2,
    )
    assert status(cluster)["pendingChanges"] == [{"field": "maxParticipants", "live": "5", "desired": "7"}]
    resyncs(stack)
    crowd.leave("bob")
    resyncs(stack)
    assert sids(livekit, name) == (before[0], {"alice": before[1]["alice"]})
    assert not crowd.put_out("alice")
    assert livekit.room(name).max_participants == 5

    crowd.leave("alice")
    eventually(
        "the room that follows is as declared",
        lambda: (room := livekit.room(name)) and (room.sid != before[0], room.max_participants) == (True, 7),
        within=5,
    )
    eventually("UpToDate says so", lambda: condition(cluster, "UpToDate") == ("True", "AsDeclared"), within=2)
    assert "pendingChanges" not in status(cluster)


def test_only_a_room_that_nobody_ever_joined_is_replaced_when_empty_and_none_under_never(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    policies = {"replaced": "WhenEmpty", "kept": "Never"}
    names = {
        room: ready(cluster, room, departureTimeoutSeconds=2, maxParticipants=5, updatePolicy=policy)
        for room, policy in policies.items()
    }
    first = {room: livekit.room(name) for room, name in names.items()}
    edits = (
        cluster.room(room, departureTimeoutSeconds=2, maxParticipants=7, updatePolicy=policy)
        for room, policy in policies.items()
    )
    cluster.apply(*edits)
    waited = 2 + NEVER_JOINED_SECONDS
    eventually(
        "the room that nobody joined is replaced",
        lambda: (
            (room := livekit.room(names["replaced"]))
            and (room.sid != first["replaced"].sid and room.max_participants == 7)
        ),
        within=waited + 2,
    )
    second = livekit.room(names["replaced"])
    lived = (second.creation_time_ms - first["replaced"].creation_time_ms) / 1000
    print(f"the first lived {lived:.1f} s")
    assert lived >= waited
    resyncs(stack)
    assert livekit.room(names["replaced"]).sid == second.sid
    assert livekit.room(names["kept"]).sid == first["kept"].sid
    assert condition(cluster, "UpToDate", "kept") == ("False", "RequiresRecreate")
    assert condition(cluster, "UpToDate", "replaced") == ("True", "AsDeclared")
    livekit.delete(names["kept"])
    eventually(
        "under Never it comes with a session that begins for another reason",
        lambda: (room := livekit.room(names["kept"])) and room.max_participants == 7,
        within=7,
    )


def test_under_always_it_is_replaced_at_once_whoever_is_in_it(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    spec: dict[str, Any] = {"updatePolicy": "Always", "roles": [HOST]}
    name = ready(cluster, maxParticipants=5, **spec)
    assert crowd.join("alice", secret_of(cluster, "standup.host"))
    first = livekit.room(name).sid
    cluster.apply(cluster.room("standup", maxParticipants=7, **spec))
    eventually(
        "the room is another, as declared",
        lambda: (room := livekit.room(name)) and (room.sid != first, room.max_participants) == (True, 7),
        within=2,
    )
    eventually("alice was told", lambda: crowd.put_out("alice") == "ROOM_DELETED", within=2)
    second = livekit.room(name).sid
    resyncs(stack)
    assert livekit.room(name).sid == second, "it was replaced more than once"


def test_who_joins_while_the_last_one_leaves_and_an_edit_comes_is_never_thrown_out(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    chance = random.Random(4)
    rooms = [f"race-{number}" for number in range(ROOMS)]
    cluster.apply(*(raced(cluster, room, 5) for room in rooms))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=10)
    since = log_size(stack)
    thrown, renewed = 0, 0
    for number in range(ROUNDS):
        out, anew = raced_once(cluster, livekit, crowd, rooms, limit=6 + number, chance=chance)
        thrown, renewed = thrown + out, renewed + anew
    print(f"of {ROOMS * ROUNDS} who joined, {renewed} were the first of a new session, {thrown} thrown out")
    assert thrown == 0
    for room in rooms:
        told = writes_to(stack, f"{cluster.namespace}_{room}", since=since)
        assert not {"DeleteRoom", "RemoveParticipant"} & set(told)
    assert 0 < renewed < ROOMS * ROUNDS, "the joins were all on one side of the end of a session"


def raced(cluster: Cluster, room: str, limit: int) -> dict[str, Any]:
    return cluster.room(room, departureTimeoutSeconds=1, maxParticipants=limit, roles=[HOST])


def raced_once(
    cluster: Cluster,
    livekit: LiveKitView,
    crowd: Crowd,
    rooms: list[str],
    *,
    limit: int,
    chance: random.Random,
) -> tuple[int, int]:
    """Let alice leave every room and bob join it while it is edited.

    Return how many bobs did not stay, and how many came when the session of alice had ended.
    """
    secrets = all_secrets(cluster)
    known = {room: secrets[f"{room}.host"] for room in rooms}
    bobs = {room: json.loads(known[room]["tokens.json"])["bob"] for room in rooms}
    joins = [crowd.begin_join(f"alice@{room}", known[room]) for room in rooms]
    assert [join.result(30) for join in joins] == ["joined"] * len(rooms)

    full = [f"{cluster.namespace}_{room}" for room in rooms]
    eventually(
        "alice is in every room", lambda: all(is_active(livekit, name, "alice") for name in full), within=2
    )
    sessions = set(livekit.sids(f"{cluster.namespace}_race-"))

    # The edit goes on for about a second; a session ends 1 to 2 s after its last person.
    moments = [(chance.uniform(0, 0.8), "leave", room) for room in rooms]
    moments += [(at + chance.uniform(-0.1, 2.5), "join", room) for at, _, room in moments]
    edits = [raced(cluster, room, limit) for room in rooms]
    editing = threading.Thread(target=cluster.apply, args=edits)
    editing.start()
    started, answers = time.monotonic(), []
    for at, what, room in sorted(moments):
        time.sleep(max(0.0, started + at - time.monotonic()))  # the moment is what is tested
        if what == "leave":
            crowd.begin_leave(f"alice@{room}")
        else:
            answers.append(crowd.begin_join(f"bob@{room}", known[room], bobs[room]))
    editing.join()
    came = [answer.result(30) for answer in answers]
    assert came == ["joined"] * len(rooms), came
    time.sleep(2.5)  # two looks of the operator: that nobody is thrown out can only be seen by waiting
    missing = [
        room
        for room in rooms
        if "bob" not in {one.identity for one in livekit.participants(f"{cluster.namespace}_{room}")}
        or crowd.put_out(f"bob@{room}")
    ]
    for room in missing:
        print(f"{room}: {crowd.put_out(f'bob@{room}') or 'not listed'}")
    renewed = len(sessions - set(livekit.sids(f"{cluster.namespace}_race-")))
    for answer in [crowd.begin_leave(f"bob@{room}") for room in rooms]:
        answer.result(30)
    return len(missing), renewed
