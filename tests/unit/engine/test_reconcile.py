"""World in, world out: what a reconcile asks of the API server and of LiveKit, to the call."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.adapters.ports import LiveKitRejectedError, LiveKitUnreachableError
from roomkeeper.api import common
from roomkeeper.domain.livekit import RoomConfig
from roomkeeper.domain.outcomes import Done, Retry, Stalled
from roomkeeper.domain.room_status import LOOK_AGAIN_SECONDS
from tests.unit.engine.harness import NAME, NAMESPACE, Engine

HOST = {"name": "host", "identities": ["alice", "bob"]}
VIEWER = {"name": "viewer"}
STATUS = "patch rooms/status standup"
FINALIZER = "patch rooms standup"


@pytest.fixture
async def engine() -> Engine:
    return Engine()


def foreign_secret(name: str, **metadata: Any) -> dict[str, Any]:
    data = {"key": base64.b64encode(b"theirs").decode()}
    metadata = {"namespace": NAMESPACE, "name": name, **metadata}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


async def test_a_new_room(engine: Engine) -> None:
    await engine.probe()
    key = engine.declare(roles=[HOST, VIEWER], maxParticipants=9, metadata={"topic": "x"})
    engine.asked()
    [outcome] = await engine.settle()
    assert engine.asked() == [
        FINALIZER,
        "create secrets standup.host",
        "create secrets standup.viewer",
        STATUS,
        f"livekit create_room {NAME}",
    ]
    assert isinstance(outcome, Done)
    assert outcome.due_in is not None
    assert engine.body(key)["metadata"]["finalizers"] == [common.FINALIZER]
    [live] = await engine.livekit.list_rooms()
    assert (live.metadata, live.config) == ('{"topic":"x"}', RoomConfig(86_400, 20, 9))
    assert engine.status(key)["sid"] == live.sid
    assert engine.notes.told == []


async def test_nothing_changed(engine: Engine) -> None:
    key = await engine.ready(roles=[HOST], metadata={"a": 1})
    assert all(isinstance(outcome, Done) for outcome in await engine.reconcile(key))
    assert engine.asked() == []


async def test_a_restart_writes_nothing(engine: Engine) -> None:
    await engine.ready(roles=[HOST], metadata={"a": 1})
    again = Engine()
    again.kubernetes.store, again.clock = engine.kubernetes.store, engine.clock
    again.livekit._rooms = engine.livekit._rooms
    for resource in (SECRETS, ROOMS):
        for body in again.kubernetes.store.list(resource):
            again.watched(resource, "ADDED", body)
    await again.probe()
    await again.settle()
    assert again.asked() == [
        "livekit list_rooms",
        "livekit creates_rooms_on_join",
        "livekit has_redis",
    ]


async def test_metadata_that_is_edited_is_merged_with_what_is_there_now(engine: Engine) -> None:
    key = await engine.ready(metadata={"a": 1, "b": 2})
    await engine.livekit.update_room_metadata(NAME, '{"a":1,"b":2,"theirs":3}')
    engine.asked()
    engine.edit(key, metadata={"a": 5, "b": None})
    await engine.settle()
    assert engine.asked() == [STATUS, f"livekit list_rooms {NAME}", f"livekit update_room_metadata {NAME}"]
    [live] = await engine.livekit.list_rooms()
    assert live.metadata == '{"a":5,"theirs":3}'
    assert engine.status(key)["metadataKeys"] == ["a"]


async def test_a_metadata_key_goes_even_when_the_first_attempt_fails(engine: Engine) -> None:
    key = await engine.ready(metadata={"a": 1, "b": 2})
    engine.livekit.fail_next("update_room_metadata", LiveKitRejectedError("no"))
    engine.edit(key, metadata={"b": None})
    assert await engine.settle() == [Retry()]
    await engine.reconcile(key)
    [live] = await engine.livekit.list_rooms()
    assert live.metadata == '{"a":1}'


async def test_a_secret_that_is_gone_comes_back(engine: Engine) -> None:
    await engine.ready(roles=[HOST, VIEWER])
    engine.kubernetes.store.delete(SECRETS, namespace=NAMESPACE, name="standup.host")
    await engine.settle()
    assert engine.asked() == ["create secrets standup.host", STATUS]


async def test_a_secret_that_was_edited_is_written_over(engine: Engine) -> None:
    await engine.ready(roles=[HOST])
    before = engine.secret("standup.host")
    patch = {"data": {"LIVEKIT_TOKEN": base64.b64encode(b"edited").decode()}}
    engine.kubernetes.store.patch(SECRETS, namespace=NAMESPACE, name="standup.host", patch=patch)
    await engine.settle()
    assert engine.asked() == ["apply secrets standup.host", STATUS]
    assert engine.secret("standup.host")["data"]["LIVEKIT_TOKEN"] != patch["data"]["LIVEKIT_TOKEN"]
    assert engine.secret("standup.host")["metadata"]["uid"] == before["metadata"]["uid"]


async def test_tokens_are_renewed_when_they_are_due(engine: Engine) -> None:
    key = await engine.ready(roles=[HOST])
    [outcome] = await engine.reconcile(key)
    assert isinstance(outcome, Done)
    assert outcome.due_in is not None
    engine.clock.advance(outcome.due_in - 1)
    await engine.reconcile(key)
    assert engine.asked() == []
    engine.clock.advance(1)
    await engine.reconcile(key)
    assert engine.asked() == ["apply secrets standup.host", STATUS]


async def test_a_foreign_secret_is_left_alone(engine: Engine) -> None:
    await engine.probe()
    theirs = engine.kubernetes.store.create(SECRETS, foreign_secret("standup.host"))
    key = engine.declare(roles=[HOST])
    engine.asked()
    assert await engine.settle() == [Stalled(60)]
    assert engine.asked() == [
        FINALIZER,
        "create secrets standup.host",
        "get secrets standup.host",
        STATUS,
        f"livekit create_room {NAME}",
    ]
    assert engine.secret("standup.host") == theirs
    assert engine.ready_reason(key) == "SecretConflict"
    assert engine.notes.told == [("Warning", "SecretConflict")]


async def test_a_secret_of_our_own_that_lost_its_label_is_taken_back(engine: Engine) -> None:
    await engine.ready(roles=[HOST])
    patch = {"metadata": {"labels": {common.LABEL_MANAGED_BY: None}}}
    body = engine.kubernetes.store.patch(SECRETS, namespace=NAMESPACE, name="standup.host", patch=patch)
    engine.wakeups.secret_event("DELETED", body)  # what a watch with a label selector tells then
    await engine.settle()
    assert engine.asked() == [
        "create secrets standup.host",
        "get secrets standup.host",
        "apply secrets standup.host",
        STATUS,
    ]
    labels = engine.secret("standup.host")["metadata"]["labels"]
    assert labels[common.LABEL_MANAGED_BY] == common.MANAGED_BY


async def test_the_secret_of_a_role_that_is_removed_is_deleted(engine: Engine) -> None:
    key = await engine.ready(roles=[HOST, VIEWER])
    engine.edit(key, roles=[HOST])
    assert await engine.settle() == [Done(LOOK_AGAIN_SECONDS)]
    assert engine.asked() == [
        STATUS,
        f"livekit list_rooms {NAME}",
        f"livekit list_participants {NAME}",
    ]  # it says first who has a token of that role
    assert [entry["identity"] for entry in engine.status(key)["revokedIdentities"]] == ["viewer"]
    await engine.reconcile(key)
    assert engine.asked() == ["delete secrets standup.viewer"]
    assert [token["role"] for token in engine.status(key)["tokens"]] == ["host"]


async def test_a_deletion_takes_the_room_along(engine: Engine) -> None:
    key = await engine.ready(roles=[HOST])
    engine.delete(key)
    await engine.settle()
    assert engine.asked() == [FINALIZER, f"livekit list_rooms {NAME}", f"livekit delete_room {NAME}"]
    assert engine.kubernetes.store.list(ROOMS) == []
    assert await engine.livekit.list_rooms() == []


async def test_a_room_that_is_retained_stays(engine: Engine) -> None:
    key = await engine.ready(deletionPolicy="Retain")
    engine.delete(key)
    await engine.settle()
    assert engine.asked() == [FINALIZER, f"livekit list_rooms {NAME}"]
    assert len(await engine.livekit.list_rooms()) == 1


async def test_a_deletion_waits_for_livekit_and_then_tells_of_the_orphan(engine: Engine) -> None:
    key = await engine.ready(deletionGraceSeconds=30)
    engine.livekit.outage = LiveKitUnreachableError("down")
    engine.delete(key)
    assert await engine.settle() == [Retry()]
    assert engine.asked() == [STATUS, f"livekit list_rooms {NAME}"]
    engine.clock.advance(30)
    await engine.reconcile(key)
    assert engine.asked() == [FINALIZER, f"livekit list_rooms {NAME}"]
    assert engine.notes.told == [("Warning", "ServerUnreachable"), ("Warning", "OrphanedRoom")]


async def test_a_room_that_livekit_closed_is_back_as_a_new_session(engine: Engine) -> None:
    key = await engine.ready()
    before = engine.status(key)["sid"]
    await engine.livekit.delete_room(NAME)
    engine.asked()
    await engine.settle()
    assert engine.asked() == [STATUS, f"livekit list_rooms {NAME}", f"livekit create_room {NAME}"]
    assert engine.status(key)["sid"] != before
    assert engine.status(key)["recreations"] == 1
    assert engine.notes.told == [("Normal", "RoomRecreated")]


async def test_a_room_that_was_there_before_is_adopted(engine: Engine) -> None:
    await engine.livekit.create_room(NAME, RoomConfig(300, 20), "theirs")
    engine.clock.advance(3600)
    key = engine.declare()
    await engine.probe()
    engine.asked()
    await engine.settle()
    assert engine.asked() == [FINALIZER, STATUS, f"livekit list_rooms {NAME}"]
    assert engine.notes.told == [("Normal", "RoomAdopted")]
    assert [change["field"] for change in engine.status(key)["pendingChanges"]] == ["emptyTimeoutSeconds"]


async def test_a_room_that_was_there_before_and_is_refused_is_looked_at_and_never_written_to(
    engine: Engine,
) -> None:
    await engine.probe()  # a list of rooms that are claimed; this one is not yet
    await engine.livekit.create_room(NAME, RoomConfig(300, 20), "theirs")
    engine.clock.advance(60)
    key = engine.declare(adoptionPolicy="Refuse")
    engine.asked()
    await engine.settle()
    assert engine.asked() == [STATUS, f"livekit list_rooms {NAME}"]
    assert engine.ready_reason(key) == "AdoptionRefused"
