"""What the real server does not do on demand with calls about egress."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from livekit.protocol import egress as pb
from livekit.protocol import room

from roomkeeper.adapters.livekit.calls import Limits
from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitUnreachableError
from tests.integration.livekit.serving import answering, client_of, served, twirp_error
from tests.unit.livekit.egress_requests import EACH, FILE, IDS, STREAM, WEBHOOK, a_request

if TYPE_CHECKING:
    from roomkeeper.domain.egress import EgressRequest


async def test_a_start_is_given_longer_than_all_else() -> None:
    limits = Limits()
    assert limits.start_timeout_seconds > 27 > limits.timeout_seconds

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response(body=pb.EgressInfo(egress_id="EG_1").SerializeToString())

    impatient = Limits(timeout_seconds=0.1, start_timeout_seconds=30)
    async with served(slow) as url, client_of(url, limits=impatient) as client:
        assert (await client.start_egress(a_request(file=FILE))).id == "EG_1"
        with pytest.raises(LiveKitUnreachableError, match="time limit"):
            await client.stop_egress("EG_1")


async def test_a_start_that_is_not_answered_is_given_up() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(silent) as url, client_of(url, limits=Limits(start_timeout_seconds=0.2)) as client:
        started = time.monotonic()
        with pytest.raises(LiveKitUnreachableError, match="StartRoomCompositeEgress: no answer within"):
            await client.start_egress(a_request(file=FILE))
    assert 0.2 <= time.monotonic() - started < 5


async def test_starts_without_a_worker_hold_up_neither_lists_nor_each_other() -> None:
    waiting, all_wait, over = 0, asyncio.Event(), asyncio.Event()
    limits = Limits(concurrency=1, start_concurrency=8)

    async def no_worker(request: web.Request) -> web.Response:
        nonlocal waiting
        if "/Start" not in request.path:
            return web.Response(body=room.ListRoomsResponse().SerializeToString())
        waiting += 1
        if waiting == limits.start_concurrency:
            all_wait.set()
        await over.wait()
        return web.Response(body=pb.EgressInfo(egress_id="EG_1").SerializeToString())

    async with served(no_worker) as url, client_of(url, limits=limits) as client:
        starts = [asyncio.ensure_future(client.start_egress(a_request(file=FILE))) for _ in range(9)]
        await asyncio.wait_for(all_wait.wait(), 10)
        for _ in range(3):
            assert await client.list_rooms() == []
        assert waiting == 8  # the ninth waits for its turn
        over.set()
        assert {egress.id for egress in await asyncio.gather(*starts)} == {"EG_1"}


@pytest.mark.parametrize("response", [{"status": 500}, {"status": 200, "text": "no protobuf"}])
async def test_a_start_is_sent_once_whatever_is_answered(response: dict[str, object]) -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await answering(**response)(request)

    async with served(note) as url, client_of(url) as client:
        with pytest.raises(LiveKitUnreachableError):
            await client.start_egress(a_request(file=FILE))
    assert asked == ["/twirp/livekit.Egress/StartRoomCompositeEgress"]


async def test_a_webhook_without_a_key_is_never_sent() -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async with served(note) as url, client_of(url) as client:
        with pytest.raises(ValueError, match="API key"):
            await client.start_egress(a_request(file=FILE, webhook_url=WEBHOOK))
    assert asked == []


@pytest.mark.parametrize(("method", "name", "request_"), EACH, ids=IDS)
async def test_what_is_sent_is_what_was_asked(method: str, name: str, request_: EgressRequest) -> None:
    seen: list[tuple[str, bytes]] = []

    async def note(request: web.Request) -> web.Response:
        seen.append((request.path, await request.read()))
        return web.Response(body=pb.EgressInfo(egress_id="EG_1").SerializeToString())

    async with served(note) as url, client_of(url) as client:
        await client.start_egress(request_)
    ((path, body),) = seen
    message = getattr(pb, method.removeprefix("Start") + "Request").FromString(body)
    assert path == f"/twirp/livekit.Egress/{method}"
    assert message.room_name == "r" if request_.room_name else message.url == "https://example.com/"


async def test_an_id_that_is_not_there_is_an_empty_list() -> None:
    async with served(twirp_error(404, "not_found")) as url, client_of(url) as client:
        assert await client.list_egress(egress_id="EG_1") == []


async def test_a_list_that_is_not_found_does_not_pass_for_nothing_that_runs() -> None:
    async with served(twirp_error(404, "not_found")) as url, client_of(url) as client:
        for asked in ({}, {"active": True}, {"room_name": "r"}):
            with pytest.raises(LiveKitNotFoundError):
                await client.list_egress(**asked)


async def test_a_bare_404_does_not_pass_for_an_egress_that_is_gone() -> None:
    async with served(answering(status=404, text="<html>")) as url, client_of(url) as client:
        with pytest.raises(LiveKitUnreachableError, match="check the URL"):
            await client.list_egress(egress_id="EG_1")
        with pytest.raises(LiveKitUnreachableError, match="check the URL"):
            await client.start_egress(a_request(file=FILE))


async def test_a_worker_that_has_it_already_does_not_pass_for_another_program() -> None:
    async with served(twirp_error(409, "already_exists")) as url, client_of(url) as client:
        with pytest.raises(LiveKitUnreachableError, match=r"already_exists \(HTTP 409\)$"):
            await client.start_egress(a_request(file=FILE))


async def test_what_is_asked_for_is_what_the_list_is_filtered_by() -> None:
    seen: list[pb.ListEgressRequest] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(pb.ListEgressRequest.FromString(await request.read()))
        return web.Response(
            body=pb.ListEgressResponse(items=[pb.EgressInfo(egress_id="EG_1")]).SerializeToString()
        )

    async with served(note) as url, client_of(url) as client:
        for asked in ({}, {"room_name": "r", "active": True}, {"egress_id": "EG_1"}):
            assert [egress.id for egress in await client.list_egress(**asked)] == ["EG_1"]
    assert seen == [
        pb.ListEgressRequest(),
        pb.ListEgressRequest(room_name="r", active=True),
        pb.ListEgressRequest(egress_id="EG_1"),
    ]


async def test_streams_come_and_go_in_one_call() -> None:
    seen: list[pb.UpdateStreamRequest] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(pb.UpdateStreamRequest.FromString(await request.read()))
        return web.Response()

    first, second = STREAM.urls
    async with served(note) as url, client_of(url) as client:
        await client.update_stream("EG_1", add=[first], remove=[second])
    assert seen == [
        pb.UpdateStreamRequest(egress_id="EG_1", add_output_urls=[first], remove_output_urls=[second])
    ]
