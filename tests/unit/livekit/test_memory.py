from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.adapters.ports import (
    LiveKit,
    LiveKitCredentialsError,
    LiveKitNotFoundError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.livekit import (
    Credentials,
    ParticipantKind,
    ParticipantUpdate,
    Permission,
    RoomConfig,
    WebhookEvent,
)

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


async def test_each_key_works_as_long_as_it_is_accepted(server: InMemoryLiveKit) -> None:
    old, new = Credentials("old", "x" * 32), Credentials("new", "y" * 32)
    first: LiveKit = server.client(old)
    second: LiveKit = server.client(new)
    server.accepted |= {old, new}
    room = await first.create_room("r", CONFIG)
    assert await second.list_rooms() == [room]
    server.accepted.remove(old)
    with pytest.raises(LiveKitCredentialsError):
        await first.delete_room("r")
    assert await second.list_rooms() == [room]
    server.accepted = {Credentials("new", "z" * 32)}
    with pytest.raises(LiveKitCredentialsError):
        await second.list_rooms()


async def test_a_refused_call_is_logged_like_any_other(server: InMemoryLiveKit) -> None:
    client = server.client(Credentials("nobody", "x" * 32))
    with pytest.raises(LiveKitCredentialsError):
        await client.list_rooms(["r"])
    with pytest.raises(LiveKitCredentialsError):
        await client.has_redis()
    assert server.calls == [("list_rooms", "r"), ("has_redis", "")]


async def test_a_wiped_server_has_lost_its_rooms_and_told_nobody(server: InMemoryLiveKit) -> None:
    before = await server.create_room("r", CONFIG)
    server.join("r", "alice")
    events: list[WebhookEvent] = []
    server.on_event = events.append
    server.wipe()
    assert (await server.list_rooms(), await server.list_participants("r"), events) == ([], [], [])
    assert (await server.create_room("r", CONFIG)).sid != before.sid


async def test_a_ghost_is_never_closed_and_once_back_counts_its_old_age(
    server: InMemoryLiveKit, clock: MovableClock
) -> None:
    room = await server.create_room("r", CONFIG)
    server.join("r", "alice")
    server.crash_keeping_records()
    events: list[WebhookEvent] = []
    server.on_event = events.append
    clock.advance(10_000)
    server.tick()
    assert [r.sid for r in await server.list_rooms()] == [room.sid]
    assert events == []
    server.join("r", "bob")
    assert [(e.event, e.room_sid) for e in events] == [
        ("room_started", room.sid),
        ("participant_joined", room.sid),
    ]
    server.leave("r", "bob")
    server.crash_keeping_records()
    await server.create_room("r", CONFIG)
    server.tick()
    assert await server.list_rooms() == []


async def test_who_joins_again_after_a_crash_is_listed_once_and_can_be_reached(
    server: InMemoryLiveKit,
) -> None:
    server.join("r", "alice")
    server.crash_keeping_records()
    again = server.join("r", "alice")
    assert await server.list_participants("r") == [again]
    await server.remove_participant("r", "alice")
    assert await server.list_participants("r") == []


async def test_with_auto_create_off_neither_join_nor_dispatch_makes_a_room(clock: MovableClock) -> None:
    server = InMemoryLiveKit(clock, auto_create=False, redis=False)
    assert not await server.creates_rooms_on_join()
    assert not await server.has_redis()
    with pytest.raises(LiveKitNotFoundError):
        server.join("r", "alice")
    with pytest.raises(LiveKitUnreachableError):
        await server.create_dispatch("r", "notes")
    assert await server.list_rooms() == []


async def test_who_may_not_publish_is_no_publisher_until_allowed_again(server: InMemoryLiveKit) -> None:
    server.join("r", "alice", is_publisher=True)
    seen = []
    for permission in (Permission(), Permission(can_publish=True)):
        await server.update_participant("r", "alice", ParticipantUpdate(permission=permission))
        seen += [p.is_publisher for p in await server.list_participants("r")]
    assert seen == [False, True]


async def test_a_permission_may_make_a_person_a_worker_and_back(server: InMemoryLiveKit) -> None:
    server.join("r", "alice")
    seen = []
    for permission in (Permission(agent=True), Permission(recorder=True), Permission()):
        await server.update_participant("r", "alice", ParticipantUpdate(permission=permission))
        seen += [p.kind for p in await server.list_participants("r") if p.identity == "alice"]
    assert seen == [ParticipantKind.AGENT, ParticipantKind.EGRESS, ParticipantKind.PERSON]
