"""Servers that are set up otherwise, and one that is killed: what the in-memory server copies, seen on the real one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.adapters.ports import LiveKitCredentialsError, LiveKitNotFoundError, LiveKitUnreachableError
from roomkeeper.domain.livekit import Credentials, ParticipantUpdate, RoomConfig
from roomkeeper.localstack import LocalStack
from tests.integration.livekit.servers import MovableClock, RealServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from roomkeeper.adapters.ports import LiveKit

CONFIG = RoomConfig(empty_timeout_seconds=600, departure_timeout_seconds=60)


@asynccontextmanager
async def connected(stack: LocalStack) -> AsyncIterator[RealServer]:
    server = RealServer(stack)
    try:
        yield server
    finally:
        await server.close()


@pytest.mark.stack
async def test_a_server_without_redis_that_creates_no_rooms_says_so(tmp_path: Path) -> None:
    with LocalStack(
        directory=tmp_path, parts=["livekit"], webhook_url="", livekit_config={"room": {"auto_create": False}}
    ) as stack:
        async with connected(stack) as real:
            assert not await real.api.creates_rooms_on_join()
            assert not await real.api.has_redis()
            with pytest.raises(LiveKitUnreachableError):
                await real.api.create_dispatch("absent", "notes")
            assert await real.api.list_rooms() == []
            wrong = LiveKitClient(real.url, Credentials(real.credentials.api_key, "x" * 40))
            with pytest.raises(LiveKitCredentialsError):
                await wrong.creates_rooms_on_join()
            with pytest.raises(LiveKitCredentialsError):
                await wrong.has_redis()
            await wrong.aclose()


@pytest.mark.stack
async def test_a_redis_that_is_down_is_not_taken_for_none(tmp_path: Path) -> None:
    with LocalStack(directory=tmp_path, parts=["redis", "livekit"], webhook_url="") as stack:
        async with connected(stack) as real:
            assert await real.api.has_redis()
            await asyncio.to_thread(stack.redis.stop)
            with pytest.raises(LiveKitUnreachableError):
                await real.api.has_redis()


async def assert_behaves_as_a_ghost(livekit: LiveKit, name: str, sid: str) -> None:
    """Show that it is listed with who was in it, and that nobody answers for it until it is created."""
    assert [room.sid for room in await livekit.list_rooms([name])] == [sid]
    assert [p.identity for p in await livekit.list_participants(name)] == ["alice"]
    update = ParticipantUpdate(name="x")
    for call in (
        livekit.list_dispatches(name),
        livekit.update_room_metadata(name, "x"),
        livekit.delete_room(name),
        livekit.update_participant(name, "alice", update),
        livekit.remove_participant(name, "alice"),
    ):
        with pytest.raises(LiveKitUnreachableError):
            await call
    with pytest.raises(LiveKitNotFoundError):
        await livekit.update_participant(name, "nobody", update)


async def assert_comes_back_when_created(livekit: LiveKit, name: str, sid: str) -> None:
    """Show what of a ghost lives on: its SID and what is not overwritten, but no dispatch and no connection."""
    again = await livekit.create_room(name, RoomConfig(700, 0), "")
    assert (again.sid, again.config, again.metadata) == (sid, RoomConfig(700, 60), "before")
    assert [d.agent_name for d in await livekit.list_dispatches(name)] == [""]
    assert [p.identity for p in await livekit.list_participants(name)] == ["alice"]
    with pytest.raises(LiveKitUnreachableError):
        await livekit.remove_participant(name, "alice")
    await livekit.delete_room(name)
    assert await livekit.list_rooms([name]) == []
    assert await livekit.list_participants(name) == []


async def test_a_ghost_in_memory() -> None:
    server = InMemoryLiveKit(MovableClock())
    room = await server.create_room("r", CONFIG, "before")
    await server.create_dispatch("r", "notes")
    server.join("r", "alice")
    server.crash_keeping_records()
    await assert_behaves_as_a_ghost(server, "r", room.sid)
    await assert_comes_back_when_created(server, "r", room.sid)


@pytest.mark.stack
async def test_a_ghost_of_the_real_server(tmp_path: Path) -> None:
    with LocalStack(directory=tmp_path, parts=["redis", "livekit"], webhook_url="") as stack:
        async with connected(stack) as real:
            name = real.room_name()
            room = await real.api.create_room(name, CONFIG, "before")
            await real.api.create_dispatch(name, "notes")
            await real.join(name, "alice")
            await asyncio.to_thread(stack.livekit.kill)
            await real.drop_clients()  # they would come again by themselves
            await asyncio.to_thread(stack.livekit.start)
            await assert_behaves_as_a_ghost(real.api, name, room.sid)
            await assert_comes_back_when_created(real.api, name, room.sid)
