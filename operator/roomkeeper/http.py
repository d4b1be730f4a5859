"""The HTTP server: LiveKit's webhooks, probes and metrics. It verifies and wakes; it does no work."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from roomkeeper.adapters.forwarding import FORWARDED, Forwarder
from roomkeeper.adapters.livekit.webhooks import (
    KNOWN_EVENTS,
    ForgedWebhookError,
    UnreadableWebhookError,
    verify,
)
from roomkeeper.domain.markers import MARKER
from roomkeeper.engine import metrics
from roomkeeper.http_tokens import PATH as TOKEN_PATH
from roomkeeper.http_tokens import TokenEndpoint

if TYPE_CHECKING:
    from roomkeeper.engine.health import Health
    from roomkeeper.engine.operator import Operator

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2 * 1024 * 1024  # a webhook carries a room or an egress: kilobytes
BODY_SECONDS = 10.0  # until all of a webhook is here; before that, nobody knows whose it is
SHUTDOWN_SECONDS = 2.0  # for a webhook that is half received; LiveKit sends it again


class HttpServer:
    """The operator's listening side."""

    def __init__(self, operator: Operator, health: Health) -> None:
        """Prepare the routes; `start` listens."""
        self._operator = operator
        self._health = health
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post("/livekit/webhook", self._webhook)
        of_one_egress = f"/livekit/webhook/{{marker:{MARKER.pattern}}}"
        application.router.add_post(of_one_egress, self._webhook)
        if operator.settings.token_endpoint:
            application.router.add_post(TOKEN_PATH, TokenEndpoint(operator, operator.desk).answer)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        logger.addFilter(_without_what_was_sent)
        self._runner = web.AppRunner(
            application, access_log=None, logger=logger, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        self._forwarder = Forwarder()
        await self._runner.setup()
        settings = self._operator.settings
        try:
            await web.TCPSite(self._runner, settings.http_host or None, settings.http_port).start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()
        await self._forwarder.aclose()

    async def _webhook(self, request: web.Request) -> web.Response:
        """Answer 401 unsigned or forged, 400 unreadable, 408 too slow, 413 too large, 200 for everything else.

        LiveKit repeats a delivery only after a 5xx, so what was understood is answered before it is acted on. A replica
        that stands by hands it on first.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            metrics.WEBHOOKS.labels("", "too large").inc()
            raise
        except TimeoutError:
            metrics.WEBHOOKS.labels("", "too slow").inc()
            return web.Response(status=408)
        except (ConnectionError, web.RequestPayloadError):
            metrics.WEBHOOKS.labels("", "broken off").inc()
            return web.Response(status=400)
        keys = self._operator.servers.webhook_keys()
        try:
            verified = verify(body, request.headers.get("Authorization", ""), keys)
        except ForgedWebhookError:
            metrics.WEBHOOKS.labels("", "forged").inc()
            return web.Response(status=401, text="not signed by a key of a known LiveKit server\n")
        except UnreadableWebhookError:
            metrics.WEBHOOKS.labels("", "unreadable").inc()
            return web.Response(status=400, text="signed, but not a LiveKit webhook\n")
        if not self._operator.takes_webhooks:
            return await self._hand_on(request, body, _label(verified.event.event))
        result = self._operator.wakeups.webhook(verified.event, verified.credentials)
        lag = (self._operator.clock.now() - verified.event.created_at).total_seconds()
        metrics.webhook(_label(verified.event.event), result, lag_seconds=lag)
        return web.Response()

    async def _hand_on(self, request: web.Request, body: bytes, label: str) -> web.Response:
        """Answer as the replica that works does; 503 without one, so that LiveKit delivers it again."""
        address = self._operator.leadership.holder_address
        if not address or FORWARDED in request.headers:
            metrics.WEBHOOKS.labels(label, "nobody works").inc()
            return web.Response(status=503, text="no replica that works is known here\n")
        authorization = request.headers["Authorization"]
        status = await self._forwarder.forward(address, request.path, body=body, authorization=authorization)
        metrics.WEBHOOKS.labels(label, "forwarded" if status == HTTPStatus.OK else "not forwarded").inc()
        return web.Response(status=status)

    async def _healthz(self, _: web.Request) -> web.Response:
        """Answer 503 with the reason where a new process would help; see health.py."""
        problem = self._health.problem
        return web.Response(status=503, text=f"{problem}\n") if problem else web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._operator.is_ready:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="the caches are not filled yet\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


def _label(event: str) -> str:
    """Return a label of a bounded set: whoever holds a server's key can sign events of any name."""
    return event if event in KNOWN_EVENTS else "other"


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    """Keep malformed HTTP to one line: aiohttp's error quotes the offending header, which may be a token."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.exc_info = None
    return True
