"""What a tenant can write into objects of its own, and must gain nothing by."""

from __future__ import annotations

import time
from typing import Any

import pytest

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.adapters.ports import ForbiddenError, LiveKitRejectedError
from roomkeeper.api import common
from roomkeeper.domain.livekit import RoomConfig
from roomkeeper.domain.objects import Key
from roomkeeper.domain.outcomes import Stalled
from tests.unit.engine.fleet import MAIN, Fleet
from tests.unit.engine.harness import NAME, NAMESPACE, Engine

CONFIG = RoomConfig(300, 20)
ATTACKER = "attacker"
RECORD = '{"host": ["2099-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "permission"]}'


def forge(engine: Engine, name: str, **spec: Any) -> Key:
    """Create a Room that carries our finalizer from the start."""
    metadata = {"namespace": ATTACKER, "name": name, "finalizers": [common.FINALIZER]}
    body = {"apiVersion": common.API_VERSION, "kind": "Room", "metadata": metadata, "spec": spec}
    engine.kubernetes.store.create(ROOMS, body)
    return Key("Room", ATTACKER, name)


async def test_a_namespace_that_is_not_let_in_deletes_nothing_there() -> None:
    fleet = Fleet()
    livekit = fleet.add_livekit()
    fleet.keep()
    fleet.add_server(policy={"roomNamePatterns": ["*"]})
    await fleet.settle()
    await livekit.create_room(f"{ATTACKER}_x", CONFIG)
    key = forge(
        fleet, "x", serverRef={"namespace": MAIN.namespace, "name": MAIN.name}, deletionPolicy="Delete"
    )
    await fleet.settle()
    assert fleet.ready_reason(key) == "ServerNotAllowed"
    fleet.delete(key)
    await fleet.settle()
    assert [room.name for room in await livekit.list_rooms()] == [f"{ATTACKER}_x"]


async def test_a_name_that_policy_refuses_is_never_buried() -> None:
    engine = Engine()
    await engine.livekit.create_room("app-room", CONFIG)
    await engine.probe()
    key = forge(engine, "x", roomName="app-room", deletionPolicy="Delete")
    uid = engine.body(key)["metadata"]["uid"]
    owner = {"apiVersion": common.API_VERSION, "kind": "Room", "name": "x", "uid": uid, "controller": True}
    metadata = {
        "namespace": ATTACKER,
        "name": "forged",
        "labels": {common.LABEL_MANAGED_BY: common.MANAGED_BY},
        "annotations": {common.ANNOTATION_EXPIRES_AT: "9999-01-01T00:00:00Z"},
        "ownerReferences": [owner],
    }
    engine.kubernetes.store.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    await engine.settle()
    engine.delete(key)
    await engine.settle()
    assert not engine.server.is_buried("app-room")
    assert [room.name for room in await engine.livekit.list_rooms()] == ["app-room"]


async def test_a_secret_of_another_namespace_says_nothing_about_a_room() -> None:
    engine = Engine()
    key = await engine.ready(roles=[{"name": "host"}])
    uid = engine.body(key)["metadata"]["uid"]
    owner = {
        "apiVersion": common.API_VERSION,
        "kind": "Room",
        "name": "standup",
        "uid": uid,
        "controller": True,
    }
    metadata = {
        "namespace": ATTACKER,
        "name": "anything",
        "labels": {common.LABEL_MANAGED_BY: common.MANAGED_BY},
        "annotations": {f"{common.GROUP}/revoked": RECORD},
        "ownerReferences": [owner],
    }
    engine.kubernetes.store.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    await engine.reconcile(key)
    assert "revokedIdentities" not in engine.status(key) or engine.status(key)["revokedIdentities"] == []
    assert engine.ready_reason(key) == "Available"


async def test_tokens_are_renewed_though_livekit_refuses_the_metadata() -> None:
    engine = Engine()
    key = await engine.ready(roles=[{"name": "host"}])
    before = engine.secret("standup.host")["metadata"]["resourceVersion"]
    engine.edit(key, metadata={"topic": "x"})
    engine.clock.advance(3_000)
    for _ in range(3):
        engine.livekit.fail_next("update_room_metadata", LiveKitRejectedError("too large"))
        await engine.reconcile(key)
    assert engine.secret("standup.host")["metadata"]["resourceVersion"] != before


async def test_a_quota_that_refuses_a_secret_is_told() -> None:
    engine = Engine()
    await engine.probe()
    engine.kubernetes.fail_next("create", "secrets", ForbiddenError("exceeded quota", status=403))
    key = engine.declare(roles=[{"name": "host"}])
    [outcome] = await engine.settle()
    assert isinstance(outcome, Stalled)
    assert outcome.recheck_in is not None
    assert engine.ready_reason(key) == "SecretRefused"
    await engine.reconcile(key)
    assert engine.ready_reason(key) == "Available"


async def test_many_rooms_of_one_name_take_no_more_than_a_moment() -> None:
    engine = Engine()
    await engine.probe()
    began = time.process_time()
    for number in range(400):
        engine.declare(f"r{number}", roomName=NAME)
    await engine.settle()
    for number in range(400):
        engine.queue.add(Key("Room", NAMESPACE, f"r{number}"))
    await engine.settle()
    assert time.process_time() - began < 5


async def test_a_hint_is_kept_whatever_ends_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    await engine.ready()
    engine.server.recount(NAME)

    async def closed(_: object) -> None:
        raise RuntimeError("Session is closed")

    monkeypatch.setattr(engine.server.api, "list_rooms", closed)
    with pytest.raises(RuntimeError):
        await engine.server.look(NAME)
    assert engine.server.sightings.take_hint(NAME)
