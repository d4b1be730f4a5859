"""The one place that every request of ours passes on its way out, whichever client sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

    from yarl import URL

    from roomkeeper.adapters.ports import Admit, Effect


class FencedConnector(aiohttp.TCPConnector):
    """Asks whether a request may be sent when its connection is there and nothing comes between asking and sending.

    Earlier would not do: a request waits for its turn, for a connection, for TLS, and the process may be stopped
    meanwhile.
    """

    def __init__(self, admit: Admit, effect_of: Callable[[str, URL], Effect], **options: Any) -> None:
        """Take what decides, and what tells from method and URL of a request what it does."""
        super().__init__(**options)
        self._admit = admit
        self._effect_of = effect_of

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> Any:
        """Return a connection for exactly this request; FencedError if it must not be sent."""
        connection = await super().connect(req, traces, timeout)
        try:
            self._admit(self._effect_of(req.method, req.url))
        except BaseException:
            connection.release()
            raise
        return connection
