from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import processes
from roomkeeper.localstack.errors import LocalStackError
from roomkeeper.localstack.processes import Guard, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Script(Part):
    """A part whose program is a line of shell; it is ready when it has written the file `ready`."""

    def __init__(self, script: str, directory: Path, guard: Guard) -> None:
        super().__init__(name="script", program=Path("/bin/sh"), directory=directory, guard=guard)
        self._script = script

    def arguments(self) -> list[str]:
        return ["-c", self._script]

    def is_ready(self) -> bool:
        return (self.directory / "ready").exists()


LASTS = "touch ready; exec sleep 600"


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def script(tmp_path: Path, guard: Guard) -> Iterator[Callable[[str], Script]]:
    made: list[Script] = []

    def make(text: str) -> Script:
        made.append(Script(text, tmp_path, guard))
        return made[-1]

    yield make
    for part in made:
        part.kill()


def test_start_returns_when_the_part_is_ready(script: Callable[[str], Script]) -> None:
    part = script(LASTS)
    assert not part.running
    part.start()
    assert part.running
    part.stop()
    assert not part.running


def test_restart_is_another_process(script: Callable[[str], Script]) -> None:
    part = script(LASTS)
    part.start()
    first = part.pid
    part.restart()
    assert part.running
    assert part.pid != first


def test_a_part_that_dies_shows_the_end_of_its_log(tmp_path: Path, script: Callable[[str], Script]) -> None:
    part = script("for i in $(seq 50); do echo line $i; done; echo port is taken >&2; exit 3")
    with pytest.raises(LocalStackError) as caught:
        part.start()
    message = str(caught.value)
    assert message.startswith(
        f"script ended with 3 while starting. The last lines of {tmp_path / 'script.log'}:"
    )
    assert "port is taken" in message
    assert "line 50" in message
    assert "line 20" not in message
    assert "take it off PATH" in message


def test_a_part_that_never_answers_is_given_up(
    script: Callable[[str], Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_READY_SECONDS", 0.1)
    part = script("exec sleep 600")
    with pytest.raises(LocalStackError, match="did not answer within"):
        part.start()


def test_a_part_that_ignores_the_wish_to_end_is_killed(
    script: Callable[[str], Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_STOP_SECONDS", 0.1)
    part = script('trap "" TERM; touch ready; while :; do sleep 600; done')
    part.start()
    part.stop()
    assert not part.running


def test_it_cannot_run_twice(script: Callable[[str], Script]) -> None:
    part = script(LASTS)
    part.start()
    with pytest.raises(LocalStackError, match="runs already"):
        part.start()


def test_it_outlives_the_thread_that_started_it(script: Callable[[str], Script]) -> None:
    part = script(LASTS)
    thread = threading.Thread(target=part.start)
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        part._process.wait(0.2)  # a parent-death signal would have come at once


def test_the_interrupt_of_a_terminal_does_not_reach_it(guard: Guard, script: Callable[[str], Script]) -> None:
    part = script(LASTS)
    part.start()
    assert os.getpgid(part.pid) == guard.group != os.getpgrp()


def test_closing_the_guard_ends_what_is_left(tmp_path: Path) -> None:
    guard = Guard()
    part = Script(LASTS, tmp_path, guard)
    part.start()
    guard.close()
    assert part._process is not None
    assert part._process.wait(10) == -signal.SIGKILL


HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_processes import LASTS, Script
from roomkeeper.localstack.processes import Guard
part = Script("(sleep 600 & echo $! > grandchild); " + LASTS, Path({directory!r}), Guard())
part.start()
print(part.pid, flush=True)
time.sleep(600)
"""


def test_everything_ends_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = HOLDER.format(tests=str(Path(__file__).parent), directory=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        part = int(holder.stdout.readline())
        grandchild = int((tmp_path / "grandchild").read_text())
        descriptors = [os.pidfd_open(pid) for pid in (part, grandchild)]
        holder.kill()
    for descriptor in descriptors:
        await_end(descriptor)


def await_end(descriptor: int) -> None:
    """A pidfd becomes readable when its process ends, whether or not somebody has collected it."""
    readable, _, _ = select.select([descriptor], [], [], 10)
    os.close(descriptor)
    assert readable
