"""What goes wrong with egress: the same test body in memory, and on the real server with a stand-in worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.adapters.ports import (
    LiveKitNobodyAnsweredError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.egress import EgressState
from tests.integration.livekit.egresses import (
    is_inside,
    open_room,
    running,
    stopped,
    until,
)
from tests.unit.livekit.egress_requests import (
    FILE,
    MARKER,
    SOURCES,
    a_request,
)

if TYPE_CHECKING:
    from tests.integration.livekit.servers import Server


@pytest.mark.parametrize("method", [method for method in SOURCES if method != "StartWebEgress"])
async def test_nothing_is_recorded_of_a_room_that_is_not_there(server: Server, method: str) -> None:
    name = server.room_name()
    with pytest.raises(LiveKitNotFoundError):
        await server.api.start_egress(a_request(method, room_name=name, file=FILE))
    assert await server.api.list_egress(room_name=name) == []


async def test_a_start_without_an_output_is_rejected(server: Server) -> None:
    name = await open_room(server)
    with pytest.raises(LiveKitRejectedError):
        await server.api.start_egress(a_request(room_name=name))
    assert await server.api.list_egress(room_name=name) == []


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        (EgressFault.ABORT, EgressState.ABORTED, 412),
        (EgressFault.FAIL_UPLOAD, EgressState.FAILED, 400),
        (EgressFault.REACH_LIMIT, EgressState.LIMIT_REACHED, 413),
    ],
)
async def test_an_egress_that_ends_badly_tells_a_code_and_no_text(
    server: Server, fault: EgressFault, state: EgressState, code: int
) -> None:
    name = await open_room(server, "microphone")
    server.fault(name, fault)
    egress = await server.api.start_egress(a_request(room_name=name, file=FILE, target=server.target()))
    if fault is EgressFault.FAIL_UPLOAD:
        await until(server, egress, EgressState.ACTIVE)
        await server.api.stop_egress(egress.id)
    ended = await until(server, egress, state)
    assert (ended.error_code, ended.has_error) == (code, True)
    assert ended.ended_at
    assert "upload failed" not in repr(ended)
    assert [e.id for e in await server.api.list_egress(room_name=name, active=True)] == []


async def test_an_egress_that_does_not_begin_is_stopped_all_the_same(server: Server) -> None:
    name = await open_room(server, "microphone")
    server.fault(name, EgressFault.STAY_STARTING)
    egress = await server.api.start_egress(a_request(room_name=name, file=FILE))

    async def has_joined() -> bool:
        return await is_inside(server, egress)

    await server.until(has_joined)
    assert (await server.api.stop_egress(egress.id)).state is EgressState.STARTING
    ended = await until(server, egress, EgressState.ABORTED)
    assert ended.error_code == 412
    assert [result.duration_seconds for result in ended.results] == [0]


async def test_of_a_worker_that_has_died_nothing_is_heard_and_its_record_stays(server: Server) -> None:
    egress = await running(server)
    server.fault(egress.room_name, EgressFault.DIE)

    async def has_left() -> bool:
        return not await is_inside(server, egress)

    await server.until(has_left)
    with pytest.raises(LiveKitNobodyAnsweredError):
        await server.api.stop_egress(egress.id)
    await server.api.delete_room(egress.room_name)
    left = await server.api.list_egress(room_name=egress.room_name, active=True)
    assert [(e.id, e.state) for e in left] == [(egress.id, EgressState.ACTIVE)]


async def test_a_start_that_is_refused_is_none(server: Server) -> None:
    name = await open_room(server, "microphone")
    server.fault(name, EgressFault.REFUSE)
    with pytest.raises(LiveKitRejectedError):
        await server.api.start_egress(a_request(room_name=name, file=FILE))
    assert await server.api.list_egress(room_name=name) == []


async def test_without_a_worker_nobody_answers_and_nothing_starts(server: Server) -> None:
    name = await open_room(server, "microphone")
    server.fault(name, EgressFault.BUSY)
    with pytest.raises(LiveKitNobodyAnsweredError):
        await server.api.start_egress(a_request(room_name=name, file=FILE))
    assert await server.api.list_egress(room_name=name) == []


async def test_an_egress_may_run_though_its_start_was_not_answered(server: Server) -> None:
    name = await open_room(server, "microphone")
    server.fault(name, EgressFault.ANSWER_LOST)
    with pytest.raises(LiveKitUnreachableError):
        await server.impatient().start_egress(a_request(room_name=name, file=FILE, target=server.target()))
    (egress,) = await server.api.list_egress(room_name=name)
    assert all(MARKER in path for path in egress.carried.paths)
    await until(server, egress, EgressState.ACTIVE)
    await stopped(server, egress)
