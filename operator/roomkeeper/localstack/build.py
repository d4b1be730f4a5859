"""Builds programs from pinned Go modules into a cache, once per version and machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import LocalStackError, last_lines
from .go import find_go, go_environment
from .parts import MODULES
from .progress import Progress
from .wheels import locked

if TYPE_CHECKING:
    from .parts import Program


def cache_directory() -> Path:
    """$ROOMKEEPER_CACHE, else roomkeeper under $XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("ROOMKEEPER_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "roomkeeper"


def cached(program: Program) -> Path | None:
    """The program as an earlier build left it."""
    path = _cache_path(program)
    return path if path.exists() else None


def _cache_path(program: Program) -> Path:
    """By version, and by the pins, flags, tags and sources it is built from: a changed pin is another file."""
    module = MODULES / program.module
    digest = hashlib.sha256(f"{program.package}\n{program.ldflags}\n{program.tags}".encode())
    for path in (module / "go.mod", module / "go.sum", *sorted(module.glob("*.go"))):
        digest.update(path.read_bytes())
    folder = f"{program.name}-{program.version}-{digest.hexdigest()[:12]}"
    return cache_directory() / "bin" / folder / program.name


def build(program: Program) -> Path:
    """Build the program into the cache and return it. Takes minutes the first time; says so while it does."""
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    progress = Progress(f"{program.name} {program.version}")
    with locked(cache / "build.lock", progress):
        found = cached(program)  # another process may have built it while this one waited
        if found is not None:
            return found
        return _build(program, cache, progress)


def _build(program: Program, cache: Path, progress: Progress) -> Path:
    go = find_go(cache)
    log = cache / f"build-{program.name}.log"
    target = _cache_path(program)
    target.parent.mkdir(parents=True, exist_ok=True)
    progress.begin(f"building, once; about {program.build_minutes} min on two cores")
    with tempfile.TemporaryDirectory(dir=cache, prefix="build-") as temporary:
        output = Path(temporary) / program.name
        stamp = f"-s -w {program.ldflags}".strip()
        flags = ["-buildvcs=false", "-v", "-ldflags", stamp, "-tags", program.tags, "-o", str(output)]
        status = _run_with_progress(
            [str(go), "build", *flags, program.package],
            cwd=MODULES / program.module,
            log=log,
            progress=progress,
        )
        if status != 0:
            progress.end("failed")
            raise LocalStackError(_failure(program, log, status))
        output.replace(target)  # atomic: nobody ever sees half a program
    progress.end("built")
    return target


def _run_with_progress(command: list[str], *, cwd: Path, log: Path, progress: Progress) -> int:
    """Run a Go build, whose -v prints one line for each package that it compiles."""
    packages = 0
    with (
        log.open("w") as file,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=go_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                file.write(line)
                packages += not line.startswith("go: ")
                progress.update(f"{packages} packages compiled")
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def _failure(program: Program, log: Path, status: int) -> str:
    return (
        f"Building {program.name} {program.version} failed (go ended with {status}). The last lines of {log}:\n"
        f"{last_lines(log)}\n"
        "A build needs the Go module proxy (GOPROXY), about 4 GB of memory and 5 GB of disk. "
        f"Try again when that is given, or put a {program.name} on PATH."
    )
