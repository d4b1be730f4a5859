"""`roomkeeper dev`: a folder of manifests at work without a cluster, and what becomes of an edit."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import http_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROOM = """\
apiVersion: roomkeeper.dev/v1alpha1
kind: Room
metadata: {name: standup, namespace: team-a}
spec:
  roles: [{name: host}]
"""


class Dev:
    """The command as it runs, and the lines that it prints."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "roomkeeper", "dev", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.seen: list[str] = []

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line.rstrip())

    def until(self, is_it: Callable[[str], bool], seconds: float = 60) -> str:
        """Return the next line that is it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            self.seen.append(line)
            if is_it(line):
                return line
        raise AssertionError(f"it never came, after {self.seen[-20:]}")

    def stop(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    (tmp_path / "room.yaml").write_text(ROOM)
    running = Dev(tmp_path)
    yield running
    running.kill()


def test_what_is_saved_is_applied_and_what_is_removed_is_deleted(dev: Dev, tmp_path: Path) -> None:
    room = tmp_path / "room.yaml"
    endpoint = dev.until(lambda line: "export S3_ENDPOINT=" in line).partition("=")[2]
    assert http_status(f"{endpoint}/recordings") == 200
    dev.until(lambda line: line == "room.roomkeeper.dev/standup created")
    dev.until(
        lambda line: line.split()[:4] == ["team-a", "room.roomkeeper.dev/standup", "team-a_standup", "True"]
    )

    room.write_text(ROOM.replace("roles", "role"))
    told = dev.until(lambda line: "error" in line)
    assert 'unknown field "spec.role" (did you mean "roles"?)' in told

    room.write_text(ROOM + "  maxParticipants: 7\n")
    dev.until(lambda line: line == "room.roomkeeper.dev/standup configured")

    room.unlink()
    dev.until(lambda line: line.startswith('room.roomkeeper.dev "standup" deleted'))
    assert dev.stop() == 0
    dev.until(lambda line: line == "stopped")
