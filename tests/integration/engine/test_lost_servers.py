"""A LiveKit that goes away and comes back: nothing is believed of it that was only true before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.adapters.kubernetes.resources import ROOMS
from roomkeeper.adapters.ports import LiveKitUnreachableError
from roomkeeper.api.common import API_VERSION
from tests.integration.engine.worlds import Fuse, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from roomkeeper.adapters.ports import Body

ROOM = "team-a_standup"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Return a world with one Room that is Ready."""
    made = World()
    await made.start(Fuse())
    made.kubernetes.store.create(ROOMS, manifest({"topic": "one"}))
    await until(lambda: ready(made)["status"] == "True")
    yield made
    await made.stop()


def manifest(metadata: dict[str, str]) -> Body:
    return {
        "apiVersion": API_VERSION,
        "kind": "Room",
        "metadata": {"name": "standup", "namespace": "team-a"},
        "spec": {"metadata": metadata, "roles": [{"name": "host"}]},
    }


def stored(world: World) -> Body:
    return world.kubernetes.store.get(ROOMS, namespace="team-a", name="standup")


def ready(world: World) -> dict[str, Any]:
    conditions = stored(world).get("status", {}).get("conditions", ())
    return next((condition for condition in conditions if condition["type"] == "Ready"), {"status": ""})


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():
            await asyncio.sleep(0.005)


def created(world: World) -> int:
    return world.livekit.calls.count(("create_room", ROOM))


async def test_a_room_that_is_listed_after_an_outage_is_created_again_before_it_is_relied_on(
    world: World,
) -> None:
    sid = stored(world)["status"]["sid"]
    before = created(world)
    world.livekit.outage = LiveKitUnreachableError("outage")
    await until(lambda: ready(world).get("reason") == "ServerUnreachable")
    world.livekit.outage = None
    await until(lambda: ready(world)["status"] == "True")
    assert created(world) == before + 1
    assert stored(world)["status"]["sid"] == sid


async def test_a_room_about_which_a_call_fails_is_created_again_before_the_next_one(world: World) -> None:
    world.livekit.fail_next("update_room_metadata", LiveKitUnreachableError("503: no response from servers"))
    before = len(world.livekit.calls)
    edited = {"spec": {**stored(world)["spec"], "metadata": {"topic": "two"}}}
    world.kubernetes.store.patch(ROOMS, namespace="team-a", name="standup", patch=edited)
    await until(
        lambda: (
            ready(world)["status"] == "True" and world.livekit._rooms[ROOM].live.metadata == '{"topic":"two"}'
        )
    )
    asked = [method for method, _ in world.livekit.calls[before:] if method != "list_rooms"]
    assert asked == ["list_participants", "update_room_metadata", "create_room", "update_room_metadata"]


async def test_an_object_is_not_let_go_because_livekit_could_not_be_asked_for_its_room(world: World) -> None:
    world.livekit.outage = LiveKitUnreachableError("outage")  # the last probe still says that it answers
    world.kubernetes.store.delete(ROOMS, namespace="team-a", name="standup")
    await until(lambda: ready(world).get("reason") == "ServerUnreachable")
    assert ROOM in world.livekit._rooms
    world.livekit.outage = None
    await until(lambda: not world.kubernetes.store.list(ROOMS))
    assert ROOM not in world.livekit._rooms


async def test_deleting_a_room_that_only_seems_to_be_there_has_it_created_first(world: World) -> None:
    world.livekit.fail_next("delete_room", LiveKitUnreachableError("500: could not find object"))
    before = len(world.livekit.calls)
    world.kubernetes.store.delete(ROOMS, namespace="team-a", name="standup")
    await until(lambda: not world.kubernetes.store.list(ROOMS))
    asked = [method for method, _ in world.livekit.calls[before:] if method != "list_rooms"]
    assert asked == ["delete_room", "create_room", "delete_room"]
