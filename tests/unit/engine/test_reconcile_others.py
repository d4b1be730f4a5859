"""Rooms, names and failures of others: what a reconcile asks then, to the call."""

from __future__ import annotations

import pytest

from roomkeeper.adapters.kubernetes.resources import ROOMS
from roomkeeper.adapters.livekit import tokens as signing
from roomkeeper.adapters.ports import ConflictError, LiveKitRejectedError, LiveKitUnreachableError
from roomkeeper.api import common
from roomkeeper.domain import token_secret
from roomkeeper.domain.livekit import ParticipantKind
from roomkeeper.domain.objects import Key
from roomkeeper.domain.outcomes import Done, Retry, Stalled, Waiting
from roomkeeper.domain.rooms import ServerState
from tests.unit.engine.harness import NAME, NAMESPACE, Engine

HOST = {"name": "host", "identities": ["alice", "bob"]}
STATUS = "patch rooms/status standup"
FINALIZER = "patch rooms standup"


@pytest.fixture
async def engine() -> Engine:
    return Engine()


async def test_a_failure_of_one_room_says_nothing_of_the_server(engine: Engine) -> None:
    await engine.probe()
    engine.livekit.fail_next("create_room", LiveKitRejectedError("no"))
    bad, good = engine.declare("a"), engine.declare("b")
    assert await engine.settle() == [Retry(), Done()]
    assert engine.server.state is ServerState.ACCEPTED
    assert (engine.ready_reason(bad), engine.ready_reason(good)) == ("RoomRejected", "Available")
    await engine.reconcile(bad)
    assert engine.ready_reason(bad) == "Available"


async def test_a_server_that_is_down_is_not_asked_room_by_room(engine: Engine) -> None:
    key = await engine.ready(roles=[HOST])
    engine.livekit.outage = LiveKitUnreachableError("down")
    await engine.probe()
    await engine.probe()
    engine.asked()
    assert await engine.settle() == [Waiting(300)]
    assert engine.asked() == [STATUS]
    engine.clock.advance(3000)
    await engine.reconcile(key)
    assert engine.asked() == ["apply secrets standup.host", STATUS]


async def test_an_obstacle_makes_no_call_to_livekit(engine: Engine) -> None:
    await engine.probe()
    key = engine.declare(roles=[HOST, {"name": "x", "identities": ["bob"]}])
    engine.asked()
    assert await engine.settle() == [Stalled()]
    assert engine.asked() == [STATUS]
    assert engine.ready_reason(key) == "DuplicateIdentity"


async def test_a_loser_gets_the_room_when_the_winner_goes(engine: Engine) -> None:
    older = await engine.ready(roomName="team-a_x")
    younger = engine.declare("younger", roomName="team-a_x")
    assert await engine.settle() == [Stalled()]
    assert engine.asked() == ["patch rooms/status younger"]
    engine.delete(older)
    await engine.settle()
    assert engine.ready_reason(younger) == "Available"


async def test_a_name_that_policy_refuses_is_no_claim(engine: Engine) -> None:
    await engine.probe()
    squatter = engine.declare("squatter", namespace="evil", roomName=NAME)
    engine.clock.advance(60)
    key = engine.declare()
    await engine.settle()
    assert engine.ready_reason(squatter) == "PolicyViolation"
    assert engine.ready_reason(key) == "Available"


@pytest.mark.parametrize("state", [None, LiveKitUnreachableError("down")], ids=["up", "down"])
async def test_who_declares_the_room_of_another_namespace_sees_and_deletes_nothing(
    engine: Engine, state: LiveKitUnreachableError | None
) -> None:
    await engine.ready()
    engine.livekit.join(NAME, "alice")
    key = engine.declare("thief", namespace="evil", roomName=NAME, deletionPolicy="Delete")
    finalizer = {"metadata": {"finalizers": [common.FINALIZER]}}
    engine.kubernetes.store.patch(ROOMS, namespace="evil", name="thief", patch=finalizer)
    await engine.settle()
    assert engine.status(key).keys() == {"observedGeneration", "conditions"}
    engine.livekit.outage = state
    engine.delete(key)
    await engine.settle()
    engine.livekit.outage = None
    await engine.reconcile(key)
    assert [live.name for live in await engine.livekit.list_rooms()] == [NAME]
    assert ("delete_room", NAME) not in engine.livekit.calls
    assert len(engine.kubernetes.store.list(ROOMS)) == 1


async def test_a_conflict_is_raised_and_the_next_attempt_sees_the_new_level(engine: Engine) -> None:
    await engine.probe()
    key = engine.declare()
    engine.kubernetes.fail_next("patch", "rooms/status", ConflictError("changed"))
    with pytest.raises(ConflictError):
        await engine.settle()
    await engine.reconcile(key)
    assert engine.ready_reason(key) == "Available"
    assert len(await engine.livekit.list_rooms()) == 1


async def test_people_are_counted_when_a_webhook_tells_of_them(engine: Engine) -> None:
    key = await engine.ready()
    engine.livekit.join(NAME, "alice", is_publisher=True)
    engine.livekit.join(NAME, "agent", ParticipantKind.AGENT)
    await engine.settle()
    assert engine.asked() == [STATUS, f"livekit list_rooms {NAME}", f"livekit list_participants {NAME}"]
    assert (engine.status(key)["numParticipants"], engine.status(key)["numPublishers"]) == (1, 1)


async def test_counts_that_were_held_back_are_written_later(engine: Engine) -> None:
    key = await engine.ready()
    engine.livekit.join(NAME, "alice")
    await engine.settle()
    engine.livekit.join(NAME, "bob")
    [outcome] = await engine.settle()
    assert outcome == Done(10.0)
    assert engine.status(key)["numParticipants"] == 1
    engine.clock.advance(10)
    await engine.reconcile(key)
    assert engine.status(key)["numParticipants"] == 2
    engine.asked()
    await engine.reconcile(key)
    assert engine.asked() == []


async def test_tokens_that_do_not_fit_are_refused_and_the_others_are_issued(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_secret, "MAX_BYTES", 3_000)
    await engine.probe()
    key = engine.declare(roles=[{"name": "many", "identities": ["a", "b", "c", "d", "e"]}, HOST])
    engine.asked()
    [outcome] = await engine.settle()
    assert isinstance(outcome, Stalled)
    assert outcome.recheck_in is not None  # the host's tokens are renewed all the same
    assert engine.asked() == [
        FINALIZER,
        "create secrets standup.host",
        STATUS,
        f"livekit create_room {NAME}",
    ]
    assert engine.ready_reason(key) == "SecretTooLarge"


async def test_a_token_that_no_join_request_could_carry_is_refused(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "MAX_TOKEN_BYTES", 100)
    await engine.probe()
    key = engine.declare(roles=[HOST])
    engine.asked()
    assert await engine.settle() == [Stalled()]
    assert engine.asked() == [
        FINALIZER,
        STATUS,
        f"livekit create_room {NAME}",
    ]
    assert engine.ready_reason(key) == "TokenTooLarge"


async def test_a_key_that_is_gone_is_nothing_to_do(engine: Engine) -> None:
    assert await engine.reconcile(Key("Room", NAMESPACE, "nobody")) == [Done()]
    assert engine.asked() == []
