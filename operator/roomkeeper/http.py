"""The HTTP server: LiveKit's webhooks, probes and metrics. It verifies and wakes; it does no work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from roomkeeper.adapters.livekit.webhooks import (
    KNOWN_EVENTS,
    ForgedWebhookError,
    UnreadableWebhookError,
    verify,
)
from roomkeeper.domain.markers import MARKER
from roomkeeper.engine import metrics

if TYPE_CHECKING:
    from roomkeeper.engine.operator import Operator

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2 * 1024 * 1024  # a webhook carries a room or an egress: kilobytes
BODY_SECONDS = 10.0  # until all of a webhook is here; before that, nobody knows whose it is
SHUTDOWN_SECONDS = 2.0  # for a webhook that is half received; LiveKit sends it again


class HttpServer:
    """The operator's listening side."""

    def __init__(self, operator: Operator) -> None:
        """Prepare the routes; `start` listens."""
        self._operator = operator
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post("/livekit/webhook", self._webhook)
        of_one_egress = f"/livekit/webhook/{{marker:{MARKER.pattern}}}"
        application.router.add_post(of_one_egress, self._webhook)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        logger.addFilter(_without_what_was_sent)
        self._runner = web.AppRunner(
            application, access_log=None, logger=logger, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        await self._runner.setup()
        settings = self._operator.settings
        await web.TCPSite(self._runner, settings.http_host or None, settings.http_port).start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _webhook(self, request: web.Request) -> web.Response:
        """Answer 401 unsigned or forged, 400 unreadable, 408 too slow, 413 too large, 200 for everything else.

        LiveKit repeats a delivery only after a 5xx, so what was understood is answered before it is acted on.
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
        result = self._operator.wakeups.webhook(verified.event, verified.credentials)
        lag = (self._operator.clock.now() - verified.event.created_at).total_seconds()
        metrics.webhook(_label(verified.event.event), result, lag_seconds=lag)
        return web.Response()

    async def _healthz(self, _: web.Request) -> web.Response:
        """Answer whenever the event loop turns; LiveKit or the API server being down is no reason to restart."""
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._operator.is_working:
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
