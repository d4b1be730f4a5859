"""The one place that every request of ours passes on its way out, whichever client sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from roomkeeper.adapters.ports import FencedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection
    from yarl import URL

    from roomkeeper.adapters.ports import Admit, Effect


def fenced(admit: Admit, effect_of: Callable[[str, URL], Effect]) -> type[aiohttp.ClientRequest]:
    """Return a request class for a session, which asks when the next step is to write to the socket.

    Earlier would not do: a request waits for its turn, for a connection, for TLS, and the process may be stopped
    meanwhile. `effect_of` tells from method and URL of a request what it does.
    """

    class FencedRequest(aiohttp.ClientRequest):
        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            """Send what has no body, at once; what has one is written by a task, behind whatever is waiting."""
            admit(effect_of(self.method, self.url))
            return await super().send(conn)

        async def write_bytes(
            self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
        ) -> None:
            """Write headers and body; what must not be sent any more ends as if the connection had failed so."""
            try:
                admit(effect_of(self.method, self.url))
            except FencedError as error:
                if conn.protocol is not None:
                    conn.protocol.set_exception(error)
                return
            await super().write_bytes(writer, conn, content_length)

    return FencedRequest
