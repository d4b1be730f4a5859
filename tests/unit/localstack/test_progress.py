from __future__ import annotations

import io
from typing import TYPE_CHECKING

from roomkeeper.localstack import progress
from roomkeeper.localstack.progress import Progress

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    stream = io.StringIO()
    task = Progress("etcd v1", stream)
    task.begin("building")
    for now in (10.0, 31.0, 40.0, 65.0):  # noqa: B007 the clock reads it
        task.update("many packages")
    task.end("built")
    assert stream.getvalue().splitlines() == [
        "etcd v1: building",
        "etcd v1: 0m31s, many packages",
        "etcd v1: 1m05s, many packages",
        "etcd v1: built after 1m05s",
    ]


def test_a_terminal_gets_one_line_that_is_rewritten() -> None:
    stream = Terminal()
    task = Progress("etcd v1", stream)
    task.update("1 package")
    task.update("2 packages")
    assert "\n" not in stream.getvalue()
    task.end("built")
    assert stream.getvalue().endswith("\r\x1b[2Ketcd v1: built after 0m00s\n")
