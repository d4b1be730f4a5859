"""Who is in a room and which agents were asked: the same test body on the server in memory and on the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError, LiveKitUnreachableError
from roomkeeper.domain.livekit import ParticipantKind, ParticipantUpdate, Permission, RoomConfig

if TYPE_CHECKING:
    from roomkeeper.domain.livekit import Dispatch, Participant
    from tests.integration.livekit.servers import Server

CONFIG = RoomConfig(empty_timeout_seconds=600, departure_timeout_seconds=60)
VIEWER = Permission()
HOST = Permission(
    can_publish=True,
    can_publish_data=True,
    can_publish_sources=frozenset({"camera", "microphone"}),
    can_update_metadata=True,
    can_subscribe_metrics=True,
)


async def join(server: Server, permission: Permission | None = None) -> str:
    """Open a room that alice is in, and return its name."""
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.join(name, "alice", permission=permission)
    return name


async def alice(server: Server, name: str) -> Participant:
    (participant,) = await server.api.list_participants(name)
    return participant


@pytest.mark.parametrize(
    "permission",
    [
        VIEWER,
        HOST,
        Permission(can_subscribe=False, can_publish=True),
        Permission(can_publish=True, can_publish_sources=frozenset({"screen_share", "screen_share_audio"})),
    ],
)
async def test_what_a_token_permits_is_listed_as_it_was_meant(server: Server, permission: Permission) -> None:
    name = await join(server, permission)
    assert (await alice(server, name)).permission == permission


async def test_a_token_that_says_nothing_permits_to_subscribe_and_publish(server: Server) -> None:
    name = await join(server)
    assert (await alice(server, name)).permission == Permission(can_publish=True, can_publish_data=True)


async def test_an_agents_permission_says_so(server: Server) -> None:
    name = server.room_name()
    await server.join(name, "assistant", ParticipantKind.AGENT, room_config=CONFIG)
    assert (await alice(server, name)).permission.agent


@pytest.mark.parametrize(("before", "after"), [(VIEWER, HOST), (HOST, VIEWER)])
async def test_a_new_permission_replaces_the_whole_set_and_nothing_else(
    server: Server, before: Permission, after: Permission
) -> None:
    name = await join(server, before)
    was = await alice(server, name)
    await server.api.update_participant(name, "alice", ParticipantUpdate(permission=after))
    now = await alice(server, name)
    assert now.permission == after
    assert (now.identity, now.sid, now.kind, now.name, now.metadata, now.attributes) == (
        was.identity, was.sid, was.kind, was.name, was.metadata, was.attributes,
    )  # fmt: skip


async def test_name_and_metadata_are_replaced_but_never_emptied(server: Server) -> None:
    name = await join(server, HOST)
    for update in (
        ParticipantUpdate(name="Alice", metadata="{}"),
        ParticipantUpdate(name="", metadata=""),
        ParticipantUpdate(),
    ):
        await server.api.update_participant(name, "alice", update)
        now = await alice(server, name)
        assert (now.name, now.metadata, now.permission) == ("Alice", "{}", HOST)
    await server.api.update_participant(name, "alice", ParticipantUpdate(name="Alicia"))
    now = await alice(server, name)
    assert (now.name, now.metadata) == ("Alicia", "{}")


async def test_attributes_are_merged_and_an_empty_one_is_deleted(server: Server) -> None:
    name = await join(server)
    for update, expected in (
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}),
        ({"b": "3", "c": "4"}, {"a": "1", "b": "3", "c": "4"}),
        ({"a": "", "absent": ""}, {"b": "3", "c": "4"}),
        ({}, {"b": "3", "c": "4"}),
    ):
        await server.api.update_participant(name, "alice", ParticipantUpdate(attributes=update))
        assert (await alice(server, name)).attributes == expected


@pytest.mark.parametrize(
    "update",
    [
        ParticipantUpdate(name="n" * 257),
        ParticipantUpdate(metadata="m" * (512 * 1024 + 1)),
        ParticipantUpdate(attributes={"a": "1" * 64 * 1024}),
    ],
    ids=["name", "metadata", "attributes"],
)
async def test_an_update_that_is_too_large_is_rejected_and_changes_nothing(
    server: Server, update: ParticipantUpdate
) -> None:
    name = await join(server)
    was = await alice(server, name)
    with pytest.raises(LiveKitRejectedError):
        await server.api.update_participant(name, "alice", update)
    assert await alice(server, name) == was


async def test_somebody_who_is_not_there_can_be_neither_changed_nor_removed(server: Server) -> None:
    name = await join(server)
    for room, identity in ((name, "nobody"), (name + "-absent", "alice")):
        with pytest.raises(LiveKitNotFoundError):
            await server.api.update_participant(room, identity, ParticipantUpdate(name="x"))
        with pytest.raises(LiveKitNotFoundError):
            await server.api.remove_participant(room, identity)


async def test_who_is_removed_is_gone_at_once_and_may_come_again(server: Server) -> None:
    name = await join(server, VIEWER)
    was = await alice(server, name)
    await server.api.remove_participant(name, "alice")
    assert await server.api.list_participants(name) == []
    await server.join(name, "alice", permission=VIEWER)
    now = await alice(server, name)
    assert now.sid != was.sid
    assert now.permission == VIEWER


async def test_what_was_changed_lasts_only_as_long_as_the_connection(server: Server) -> None:
    name = await join(server, HOST)
    update = ParticipantUpdate(permission=VIEWER, name="Alice", attributes={"a": "1"})
    await server.api.update_participant(name, "alice", update)
    await server.join(name, "alice", permission=HOST)
    now = await alice(server, name)
    assert (now.permission, now.name, now.attributes) == (HOST, "", {})


async def test_a_new_room_asks_for_the_agents_without_a_name(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    (default,) = await server.api.list_dispatches(name)
    assert (default.agent_name, default.metadata) == ("", "")
    assert default.id.startswith("AD_")


async def test_dispatches_are_listed_until_they_are_deleted_and_duplicates_are_not_prevented(
    server: Server,
) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    (default,) = await server.api.list_dispatches(name)
    first = await server.api.create_dispatch(name, "notes", "{}")
    second = await server.api.create_dispatch(name, "notes", "{}")
    assert (first.agent_name, first.metadata) == ("notes", "{}")
    assert first.id != second.id
    assert by_id(await server.api.list_dispatches(name)) == by_id([default, first, second])
    await server.api.delete_dispatch(name, first.id)
    await server.api.delete_dispatch(name, default.id)
    assert await server.api.list_dispatches(name) == [second]
    with pytest.raises(LiveKitNotFoundError):
        await server.api.delete_dispatch(name, first.id)


async def test_dispatches_end_with_their_room(server: Server) -> None:
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    made = await server.api.create_dispatch(name, "notes")
    await server.api.delete_room(name)
    await server.api.create_room(name, CONFIG)
    (default,) = await server.api.list_dispatches(name)
    assert default.id != made.id
    assert default.agent_name == ""


async def test_dispatches_of_an_absent_room_are_answered_by_nobody(server: Server) -> None:
    name = server.room_name()
    with pytest.raises(LiveKitUnreachableError):
        await server.api.list_dispatches(name)
    with pytest.raises(LiveKitUnreachableError):
        await server.api.delete_dispatch(name, "AD_absent")


async def test_a_dispatch_into_an_absent_room_makes_it_with_the_servers_defaults(server: Server) -> None:
    name = server.room_name()
    await server.api.create_dispatch(name, "notes")
    (room,) = await server.api.list_rooms([name])
    assert room.config == RoomConfig(300, 20)
    assert sorted(d.agent_name for d in await server.api.list_dispatches(name)) == ["", "notes"]


async def test_a_dispatch_with_too_much_metadata_is_rejected_and_makes_no_room(server: Server) -> None:
    name = server.room_name()
    with pytest.raises(LiveKitRejectedError):
        await server.api.create_dispatch(name, "notes", "m" * (512 * 1024 + 1))
    assert await server.api.list_rooms([name]) == []


async def test_playout_delays_and_stream_sync_are_taken_and_not_shown(server: Server) -> None:
    config = RoomConfig(600, 60, 0, 100, 2000, sync_streams=True)
    name = server.room_name()
    created = await server.api.create_room(name, config)
    assert created.config == CONFIG
    assert await server.api.list_rooms([name]) == [created]


async def test_a_server_tells_what_it_can_do_and_keeps_no_trace_of_the_question(server: Server) -> None:
    before = {room.name for room in await server.api.list_rooms()}
    assert await server.api.creates_rooms_on_join()
    assert await server.api.has_redis()
    assert {room.name for room in await server.api.list_rooms()} <= before


def by_id(dispatches: list[Dispatch]) -> list[Dispatch]:
    return sorted(dispatches, key=lambda dispatch: dispatch.id)
