from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .find import find
from .parts import PROGRAMS
from .probe import answers_ok
from .processes import Guard, Part

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from .ports import Ports


class LiveKit(Part):
    """A LiveKit server with a key of its own; its configuration is written anew at every start."""

    def __init__(
        self,
        *,
        directory: Path,
        guard: Guard,
        ports: Ports,
        redis_address: str | None,
        webhook_url: str,
        config: Mapping[str, Any],
    ) -> None:
        super().__init__(
            name="livekit", program=find(PROGRAMS["livekit-server"]), directory=directory, guard=guard
        )
        self.api_key = f"API{secrets.token_hex(6)}"
        self.api_secret = secrets.token_urlsafe(36)
        self._port = ports.tcp()
        self._udp = ports.udp_range()
        self._redis_address = redis_address
        self._webhook_url = webhook_url
        self._config = config

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def http_url(self) -> str:
        """What the server API is called at."""
        return f"http://127.0.0.1:{self._port}"

    def restart(self, *, api_key: str | None = None, api_secret: str | None = None) -> None:
        """Stop and start it on the same ports, with other credentials if they are given."""
        self.stop()
        self.api_key = api_key or self.api_key
        self.api_secret = api_secret or self.api_secret
        self.start()

    def arguments(self) -> list[str]:
        """Also writes the configuration, with the present credentials."""
        path = self.directory / "livekit.yaml"
        path.write_text(json.dumps(_merged(self._own_config(), self._config), indent=2))  # JSON is YAML
        path.chmod(0o600)
        return ["--config", str(path)]

    def _own_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "port": self._port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": {
                "tcp_port": 0,  # off: LiveKit can only listen for it on all interfaces
                "port_range_start": self._udp.first,
                "port_range_end": self._udp.last,
                "use_external_ip": False,
                "node_ip": "127.0.0.1",
                # Media stay on loopback too, instead of on whatever interfaces the machine has.
                "enable_loopback_candidate": True,
                "interfaces": {"includes": ["lo"]},
            },
            "keys": {self.api_key: self.api_secret},
            "logging": {"level": "info", "json": True},
        }
        if self._redis_address:
            config["redis"] = {"address": self._redis_address}
        if self._webhook_url:
            config["webhook"] = {"api_key": self.api_key, "urls": [self._webhook_url]}
        return config

    def is_ready(self) -> bool:
        """Whether it answers, which it does once it has registered itself in Redis."""
        return answers_ok(self._port, "/")

    def request_stop(self, process: subprocess.Popen[bytes]) -> None:
        """End it at once: the first signal drains the server while anybody is in a room, the second does not wait."""
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The mappings, key by key; where both have a mapping, that is merged in turn."""
    merged = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], Mapping) and isinstance(over[key], Mapping):
            merged[key] = _merged(base[key], over[key])
    return merged
