"""What a list of rooms tells of them and of their server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.domain.livekit import LiveRoom, RoomConfig
from roomkeeper.domain.rooms import People
from roomkeeper.engine.connection import CREATED_RECENTLY_SECONDS, Connection
from tests.unit.engine.connections import probe, server_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.unit.engine.clock import HandClock

CONFIG = RoomConfig(86_400, 20)


async def created(server: Connection, clock: HandClock) -> LiveRoom:
    """Have a room that was created a while ago."""
    live = await server.create("r", CONFIG, "")
    clock.advance(CREATED_RECENTLY_SECONDS)
    return live


async def test_counts_that_change_in_the_list_wake_and_are_looked_into(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    await created(server, clock)
    assert await probe(server) == set()
    livekit.join("r", "alice")
    assert await probe(server) == {"r"}
    assert (await server.look("r")).people == People(1)
    assert await probe(server) == set()


async def test_the_list_tells_what_came_changed_and_went(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    await livekit.create_room("unclaimed", CONFIG)
    await livekit.create_room("r", CONFIG)
    assert await probe(server) == {"r"}
    assert server.sightings.get("r")
    assert not server.sightings.get("unclaimed")
    await livekit.update_room_metadata("r", "x")
    assert await probe(server) == {"r"}
    await livekit.delete_room("r")
    assert await probe(server) == {"r"}
    assert not server.sightings.get("r")


class SlowLiveKit(InMemoryLiveKit):
    """Answers a list with what was there before `meanwhile` ran."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock)
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        listed = await super().list_rooms(names)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile and not names:
            await meanwhile()
        return listed


async def test_a_list_that_began_before_a_create_does_not_drop_the_room(clock: HandClock) -> None:
    livekit = SlowLiveKit(clock)
    server = server_of(livekit, clock)

    async def create() -> None:
        clock.advance(0.1)
        await server.create("r", CONFIG, "")

    livekit.meanwhile = create
    assert await probe(server) == set()
    assert server.sightings.get("r")


async def test_a_list_that_began_before_a_deletion_does_not_bring_the_room_back(clock: HandClock) -> None:
    livekit = SlowLiveKit(clock)
    server = server_of(livekit, clock)
    await server.create("r", CONFIG, "")
    clock.advance(60)
    await probe(server)

    async def delete() -> None:
        clock.advance(0.1)
        await server.delete("r")

    livekit.meanwhile = delete
    assert await probe(server) == set()
    assert not server.sightings.get("r")
