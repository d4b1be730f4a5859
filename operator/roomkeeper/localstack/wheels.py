"""Packages from PyPI that only the stack needs, pinned with hashes, each set in a folder of its own in the cache."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .progress import Progress


class WheelsError(LocalStackError):
    """pip is missing or failed; the message is why."""


def install(pins: Path, target: Path, progress: Progress) -> None:
    """Install what a file pins into a folder, all of it or nothing. The folder may be there already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent / f"{target.name}.lock", progress):
        if not target.exists():
            _install(pins, target)


def _install(pins: Path, target: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        raise WheelsError(f"this Python has no pip: install it into {sys.prefix}")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="wheels-") as temporary:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        command = [sys.executable, "-m", "pip", "install", *options]
        outcome = subprocess.run(
            [*command, f"--target={temporary}/new", f"--requirement={pins}"],
            check=False,
            capture_output=True,
            text=True,
        )
        if outcome.returncode != 0:
            raise WheelsError(outcome.stderr.strip())
        Path(temporary, "new").replace(target)


@contextlib.contextmanager
def locked(path: Path, progress: Progress) -> Iterator[None]:
    """One at a time on this machine. The kernel lets go of the lock when its holder dies."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.begin("waiting for another process that is building")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
