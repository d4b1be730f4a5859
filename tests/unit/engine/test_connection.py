"""What the engine believes of a LiveKit server after looks, webhooks and lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import (
    LiveKitCredentialsError,
    LiveKitNotFoundError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.livekit import Credentials, LiveRoom, ParticipantKind, RoomConfig, WebhookEvent
from roomkeeper.domain.rooms import Absence, People, ServerState
from roomkeeper.engine.connection import CREATED_RECENTLY_SECONDS, Connection, Look
from tests.unit.engine.connections import probe, server_of
from tests.unit.engine.harness import CREDENTIALS

if TYPE_CHECKING:
    from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
    from tests.unit.engine.clock import HandClock

CONFIG = RoomConfig(86_400, 20)
NEW_KEY = Credentials("APInew", "the-secret-of-the-new-key-is-long-enough")


def webhook(event: str, *, name: str = "r", sid: str = "RM_1") -> WebhookEvent:
    return WebhookEvent("EV_1", event, name, sid, "devkey", datetime(2026, 1, 1, tzinfo=UTC))


async def created(server: Connection, clock: HandClock) -> LiveRoom:
    """Have a room that was created a while ago."""
    live = await server.create("r", CONFIG, "")
    clock.advance(CREATED_RECENTLY_SECONDS)
    return live


async def test_a_look_costs_nothing_when_nothing_happened(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    live = await created(server, clock)
    livekit.calls.clear()
    assert await server.look("r", known_sid=live.sid) == Look(live)
    assert await server.look("never seen") == Look(None)
    assert livekit.calls == []


async def test_a_caller_can_ask_for_a_fresh_look(server: Connection, livekit: InMemoryLiveKit) -> None:
    live = await livekit.create_room("r", CONFIG)
    assert await server.look("r", fresh=True) == Look(live)
    assert livekit.calls[-1] == ("list_rooms", "r")


async def test_absence_counts_only_after_a_second_look(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    live = await livekit.create_room("r", CONFIG)  # behind our back
    assert await server.look("r", known_sid="RM_0") == Look(live)
    await livekit.delete_room("r")
    clock.advance(1)
    await probe(server)
    livekit.calls.clear()
    assert await server.look("r", known_sid=live.sid) == Look(None, Absence.CERTAIN)
    assert livekit.calls == [("list_rooms", "r")]


async def test_absence_right_after_our_own_create_tells_nothing(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    live = await server.create("r", CONFIG, "")
    await livekit.delete_room("r")
    clock.advance(CREATED_RECENTLY_SECONDS - 0.1)
    assert await server.look("r", known_sid=live.sid, fresh=True) == Look(None, Absence.TOO_EARLY)
    clock.advance(0.1)
    assert await server.look("r", known_sid=live.sid, fresh=True) == Look(None, Absence.CERTAIN)


async def test_a_session_that_ended_is_believed_gone_even_right_after_our_create(
    server: Connection, livekit: InMemoryLiveKit
) -> None:
    live = await server.create("r", CONFIG, "")
    await livekit.delete_room("r")
    assert server.hear(webhook("room_finished", sid=live.sid), is_claimed=True)
    assert await server.look("r", known_sid=live.sid) == Look(None, Absence.CERTAIN)


async def test_a_room_that_is_being_closed_is_looked_at_until_it_is_gone(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    live = await created(server, clock)
    server.hear(webhook("room_finished", sid=live.sid), is_claimed=True)
    for _ in range(2):
        assert await server.look("r", known_sid=live.sid) == Look(None, Absence.TOO_EARLY)
    await livekit.delete_room("r")
    assert await server.look("r", known_sid=live.sid) == Look(None, Absence.CERTAIN)


async def test_the_end_of_an_earlier_session_says_nothing_of_the_next(
    server: Connection, clock: HandClock
) -> None:
    live = await created(server, clock)
    server.hear(webhook("room_finished", sid="RM_before"), is_claimed=True)
    server.hear(webhook("participant_left"), is_claimed=True)
    assert await server.look("r", known_sid=live.sid) == Look(live, participants=())
    assert Look(live, participants=()).people == People()


async def test_the_echo_of_our_own_create_is_no_news(server: Connection, livekit: InMemoryLiveKit) -> None:
    live = await server.create("r", CONFIG, "")
    livekit.calls.clear()
    assert not server.hear(webhook("room_started", sid=live.sid), is_claimed=True)
    assert server.hear(webhook("room_started", sid="RM_another"), is_claimed=True)
    await server.look("r")
    assert livekit.calls[0] == ("list_rooms", "r")


async def test_people_are_listed_when_a_webhook_tells_of_them_and_only_then(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    await created(server, clock)
    livekit.join("r", "alice", is_publisher=True)
    livekit.join("r", "bob")
    livekit.join("r", "agent", ParticipantKind.AGENT, is_publisher=True)
    livekit.join("r", "recorder", ParticipantKind.EGRESS)
    server.hear(webhook("participant_joined"), is_claimed=True)
    assert (await server.look("r")).people == People(2, 1)
    assert (await server.look("r")).people is None


async def test_people_are_not_listed_where_nobody_wants_counts(
    livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    server = server_of(livekit, clock, count_people=False)
    await server.create("r", CONFIG, "")
    server.hear(webhook("participant_joined"), is_claimed=True)
    assert (await server.look("r")).people is None
    assert ("list_participants", "r") not in livekit.calls


@pytest.mark.parametrize("method", ["list_rooms", "list_participants"])
async def test_a_look_that_fails_keeps_the_hint(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock, method: str
) -> None:
    await created(server, clock)
    livekit.join("r", "alice")
    server.hear(webhook("participant_joined"), is_claimed=True)
    livekit.fail_next(method, LiveKitUnreachableError("no"))
    with pytest.raises(LiveKitUnreachableError):
        await server.look("r")
    assert (await server.look("r")).people == People(1)


async def test_a_count_that_was_not_written_is_asked_for_again(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    await created(server, clock)
    server.recount("r")
    assert (await server.look("r")).people == People(0)


async def test_a_room_that_is_gone_already_is_as_good_as_deleted(
    server: Connection, livekit: InMemoryLiveKit
) -> None:
    with pytest.raises(LiveKitNotFoundError):
        await livekit.delete_room("r")
    await server.delete("r")


async def test_what_a_probe_makes_of_the_server(livekit: InMemoryLiveKit, clock: HandClock) -> None:
    server = server_of(livekit, clock)
    assert (server.state, server.is_usable, server.failures) == (ServerState.UNKNOWN, False, 0)
    down, refused = LiveKitUnreachableError("down"), LiveKitCredentialsError("no")
    story = [
        (down, ServerState.UNREACHABLE, False, 1),
        (None, ServerState.ACCEPTED, True, 0),
        (down, ServerState.ACCEPTED, True, 1),
        (None, ServerState.ACCEPTED, True, 0),
        (down, ServerState.ACCEPTED, True, 1),
        (down, ServerState.UNREACHABLE, True, 2),
        (refused, ServerState.REFUSED, False, 3),
        (down, ServerState.UNREACHABLE, False, 4),
        (None, ServerState.ACCEPTED, True, 0),
    ]
    for outage, state, key_was_accepted, failures in story:
        livekit.outage = outage
        await probe(server)
        assert (server.state, server.keys.was_accepted, server.failures) == (
            state,
            key_was_accepted,
            failures,
        )


async def test_rooms_are_doubted_after_the_server_was_away_until_they_are_created_again(
    server: Connection, livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    await created(server, clock)
    livekit.outage = LiveKitUnreachableError("down")
    await probe(server)
    livekit.outage = None
    assert await probe(server) == {"r"}
    assert (await server.look("r")).is_doubted
    await server.create("r", CONFIG, "")
    assert not (await server.look("r")).is_doubted


async def test_a_key_that_the_server_refuses_leaves_the_old_one(
    livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    livekit.accepted.add(CREDENTIALS)
    server = keyed(livekit, clock)
    with pytest.raises(LiveKitCredentialsError):
        await server.use("wss://elsewhere.example.com", NEW_KEY)
    assert (server.url, server.keys.current) == ("wss://livekit.example.com", CREDENTIALS)
    assert list(server.keys.believed()) == [CREDENTIALS]
    await probe(server)
    assert server.is_usable


async def test_a_key_that_cannot_be_tried_leaves_the_old_one(
    livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    livekit.accepted |= {CREDENTIALS, NEW_KEY}
    server = keyed(livekit, clock)
    livekit.fail_next("list_rooms", LiveKitUnreachableError("down"))
    with pytest.raises(LiveKitUnreachableError):
        await server.use(server.url, NEW_KEY)
    assert server.keys.current == CREDENTIALS


async def test_a_key_that_the_server_accepts_is_used_from_now_on(
    livekit: InMemoryLiveKit, clock: HandClock
) -> None:
    livekit.accepted.add(NEW_KEY)
    server = keyed(livekit, clock)
    await server.use("wss://elsewhere.example.com", NEW_KEY)
    assert (server.url, server.keys.current) == ("wss://elsewhere.example.com", NEW_KEY)
    assert list(server.keys.believed()) == [NEW_KEY, CREDENTIALS]
    await probe(server)
    assert server.is_usable


def keyed(livekit: InMemoryLiveKit, clock: HandClock) -> Connection:
    """Return a connection to a server that looks at credentials."""
    return Connection(
        url="wss://livekit.example.com",
        credentials=CREDENTIALS,
        connect=lambda _, credentials: livekit.client(credentials),
        clock=clock,
        count_people=True,
        on_suspicion=lambda: None,
    )
