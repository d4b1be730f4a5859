"""The web client of the examples: its packages from npm and the built page, each made once and kept in the cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .build import cache_directory
from .node import find_node
from .probe import answers_ok
from .processes import Guard, Part
from .progress import Progress
from .wheels import locked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .ports import Ports

EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "web-client"
_PINS: Final = ("package.json", "package-lock.json", ".npmrc")
_MADE: Final = ("node_modules", "dist")


def find_web_client() -> Path:
    """The folder with the built page and its server; built now if the example has changed (seconds)."""
    target = cache_directory() / f"web-client-{_digest(_sources())}"
    progress = Progress("web client")
    packages = _find_packages(progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock"), progress):
        if not target.exists():
            progress.begin("building")
            _build(packages, target)
            progress.end("built")
    return target


def find_livekit_client() -> Path:
    """LiveKit's own client as one file, which the recording template loads beside itself."""
    packages = _find_packages(Progress("web client"))
    return packages / "livekit-client" / "dist" / "livekit-client.umd.js"


def _find_packages(progress: Progress) -> Path:
    """The folder node_modules as the lock file pins it."""
    target = cache_directory() / f"web-packages-{_digest([EXAMPLE / name for name in _PINS])}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock"), progress):
        if not target.exists():
            progress.begin("installing packages from npm (125 MB)")
            _install(target)
            progress.end("installed")
    return target / "node_modules"


def _install(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="npm-") as temporary:
        folder = Path(temporary, "new")
        folder.mkdir()
        for name in _PINS:
            shutil.copy(EXAMPLE / name, folder)
        find_node().run_npm("ci", "--ignore-scripts", folder=folder)
        folder.replace(target)  # atomic: nobody ever sees half of it


def _build(packages: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="web-") as temporary:
        folder = Path(temporary, "source")
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(*_MADE))
        (folder / "node_modules").symlink_to(packages)
        find_node().run_npm("run", "build", folder=folder)
        (folder / "dist").replace(target)


def _sources() -> list[Path]:
    """Every file of the example but what is made of them."""
    found = (path for path in EXAMPLE.rglob("*") if not set(path.relative_to(EXAMPLE).parts) & set(_MADE))
    return sorted(path for path in found if path.is_file())


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(EXAMPLE)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class WebClient(Part):
    """The example's server on loopback, for a role whose Secret is in a folder."""

    def __init__(
        self,
        *,
        directory: Path,
        guard: Guard,
        ports: Ports,
        secret: Path,
        name: str = "web-client",
        grace_seconds: float = 10,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Take the folder in which the Secret is, as a pod would have it mounted, and further variables of the server."""
        self._dist = find_web_client()
        super().__init__(name=name, program=find_node().program, directory=directory, guard=guard)
        self._secret = secret
        self._grace_seconds = grace_seconds
        self._variables = dict(variables or {})
        self._port = ports.tcp()

    @property
    def url(self) -> str:
        """What people open."""
        return f"http://127.0.0.1:{self._port}/"

    def arguments(self) -> list[str]:
        """The server, without a word about where: that is in the environment, as in a pod."""
        return [str(self._dist / "server" / "main.js")]

    def environment(self) -> Mapping[str, str]:
        """Where it listens, and where its tokens are."""
        return {
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "SECRET_DIR": str(self._secret),
            "LEASE_GRACE_SECONDS": str(self._grace_seconds),
            **self._variables,
        }

    def is_ready(self) -> bool:
        """Whether it answers and can read the Secret."""
        return answers_ok(self._port, "/readyz")
