"""Runs what a page shows in its consoles, as a person types it, and compares what is printed."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.unit.docs.pages import Block

# What is another each time. "…" on a page stands for anything.
DIFFERS = (
    (r"\b(?:RM|EG)_\w+", "<id>"),
    (r"\bAPI[0-9a-f]{12}\b", "<key>"),
    (r"\d{4}-\d\d-\d\dT\d\d:?\d\d:?\d\d(?:\+00:00|Z)?", "<time>"),
    (r"\brk[a-z2-7]{13}\b", "<mark>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
    (r"/tmp/roomkeeper-demo-\w+", "<directory>"),
    (r"\(\d+\.\d s\)|\d+ bytes|(?<=duration=)[\d.]+", "<number>"),
    (r"(?<=  )(?:\d+[smh])+(?= |$)", "<age>"),
    (r"(?<=<age>)( +)\d+(?= +<age>)", r"\1<seconds>"),
)


@dataclass(frozen=True)
class Step:
    """One command and what it is to print."""

    place: str
    command: str
    expected: tuple[str, ...]


def steps(block: Block) -> Iterator[Step]:
    """Yield the commands of a console; "> " at the beginning of a line continues the one before."""
    commands: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            commands.append((number, [line[2:]], []))
        elif line.startswith("> ") and not commands[-1][2]:
            commands[-1][1].append(line[2:])
        else:
            commands[-1][2].append(line)
    for number, typed, printed in commands:
        yield Step(f"{block.page.name}:{number}", "\n".join(typed), tuple(printed))


def differences(expected: tuple[str, ...], printed: list[str]) -> list[tuple[str | None, str | None]]:
    """Return the lines that are not as expected."""
    pairs = zip_longest(expected, printed)
    return [pair for pair in pairs if None in pair or not _is_as(str(pair[0]), str(pair[1]))]


def _is_as(expected: str, printed: str) -> bool:
    pattern = re.escape(same(expected)).replace("…", ".+")
    return re.fullmatch(pattern, same(printed)) is not None


def same(line: str) -> str:
    """Return a line without what is another each time."""
    for pattern, name in DIFFERS:
        line = re.sub(pattern, name, line)
    return re.sub(r" {2,}", "  ", line).rstrip()


class Lines:
    """A process and the lines that it prints, errors among them."""

    def __init__(self, command: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        assert self._process.stdin
        self._process.stdin.close()
        self._reader.join(30)
        assert self._process.stdout
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def type(self, text: str) -> None:
        """Write lines to its input."""
        assert self._process.stdin
        self._process.stdin.write(f"{text}\n")

    def until(self, is_last: Callable[[str], bool], seconds: float) -> list[str]:
        """Return the lines before the one that is the last."""
        end, seen = time.monotonic() + seconds, list[str]()
        while (left := end - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            if is_last(line):
                return seen
            seen.append(line)
        raise AssertionError(f"it never came, after {seen[-20:]}")


class Terminal(Lines):
    """A shell that a person types into."""

    def __init__(self, cwd: Path) -> None:
        super().__init__(["bash", "--norc"], cwd, os.environ)

    def run(self, command: str) -> list[str]:
        """Return what a command prints."""
        end = "the-command-is-over"
        self.type(f"{command}\necho {end}")
        return self.until(lambda line: line == end, 90)
