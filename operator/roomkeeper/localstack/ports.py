"""Ports on 127.0.0.1 that nobody else gets while the stack lives, also while the part that uses them is down."""

from __future__ import annotations

import contextlib
import socket
from typing import Final, NamedTuple

from .errors import LocalStackError

_LOOPBACK: Final = "127.0.0.1"
_UDP_FIRST: Final = 20_000  # below the range from which the kernel hands out ports (32768 on)
_UDP_LAST: Final = 32_000
_UDP_BLOCK: Final = 200  # a participant takes up to two


class PortRange(NamedTuple):
    """UDP ports, both ends included."""

    first: int
    last: int


class Ports:
    """Holds every port it gave out by a bound socket that never listens.

    Linux lets a server with SO_REUSEADDR (Go, Redis, asyncio and http.server set it) listen beside such a socket,
    while the kernel gives the port to nobody who asks for any free one: so there is no moment to lose it in.
    """

    def __init__(self) -> None:
        self._sockets = contextlib.ExitStack()

    def tcp(self) -> int:
        """A free TCP port."""
        holder = self._sockets.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((_LOOPBACK, 0))
        port: int = holder.getsockname()[1]
        return port

    def udp_range(self) -> PortRange:
        """A block of UDP ports that is no other stack's: the TCP port of the same number is its lock."""
        for first in range(_UDP_FIRST, _UDP_LAST, _UDP_BLOCK):
            holder = socket.socket()
            try:
                holder.bind((_LOOPBACK, first))
            except OSError:
                holder.close()
                continue
            self._sockets.enter_context(holder)
            return PortRange(first, first + _UDP_BLOCK - 1)
        raise LocalStackError(
            f"No block of UDP ports is free between {_UDP_FIRST} and {_UDP_LAST}: end other stacks, then try again.",
        )

    def close(self) -> None:
        """Give all of them back."""
        self._sockets.close()
