from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import LocalStackError
from .find import find
from .parts import MODULES, PROGRAMS
from .probe import answers_ok
from .processes import Guard, Part
from .web_client import find_livekit_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .livekit import LiveKit
    from .ports import Ports
    from .redis import Redis

PACKAGES: Final = MODULES / "egress" / "debian.txt"
"""The Debian packages that Egress is built from and runs with, one a line."""
TEMPLATE: Final = Path(__file__).parents[3] / "examples" / "recording-template" / "index.html"
_FILES: Final = Path("/home/egress/tmp")
"""Where this version of Egress writes what it then uploads; it cannot be told another place."""
_LONGEST: Final = 40
"""Characters of a stack's directory; a Unix socket's path holds 107, and those of Chromium are deep."""
# It needs nearly nothing of what it reckons with: two cores are too few for it otherwise, and it refuses.
_COST: Final = 0.1


def missing() -> str:
    """What this machine lacks to build and run Egress, as one sentence that says what to do; "" when nothing."""
    if shutil.which("dpkg-query") is None:
        return f"The real Egress needs Debian 12, with the packages of {PACKAGES}"
    lacking = [name for name in PACKAGES.read_text().split() if not _installed(name)]
    if lacking:
        return f"The real Egress needs packages: apt-get install --no-install-recommends {' '.join(lacking)}"
    if not _writable(_FILES):
        return f"The real Egress writes to {_FILES}: have somebody run install -d -o $USER {_FILES}"
    return ""


def _installed(package: str) -> bool:
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout == "installed"


def _writable(folder: Path) -> bool:
    """Whether we can write there, or make it."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK)


class PulseAudio(Part):
    """The sound server that web pages play into: of this stack alone, on a socket in its directory."""

    def __init__(self, *, directory: Path, guard: Guard) -> None:
        lacking = missing()
        if lacking:
            raise LocalStackError(lacking)
        super().__init__(name="pulseaudio", program=_which("pulseaudio"), directory=directory, guard=guard)
        self.socket = directory / "pulse.sock"

    @property
    def server(self) -> str:
        """The address for PULSE_SERVER."""
        return f"unix:{self.socket}"

    def arguments(self) -> list[str]:
        """Nothing but the socket: Egress makes a sink for each page."""
        self.socket.unlink(missing_ok=True)
        protocol = f"module-native-protocol-unix socket={self.socket} auth-anonymous=1"
        options = ["--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disallow-exit"]
        return [*options, "-n", f"--load={protocol}"]

    def environment(self) -> Mapping[str, str]:
        """Whatever it keeps is in the stack's directory."""
        return {name: str(self.directory) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")}

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
        return True


class Egress(Part):
    """LiveKit's Egress itself, with real Chromium, and our recording template for room composites."""

    def __init__(
        self,
        *,
        directory: Path,
        guard: Guard,
        ports: Ports,
        redis: Redis,
        livekit: LiveKit,
        pulseaudio: PulseAudio,
    ) -> None:
        if len(str(directory)) > _LONGEST:
            raise LocalStackError(
                f"{directory} is too long for the sockets of Egress: use one of up to {_LONGEST} characters."
            )
        super().__init__(name="egress", program=find(PROGRAMS["egress"]), directory=directory, guard=guard)
        self._redis = redis
        self._livekit = livekit
        self._pulseaudio = pulseaudio
        self._livekit_client = find_livekit_client()
        self._port = ports.tcp()

    @property
    def template_url(self) -> str:
        """Where the recording template is served; also good as a customBaseURL."""
        return f"http://127.0.0.1:{self._port}/"

    def arguments(self) -> list[str]:
        """Also writes the configuration, with LiveKit's present credentials."""
        kinds = (
            "room_composite",
            "audio_room_composite",
            "web",
            "audio_web",
            "participant",
            "track_composite",
            "track",
        )
        config = {
            "redis": {"address": self._redis.address},
            "ws_url": self._livekit.url,
            "api_key": self._livekit.api_key,
            "api_secret": self._livekit.api_secret,
            "insecure": True,
            "template_base": self.template_url,
            "template_port": 0,
            "logging": {"level": "info", "json": True},
            "cpu_cost": {"max_cpu_utilization": 1.0, **{f"{kind}_cpu_cost": _COST for kind in kinds}},
        }
        path = self.directory / "egress.yaml"
        path.write_text(json.dumps(config, indent=2))  # JSON is YAML
        path.chmod(0o600)
        return [
            f"--config={path}",
            f"--listen=127.0.0.1:{self._port}",
            f"--pages={TEMPLATE},{self._livekit_client}",
        ]

    def environment(self) -> Mapping[str, str]:
        """It starts itself again by its name, and all else by theirs."""
        programs = self.directory / "egress-bin"
        temporary = self.directory / "tmp"
        for folder in (programs, temporary):
            folder.mkdir(exist_ok=True)
        _write_xvfb(programs / "Xvfb")
        return {
            "PATH": os.pathsep.join([str(programs), str(self.program.parent), os.environ["PATH"]]),
            "PULSE_SERVER": self._pulseaudio.server,
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
        }

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return answers_ok(self._port, "/health")

    def request_stop(self, process: subprocess.Popen[bytes]) -> None:
        """Have it end what it records, instead of waiting until that ends."""
        process.send_signal(signal.SIGINT)


def _write_xvfb(path: Path) -> None:
    """Put something before Xvfb that has it end with whoever started it; Chromium does that by itself."""
    path.write_text(f'#!/bin/sh\nexec setpriv --pdeathsig KILL {_which("Xvfb")} "$@"\n')
    path.chmod(0o755)


def _which(program: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise LocalStackError(f"There is no {program} on PATH. {missing()}")
    return Path(found)
