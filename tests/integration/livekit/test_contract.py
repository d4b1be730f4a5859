"""What the engine relies on: the same test body on the server in memory and on the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError
from roomkeeper.domain.livekit import ParticipantKind, RoomConfig

if TYPE_CHECKING:
    from tests.integration.livekit.servers import Server

CONFIG = RoomConfig(empty_timeout_seconds=600, departure_timeout_seconds=60, max_participants=7)
SHORT = RoomConfig(empty_timeout_seconds=1, departure_timeout_seconds=1)


async def is_gone(server: Server, name: str) -> bool:
    return not await server.api.list_rooms([name])


async def identities(server: Server, name: str) -> list[str]:
    return sorted(p.identity for p in await server.api.list_participants(name))


async def test_a_room_is_created_as_configured_and_listed(server: Server) -> None:
    name = server.room_name()
    created = await server.api.create_room(name, CONFIG, '{"topic":"standup"}')
    assert created.name == name
    assert created.sid.startswith("RM_")
    assert created.config == CONFIG
    assert created.metadata == '{"topic":"standup"}'
    assert created.num_participants == created.num_publishers == 0
    assert not created.active_recording
    assert abs(created.created_at - datetime.now(UTC)) < timedelta(seconds=10)
    assert await server.api.list_rooms([name]) == [created]
    assert created in await server.api.list_rooms()


async def test_creating_a_live_room_changes_nothing_and_returns_it(server: Server) -> None:
    name = server.room_name()
    created = await server.api.create_room(name, CONFIG, "before")
    assert await server.api.create_room(name, RoomConfig(30, 3, 3), "after") == created
    assert await server.api.list_rooms([name]) == [created]


async def test_zeros_become_the_servers_defaults(server: Server) -> None:
    created = await server.api.create_room(server.room_name(), RoomConfig(0, 0, 0))
    assert created.config == RoomConfig(300, 20, 0)


async def test_names_that_are_not_there_are_missing_from_the_list(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    assert [room.name for room in await server.api.list_rooms([name, name + "-absent"])] == [name]
    assert await server.api.list_rooms([name + "-absent"]) == []


async def test_metadata_is_replaced_in_place_also_by_nothing(server: Server) -> None:
    name = server.room_name()
    created = await server.api.create_room(name, CONFIG, "before")
    for metadata in ("after", ""):
        updated = await server.api.update_room_metadata(name, metadata)
        assert (updated.sid, updated.config, updated.metadata) == (created.sid, CONFIG, metadata)
        assert [room.metadata for room in await server.api.list_rooms([name])] == [metadata]


async def test_metadata_of_an_absent_room_is_not_found(server: Server) -> None:
    name = server.room_name()
    with pytest.raises(LiveKitNotFoundError):
        await server.api.update_room_metadata(name, "x")
    assert await is_gone(server, name)


async def test_a_deleted_room_is_gone_and_deleting_it_again_is_not_found(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.api.delete_room(name)
    assert await is_gone(server, name)
    with pytest.raises(LiveKitNotFoundError):
        await server.api.delete_room(name)


async def test_a_room_created_right_after_its_deletion_is_another_one_and_stays(server: Server) -> None:
    name = server.room_name()
    first = await server.api.create_room(name, CONFIG)
    await server.api.delete_room(name)
    second = await server.api.create_room(name, SHORT)
    assert second.sid != first.sid
    assert second.config.empty_timeout_seconds == 1
    assert [room.sid for room in await server.api.list_rooms([name])] == [second.sid]


async def test_a_name_or_metadata_beyond_the_limits_is_rejected(server: Server) -> None:
    name = server.room_name()
    with pytest.raises(LiveKitRejectedError):
        await server.api.create_room(name + "é" * 128, CONFIG)
    with pytest.raises(LiveKitRejectedError):
        await server.api.create_room(name, CONFIG, "x" * (512 * 1024 + 1))
    await server.api.create_room(name, CONFIG, "x" * 512 * 1024)
    with pytest.raises(LiveKitRejectedError):
        await server.api.update_room_metadata(name, "x" * (512 * 1024 + 1))


async def test_an_absent_room_has_no_participants(server: Server) -> None:
    assert await server.api.list_participants(server.room_name()) == []


async def test_a_room_that_nobody_joins_closes_after_its_empty_timeout(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, SHORT)
    await server.until(lambda: is_gone(server, name))


async def test_who_joined_is_listed_at_once_until_they_leave(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.join(name, "alice")
    await server.join(name, "bob")
    assert await identities(server, name) == ["alice", "bob"]
    assert {p.kind for p in await server.api.list_participants(name)} == {ParticipantKind.PERSON}
    await server.leave(name, "alice")
    assert await identities(server, name) == ["bob"]


async def test_the_count_of_people_follows(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.join(name, "alice")

    async def is_counted() -> bool:
        return [room.num_participants for room in await server.api.list_rooms([name])] == [1]

    await server.until(is_counted)


async def test_a_room_closes_after_its_departure_timeout_whatever_its_empty_timeout(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, RoomConfig(86400, 1))
    await server.join(name, "alice")
    await server.leave(name, "alice")
    await server.until(lambda: is_gone(server, name))


async def test_deleting_a_room_puts_everybody_out(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.join(name, "alice")
    await server.api.delete_room(name)
    assert await identities(server, name) == []


async def test_an_agent_is_no_person_and_keeps_no_room_alive(server: Server) -> None:
    name = server.room_name()
    # Born by the join: a client may take longer to start than an empty room would live.
    await server.join(name, "assistant", ParticipantKind.AGENT, room_config=RoomConfig(3, 60))
    (agent,) = await server.api.list_participants(name)
    assert agent.kind is ParticipantKind.AGENT
    await server.until(lambda: is_gone(server, name))


async def test_an_identity_that_joins_again_replaces_itself(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.join(name, "alice")
    (first,) = await server.api.list_participants(name)
    await server.join(name, "alice")
    (second,) = await server.api.list_participants(name)
    assert second.identity == first.identity
    assert second.sid != first.sid


async def test_a_full_room_refuses_people(server: Server, join_refused: type[Exception]) -> None:
    name = server.room_name()
    await server.api.create_room(name, RoomConfig(600, 60, max_participants=1))
    await server.join(name, "alice")
    with pytest.raises(join_refused):
        await server.join(name, "bob")
    assert await identities(server, name) == ["alice"]


async def test_a_join_makes_the_room_from_the_tokens_configuration(server: Server) -> None:
    name = server.room_name()
    await server.join(name, "alice", room_config=CONFIG)
    (room,) = await server.api.list_rooms([name])
    assert room.config == CONFIG


async def test_the_tokens_configuration_does_not_touch_a_room_that_is_there(server: Server) -> None:
    name = server.room_name()
    created = await server.api.create_room(name, CONFIG)
    await server.join(name, "alice", room_config=SHORT)
    (room,) = await server.api.list_rooms([name])
    assert (room.sid, room.config) == (created.sid, CONFIG)


async def test_the_life_of_a_room_is_told_in_events(server: Server) -> None:
    name = server.room_name()
    created = await server.api.create_room(name, RoomConfig(600, 1))
    await server.join(name, "alice")
    await server.leave(name, "alice")

    async def is_told() -> bool:
        return any(event.event == "room_finished" for event in server.events)

    await server.until(is_told)
    assert [event.event for event in server.events] == [
        "room_started",
        "participant_joined",
        "participant_left",
        "room_finished",
    ]
    assert {(event.room_name, event.room_sid) for event in server.events} == {(name, created.sid)}
    assert len({event.id for event in server.events}) == 4
    await server.until(lambda: is_gone(server, name))
