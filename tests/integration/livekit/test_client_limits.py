"""What the real server does not do on demand: silence, faults, hostility, and counting of what is asked of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from aiohttp import web
from livekit.protocol import models
from livekit.protocol import room as pb
from livekit.protocol.egress import EgressInfo

from roomkeeper.adapters.livekit.calls import Limits
from roomkeeper.adapters.livekit.errors import ServerFaultError
from roomkeeper.adapters.ports import (
    LiveKitCredentialsError,
    LiveKitError,
    LiveKitNobodyAnsweredError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.livekit import ParticipantUpdate, RoomConfig
from tests.integration.livekit.serving import CREDENTIALS, answering, client_of, served, twirp_error
from tests.unit.livekit.egress_requests import FILE, SOURCES, a_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    from roomkeeper.adapters.livekit.client import LiveKitClient

MARKER = "hunter2"
ANSWERS: dict[str, Message] = {  # that have to be of something; all others may be empty
    **dict.fromkeys(("CreateRoom", "UpdateRoomMetadata"), models.Room(name="r", sid="RM_1")),
    **dict.fromkeys((*SOURCES, "StopEgress"), EgressInfo(egress_id="EG_1")),
}
IMPATIENT = Limits(timeout_seconds=0.2, start_timeout_seconds=0.2)
CALLS: dict[str, Callable[[LiveKitClient], Awaitable[Any]]] = {
    "ListRooms": lambda client: client.list_rooms(),
    "CreateRoom": lambda client: client.create_room("r", RoomConfig(300, 20)),
    "UpdateRoomMetadata": lambda client: client.update_room_metadata("r", "{}"),
    "DeleteRoom": lambda client: client.delete_room("r"),
    "ListParticipants": lambda client: client.list_participants("r"),
    "UpdateParticipant": lambda client: client.update_participant("r", "alice", ParticipantUpdate(name="A")),
    "RemoveParticipant": lambda client: client.remove_participant("r", "alice"),
    "ListDispatch": lambda client: client.list_dispatches("r"),
    "CreateDispatch": lambda client: client.create_dispatch("r", "agent"),
    "DeleteDispatch": lambda client: client.delete_dispatch("r", "AD_1"),
    **{
        method: lambda client, method=method: client.start_egress(a_request(method, file=FILE))
        for method in SOURCES
    },
    "StopEgress": lambda client: client.stop_egress("EG_1"),
    "ListEgress": lambda client: client.list_egress(),
    "UpdateLayout": lambda client: client.update_layout("EG_1", "grid"),
    "UpdateStream": lambda client: client.update_stream("EG_1", add=["rtmp://a/b/c"]),
}


async def rooms(request: web.Request) -> web.Response:
    return web.Response(body=pb.ListRoomsResponse().SerializeToString())


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "invalid_argument", LiveKitRejectedError),
        (400, "malformed", LiveKitRejectedError),
        (401, "unauthenticated", LiveKitCredentialsError),
        (401, "unknown", LiveKitCredentialsError),
        (403, "permission_denied", LiveKitCredentialsError),
        (404, "not_found", LiveKitNotFoundError),
        (404, "bad_route", LiveKitUnreachableError),
        (408, "deadline_exceeded", LiveKitNobodyAnsweredError),
        (409, "already_exists", LiveKitUnreachableError),
        (412, "failed_precondition", LiveKitRejectedError),
        (413, "unknown", LiveKitRejectedError),
        (429, "resource_exhausted", LiveKitUnreachableError),
        (500, "internal", ServerFaultError),
        (500, "unknown", LiveKitUnreachableError),
        (503, "unavailable", LiveKitNobodyAnsweredError),
    ],
)
@pytest.mark.parametrize("method", CALLS)
async def test_an_error_is_mapped_by_its_code_and_status(
    method: str, status: int, code: str, expected: type[LiveKitError]
) -> None:
    async with served(twirp_error(status, code)) as url, client_of(url) as client:
        with pytest.raises(LiveKitError) as raised:
            await CALLS[method](client)
    assert type(raised.value) is expected
    assert str(raised.value).startswith(f"{method}: {code} (HTTP {status})")


HOSTILE = {
    "words": {"status": 500, "text": MARKER},
    "a message and metadata": {
        "status": 400,
        "text": f'{{"code": "malformed", "msg": "{MARKER}", "meta": {{"{MARKER}": "{MARKER}"}}}}',
        "content_type": "application/json",
    },
    "a code of its own": {
        "status": 404,
        "text": f'{{"code": "{MARKER}", "msg": ""}}',
        "content_type": "application/json",
    },
    "a code that is an object": {
        "status": 401,
        "text": f'{{"code": {{"{MARKER}": 1}}}}',
        "content_type": "application/json",
    },
    "a list": {"status": 500, "text": f'["{MARKER}"]', "content_type": "application/json"},
    "success that is not protobuf": {"status": 200, "text": MARKER},
    "a reason phrase": {"status": 502, "reason": MARKER},
    "a redirect": {"status": 302, "headers": {"Location": f"http://{MARKER}.invalid/"}},
    "a broken encoding": {"status": 200, "body": MARKER.encode(), "headers": {"Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("response", HOSTILE.values(), ids=HOSTILE)
async def test_nothing_that_a_hostile_server_writes_gets_into_an_error(response: dict[str, Any]) -> None:
    codes: list[str] = []
    async with (
        served(answering(**response)) as url,
        client_of(url, observe=lambda method, code, seconds: codes.append(code)) as client,
    ):
        with pytest.raises(LiveKitError) as raised:
            await client.list_rooms()
    shown = f"{raised.value} {raised.value!r} {raised.getrepr(chain=True, style='native')} {codes}"
    assert MARKER not in shown
    assert raised.value.__suppress_context__


async def test_a_404_that_is_not_livekits_does_not_pass_for_a_room_that_is_gone() -> None:
    async with (
        served(answering(status=404, text="<html>nothing here</html>")) as url,
        client_of(url) as client,
    ):
        with pytest.raises(LiveKitUnreachableError, match="check the URL"):
            await client.delete_room("r")


@pytest.mark.parametrize("method", CALLS)
async def test_a_server_that_never_answers_is_given_up_within_the_time_limit(method: str) -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(silent) as url, client_of(url, limits=IMPATIENT) as client:
        started = time.monotonic()
        with pytest.raises(LiveKitUnreachableError, match="time limit"):
            await CALLS[method](client)
    assert 0.2 <= time.monotonic() - started < 5


async def test_a_body_that_trickles_is_given_up_within_the_time_limit() -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"\x0a\x00")
            await asyncio.sleep(0.02)

    async with served(trickle) as url, client_of(url, limits=Limits(timeout_seconds=0.2)) as client:
        with pytest.raises(LiveKitUnreachableError, match="time limit"):
            await client.list_rooms()


async def test_where_nobody_listens_it_is_unreachable() -> None:
    async with served(rooms) as url:
        pass
    async with client_of(url) as client:
        with pytest.raises(LiveKitUnreachableError, match="no connection"):
            await client.list_rooms()


async def test_a_connection_that_is_dropped_is_unreachable() -> None:
    async def drop(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        raise web.HTTPOk

    async with served(drop) as url, client_of(url) as client:
        with pytest.raises(LiveKitUnreachableError, match="connection"):
            await client.list_rooms()


async def test_a_server_without_tls_is_told_apart() -> None:
    async with served(rooms) as url, client_of(url.replace("http", "wss")) as client:
        with pytest.raises(LiveKitUnreachableError, match="TLS"):
            await client.list_rooms()


async def test_no_more_calls_run_at_a_time_than_allowed() -> None:
    running, most, full = 0, 0, asyncio.Event()

    async def count(request: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0.02)  # lets a fourth in, were there one
        running -= 1
        return await rooms(request)

    async with served(count) as url, client_of(url, limits=Limits(concurrency=3)) as client:
        await asyncio.gather(*(client.list_rooms() for _ in range(30)))
    assert most == 3


async def test_no_more_calls_start_in_a_second_than_allowed() -> None:
    async with served(rooms) as url, client_of(url, limits=Limits(per_second=20)) as client:
        started = time.monotonic()
        await asyncio.gather(*(client.list_rooms() for _ in range(30)))
    # A burst of 20, then one each 50 ms.
    assert time.monotonic() - started >= 0.45


async def test_a_cancelled_call_gives_its_turn_back() -> None:
    asked, codes = asyncio.Event(), []

    async def first_silent(request: web.Request) -> web.Response:
        if not asked.is_set():
            asked.set()
            await asyncio.Event().wait()
        return await rooms(request)

    async with (
        served(first_silent) as url,
        client_of(
            url, limits=Limits(concurrency=1), observe=lambda method, code, seconds: codes.append(code)
        ) as client,
    ):
        call = asyncio.ensure_future(client.list_rooms())
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await client.list_rooms() == []
    assert codes == ["canceled", "ok"]


@pytest.mark.parametrize(
    ("service", "method", "video"),
    [
        ("RoomService", "ListRooms", {"roomList": True}),
        ("RoomService", "CreateRoom", {"roomCreate": True}),
        ("RoomService", "UpdateRoomMetadata", {"roomAdmin": True, "room": "r"}),
        ("RoomService", "DeleteRoom", {"roomCreate": True}),
        ("RoomService", "ListParticipants", {"roomAdmin": True, "room": "r"}),
        ("RoomService", "UpdateParticipant", {"roomAdmin": True, "room": "r"}),
        ("RoomService", "RemoveParticipant", {"roomAdmin": True, "room": "r"}),
        ("AgentDispatchService", "ListDispatch", {"roomAdmin": True, "room": "r"}),
        ("AgentDispatchService", "CreateDispatch", {"roomAdmin": True, "room": "r"}),
        ("AgentDispatchService", "DeleteDispatch", {"roomAdmin": True, "room": "r"}),
        *(("Egress", method, {"roomRecord": True}) for method in SOURCES),
        ("Egress", "StopEgress", {"roomRecord": True}),
        ("Egress", "ListEgress", {"roomRecord": True}),
        ("Egress", "UpdateLayout", {"roomRecord": True}),
        ("Egress", "UpdateStream", {"roomRecord": True}),
    ],
)
async def test_the_api_token_on_the_wire_lives_a_minute_and_grants_the_least(
    service: str, method: str, video: dict[str, Any]
) -> None:
    seen: list[tuple[str, str]] = []

    async def note(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers["Authorization"]))
        return web.Response(body=ANSWERS[method].SerializeToString() if method in ANSWERS else b"")

    async with served(note) as url, client_of(url + "/base/") as client:
        await CALLS[method](client)
    ((path, authorization),) = seen
    assert path == f"/base/twirp/livekit.{service}/{method}"
    token = jwt.decode(authorization.removeprefix("Bearer "), CREDENTIALS.api_secret, algorithms=["HS256"])
    assert token["exp"] - token["nbf"] <= 60
    assert token["exp"] <= time.time() + 60
    assert token["video"] == video


async def test_each_call_is_observed_with_its_code_and_time() -> None:
    seen: list[tuple[str, str, float]] = []

    async with (
        served(twirp_error(503, "unavailable")) as url,
        client_of(url, observe=lambda *call: seen.append(call)) as client,
    ):
        with pytest.raises(LiveKitUnreachableError):
            await client.delete_room("r")
    ((method, code, seconds),) = seen
    assert (method, code) == ("DeleteRoom", "unavailable")
    assert 0 < seconds < 15
