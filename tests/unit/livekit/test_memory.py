from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.adapters.ports import LiveKit, LiveKitCredentialsError, LiveKitUnreachableError
from roomkeeper.domain.livekit import ParticipantKind, RoomConfig, WebhookEvent

CONFIG = RoomConfig(empty_timeout_seconds=300, departure_timeout_seconds=20)


class MovableClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def server(clock: MovableClock) -> InMemoryLiveKit:
    return InMemoryLiveKit(clock)


def test_it_is_a_livekit(server: InMemoryLiveKit) -> None:
    port: LiveKit = server
    assert port is server


async def test_every_call_is_logged_the_failed_ones_too(server: InMemoryLiveKit) -> None:
    server.fail_next("delete_room", LiveKitUnreachableError("no"))
    with pytest.raises(LiveKitUnreachableError):
        await server.delete_room("r")
    await server.create_room("r", CONFIG)
    await server.list_rooms(["r", "s"])
    assert server.calls == [("delete_room", "r"), ("create_room", "r"), ("list_rooms", "r,s")]


async def test_a_failure_hits_one_call_of_its_method_and_changes_nothing(server: InMemoryLiveKit) -> None:
    server.fail_next("create_room", LiveKitUnreachableError("first"))
    server.fail_next("create_room", LiveKitCredentialsError("second"))
    with pytest.raises(LiveKitUnreachableError):
        await server.create_room("r", CONFIG)
    assert await server.list_rooms() == []
    with pytest.raises(LiveKitCredentialsError):
        await server.create_room("r", CONFIG)
    assert (await server.create_room("r", CONFIG)).name == "r"


async def test_an_outage_fails_everything_while_it_lasts(server: InMemoryLiveKit) -> None:
    room = await server.create_room("r", CONFIG)
    server.outage = LiveKitUnreachableError("down")
    with pytest.raises(LiveKitUnreachableError):
        await server.list_rooms()
    server.outage = None
    assert await server.list_rooms() == [room]


async def test_a_room_closes_exactly_when_its_timeout_is_over(
    server: InMemoryLiveKit, clock: MovableClock
) -> None:
    await server.create_room("r", CONFIG)
    clock.advance(299)
    server.tick()
    assert await server.list_rooms()
    server.join("r", "alice")
    clock.advance(1000)
    server.tick()
    assert await server.list_rooms()
    server.leave("r", "alice")
    clock.advance(19)
    server.tick()
    assert await server.list_rooms()
    clock.advance(1)
    server.tick()
    assert await server.list_rooms() == []


async def test_only_people_are_counted_and_an_egress_worker_is_a_recording(server: InMemoryLiveKit) -> None:
    await server.create_room("r", CONFIG)
    server.join("r", "alice", is_publisher=True)
    server.join("r", "bob")
    server.join("r", "assistant", ParticipantKind.AGENT, is_publisher=True)
    server.join("r", "EG_1", ParticipantKind.EGRESS)
    (room,) = await server.list_rooms()
    assert (room.num_participants, room.num_publishers, room.active_recording) == (2, 1, True)


async def test_events_have_ids_of_their_own_and_the_time_of_the_clock(
    server: InMemoryLiveKit, clock: MovableClock
) -> None:
    events: list[WebhookEvent] = []
    server.on_event = events.append
    room = await server.create_room("r", CONFIG)
    await server.delete_room("r")
    assert [(e.event, e.room_name, e.room_sid) for e in events] == [
        ("room_started", "r", room.sid),
        ("room_finished", "r", room.sid),
    ]
    assert len({e.id for e in events}) == 2
    assert {e.created_at for e in events} == {clock.now()}
