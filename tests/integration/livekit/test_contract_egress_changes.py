"""What becomes of egress that runs: the same test body in memory, and on the real server with a stand-in worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import (
    LiveKitNotFoundError,
    LiveKitRejectedError,
)
from roomkeeper.domain.egress import EgressState, StreamOutput
from tests.integration.livekit.egresses import (
    alice,
    open_room,
    read,
    running,
    stopped,
    until,
)
from tests.unit.livekit.egress_requests import (
    FILE,
    STREAM,
    a_request,
)

if TYPE_CHECKING:
    from tests.integration.livekit.servers import Server


async def test_what_has_ended_cannot_be_stopped(server: Server) -> None:
    egress = await running(server)
    await stopped(server, egress)
    with pytest.raises(LiveKitRejectedError):
        await server.api.stop_egress(egress.id)
    with pytest.raises(LiveKitRejectedError):
        await server.api.update_stream(egress.id, add=["rtmp://a.example/live/key"])


async def test_an_egress_ends_with_its_room(server: Server) -> None:
    egress = await running(server)
    await server.api.delete_room(egress.room_name)
    ended = await until(server, egress, EgressState.COMPLETE)
    assert not ended.has_error
    assert [e.id for e in await server.api.list_egress(room_name=egress.room_name)] == [egress.id]


async def test_an_egress_ends_when_it_is_put_out_of_the_room(server: Server) -> None:
    egress = await running(server)
    await server.api.remove_participant(egress.room_name, egress.id)
    assert not (await until(server, egress, EgressState.COMPLETE)).has_error


@pytest.mark.parametrize("method", ["StartParticipantEgress", "StartTrackEgress"])
async def test_what_is_recorded_of_somebody_ends_when_they_leave(server: Server, method: str) -> None:
    name = await open_room(server, "camera")
    (track,) = (await alice(server, name)).tracks
    video = track.sid if method == "StartTrackEgress" else ""
    request = a_request(method, room_name=name, file=FILE, target=server.target(), video_track=video)
    egress = await until(server, await server.api.start_egress(request), EgressState.ACTIVE)
    await server.leave(name, "alice")
    assert not (await until(server, egress, EgressState.COMPLETE)).has_error


async def test_a_layout_is_changed_as_soon_as_the_worker_has_joined(server: Server) -> None:
    name = await open_room(server, "microphone")
    egress = await server.api.start_egress(a_request(room_name=name, file=FILE, target=server.target()))

    async def is_taken() -> bool:
        try:
            await server.api.update_layout(egress.id, "speaker")
        except LiveKitNotFoundError:
            return False
        return True

    await server.until(is_taken)

    async def is_seen() -> bool:
        people = {p.identity: p.metadata for p in await server.api.list_participants(name)}
        return people.get(egress.id) == '{"layout":"speaker"}'

    await server.until(is_seen)
    await until(server, egress, EgressState.ACTIVE)
    await stopped(server, egress)
    with pytest.raises(LiveKitNotFoundError):
        await server.api.update_layout(egress.id, "grid")


async def test_streams_come_and_go_and_the_last_one_ends_it(server: Server) -> None:
    (first, second), third = STREAM.urls, "rtmp://c.example/live/secret-key-c"
    egress = await running(server, stream=StreamOutput("RTMP", (first,)))
    await server.api.update_stream(egress.id, add=[second, third], remove=[first])

    async def are_three() -> bool:
        return len((await read(server, egress)).results) == 3

    await server.until(are_three)
    shown = await read(server, egress)
    assert {result.filename for result in shown.results} == {"a.example", "b.example", "c.example"}
    assert "secret" not in repr(shown)
    with pytest.raises(LiveKitNotFoundError):
        await server.api.update_stream(egress.id, remove=[first])
    await server.api.update_stream(egress.id, remove=[second, third])
    await until(server, egress, EgressState.COMPLETE)


async def test_nothing_is_streamed_of_what_is_no_stream(server: Server) -> None:
    egress = await running(server)
    with pytest.raises(LiveKitRejectedError):
        await server.api.update_stream(egress.id, add=["rtmp://a.example/live/key"])
    assert (await read(server, egress)).state is EgressState.ACTIVE
