from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from .find import find_redis
from .processes import Guard, Part

if TYPE_CHECKING:
    from pathlib import Path

    from .ports import Ports


class Redis(Part):
    """What LiveKit keeps its rooms in, and speaks with its workers through. Nothing outlives the process."""

    def __init__(self, *, directory: Path, guard: Guard, ports: Ports) -> None:
        super().__init__(name="redis", program=find_redis(), directory=directory, guard=guard)
        self.port = ports.tcp()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        """In memory only."""
        return ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]

    def is_ready(self) -> bool:
        """Whether it answers a PING."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
