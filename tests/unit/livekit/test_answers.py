"""What a hostile or misconfigured server answers is refused, with an error of the port."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from livekit.protocol import models
from livekit.protocol import room as pb

from roomkeeper.adapters.livekit.answers import MAX_BYTES, MAX_LIST_BYTES
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.ports import LiveKitUnreachableError
from roomkeeper.domain.livekit import Credentials, RoomConfig
from tests.unit.livekit.egress_requests import FILE, a_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Call = Callable[[LiveKitClient], Awaitable[Any]]

CREDENTIALS = Credentials("APIkey", "a-secret-of-at-least-thirty-two-characters")
LISTS: dict[str, Call] = {
    "ListRooms": lambda client: client.list_rooms(),
    "ListParticipants": lambda client: client.list_participants("r"),
    "ListEgress": lambda client: client.list_egress(),
}
OTHERS: dict[str, Call] = {
    "CreateRoom": lambda client: client.create_room("r", RoomConfig(300, 20)),
    "ListDispatch": lambda client: client.list_dispatches("r"),
    "StartRoomCompositeEgress": lambda client: client.start_egress(a_request(file=FILE)),
    "StopEgress": lambda client: client.stop_egress("EG_1"),
    "validate": lambda client: client.creates_rooms_on_join(),
}


@asynccontextmanager
async def asking(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], codes: list[str] | None = None
) -> AsyncIterator[LiveKitClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen = codes if codes is not None else []
    client = LiveKitClient(
        f"http://127.0.0.1:{runner.addresses[0][1]}",
        CREDENTIALS,
        observe=lambda method, code, seconds: seen.append(code),
    )
    try:
        yield client
    finally:
        await client.aclose()
        await runner.cleanup()


def endless(status: int, written: list[int]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))
            written[0] += 65536

    return handler


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("method", OTHERS)
async def test_an_answer_without_end_is_refused_at_its_limit(method: str, status: int) -> None:
    written, codes = [0], list[str]()
    async with asking(endless(status, written), codes) as client:
        with pytest.raises(LiveKitUnreachableError, match=f"^{method}: an answer of more than"):
            await OTHERS[method](client)
    assert codes == ["too_large"]
    assert written[0] < 16 * MAX_BYTES  # what the sockets hold comes on top


@pytest.mark.parametrize("method", LISTS)
async def test_a_list_may_be_larger_and_has_a_limit_too(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_LIST_BYTES > MAX_BYTES
    monkeypatch.setattr("roomkeeper.adapters.livekit.answers.MAX_LIST_BYTES", 2 * MAX_BYTES)
    async with asking(endless(200, [0])) as client:
        with pytest.raises(LiveKitUnreachableError, match=f"^{method}: an answer of more than"):
            await LISTS[method](client)


async def test_a_list_beyond_the_limit_of_all_else_is_read_whole() -> None:
    listed_by_livekit = [models.Room(name=f"r{n}", sid=f"RM_{n}", metadata="m" * 400_000) for n in range(5)]
    rooms = pb.ListRoomsResponse(rooms=listed_by_livekit)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=rooms.SerializeToString())

    async with asking(handler) as client:
        # Twice: the connection goes back to the pool and serves again.
        for _ in range(2):
            listed = await client.list_rooms()
            assert [room.name for room in listed] == ["r0", "r1", "r2", "r3", "r4"]
            assert all(len(room.metadata) == 400_000 for room in listed)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity, gzip"])
async def test_a_compressed_answer_is_refused_and_never_unpacked(encoding: str) -> None:
    codes: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b""), headers={"Content-Encoding": encoding})

    async with asking(handler, codes) as client:
        with pytest.raises(LiveKitUnreachableError, match=r"^ListRooms: a compressed answer"):
            await client.list_rooms()
    assert codes == ["encoded"]


async def test_no_compression_is_asked_for() -> None:
    accepted: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        accepted.append(request.headers["Accept-Encoding"])
        return web.Response(headers={"Content-Encoding": "identity"})

    async with asking(handler) as client:
        assert await client.list_rooms() == []
    assert accepted == ["identity"]


@pytest.mark.parametrize("creation", [{"creation_time_ms": 2**63 - 1}, {"creation_time": -(2**63)}])
@pytest.mark.parametrize("method", ["ListRooms", "CreateRoom"])
async def test_a_time_that_is_none_is_not_livekits(method: str, creation: dict[str, int]) -> None:
    codes: list[str] = []
    room = models.Room(name="r", **creation)

    async def handler(request: web.Request) -> web.Response:
        message = pb.ListRoomsResponse(rooms=[room]) if method == "ListRooms" else room
        return web.Response(body=message.SerializeToString())

    async with asking(handler, codes) as client:
        with pytest.raises(LiveKitUnreachableError, match=f"^{method}: not LiveKit's answer"):
            await (LISTS | OTHERS)[method](client)
    assert codes == ["unreadable"]
