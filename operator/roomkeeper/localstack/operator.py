"""The operator as a part of the stack."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import Guard, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .stack import LocalStack


class Operator(Part):
    """`roomkeeper run` on the stack."""

    def __init__(self, stack: LocalStack, guard: Guard) -> None:
        super().__init__(
            name="operator", program=Path(sys.executable), directory=stack.directory, guard=guard
        )
        self._stack = stack

    def arguments(self) -> list[str]:
        """All namespaces, loopback only."""
        port = str(self._stack.operator_port)
        listening = ["--http-host=127.0.0.1", f"--http-port={port}"]
        return ["-m", "roomkeeper", "run", "-A", *listening, "--leader-elect=false"]

    def environment(self) -> Mapping[str, str]:
        """The cluster, and the LiveKit server."""
        livekit = self._stack.livekit
        return {
            "KUBECONFIG": str(self._stack.operator_kubeconfig),
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
        }

    def is_ready(self) -> bool:
        """Whether its caches are filled."""
        url = f"http://127.0.0.1:{self._stack.operator_port}/readyz"
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
