"""What of egress only a real server and a worker that uploads can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from roomkeeper.adapters.livekit import webhooks
from roomkeeper.adapters.ports import LiveKitUnreachableError
from roomkeeper.domain.egress import EgressState
from tests.integration.livekit.egresses import open_room, read, stopped, until
from tests.integration.livekit.servers import ACCESS_KEY, BUCKET
from tests.unit.livekit.egress_requests import FILE, HLS, MARKER, a_request

if TYPE_CHECKING:
    from roomkeeper.domain.livekit import WebhookEvent
    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import FaultKind
    from tests.integration.livekit.servers import RealServer

pytestmark = pytest.mark.stack


async def test_objects_have_the_key_the_metadata_and_the_credentials_of_the_request(
    real: RealServer, stack: LocalStack
) -> None:
    name = await open_room(real, "microphone")
    request = a_request(
        room_name=name, file=FILE, hls=HLS, target=real.target(), disable_manifest=True, metadata={"m": name}
    )
    egress = await until(real, await real.api.start_egress(request), EgressState.ACTIVE)
    file, hls = (await stopped(real, egress)).results
    segment = f"hls/r/{MARKER}/segment_00000.ts"
    for key in (file.filename, hls.filename, segment):
        assert stack.s3.metadata(BUCKET, key) == {"m": name}
    used = {each.access_key for each in stack.s3.requests() if MARKER in each.path}
    assert used == {ACCESS_KEY}
    assert not [key for key in stack.s3.keys(BUCKET) if egress.id in key]  # no manifest


async def test_an_egress_tells_its_own_webhook_too_signed_by_the_key_that_was_named(
    real: RealServer, stack: LocalStack
) -> None:
    heard: list[WebhookEvent] = []

    async def receive(request: web.Request) -> web.Response:
        keys = {real.credentials.api_key: [real.credentials.api_secret]}
        body = await request.read()
        verified = webhooks.verify(body, request.headers["Authorization"], keys)
        assert request.path == f"/hook/{MARKER}"
        heard.append(verified.event)
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", receive)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook/{MARKER}"
        name = await open_room(real, "microphone")
        request = a_request(
            room_name=name,
            file=FILE,
            target=real.target(),
            webhook_url=url,
            signing_key=real.credentials.api_key,
        )
        egress = await until(real, await real.api.start_egress(request), EgressState.ACTIVE)
        assert egress.carried.webhooks == (url,)
        await stopped(real, egress)

        async def are_told() -> bool:
            return {"egress_ended"} <= {e.event for e in heard} & {e.event for e in real.events}

        await real.until(are_told)
    finally:
        await runner.cleanup()
    assert {event.egress_id for event in heard} == {egress.id}
    assert [event.event for event in heard] == [
        "egress_started",
        "egress_updated",
        "egress_updated",
        "egress_ended",
    ]
    # The server's own webhook hears the same events, by the same ids.
    assert {e.id for e in heard} == {e.id for e in real.events if e.egress_id}


@pytest.mark.parametrize("fault", ["answer_failed", "answer_unavailable"])
async def test_an_egress_may_run_though_its_start_was_answered_with_an_error(
    real: RealServer, stack: LocalStack, fault: FaultKind
) -> None:
    name = await open_room(real, "microphone")
    stack.egress_standin.fault(name, fault)
    with pytest.raises(LiveKitUnreachableError):
        await real.api.start_egress(a_request(room_name=name, file=FILE, target=real.target()))
    (egress,) = await real.api.list_egress(room_name=name)
    assert (await until(real, egress, EgressState.ACTIVE)).carried == egress.carried
    await stopped(real, egress)


async def test_an_answer_that_comes_late_comes_all_the_same(real: RealServer, stack: LocalStack) -> None:
    name = await open_room(real, "microphone")
    stack.egress_standin.fault(name, "answer_late", seconds=5)
    with pytest.raises(LiveKitUnreachableError, match="time limit"):
        await real.impatient().start_egress(a_request(room_name=name, file=FILE, target=real.target()))
    (egress,) = await real.api.list_egress(room_name=name)
    await stopped(real, await until(real, egress, EgressState.ACTIVE))
    stack.egress_standin.fault(name, "answer_late", seconds=5)
    egress = await real.api.start_egress(a_request(room_name=name, file=FILE, target=real.target()))
    assert (await read(real, egress)).carried == egress.carried
