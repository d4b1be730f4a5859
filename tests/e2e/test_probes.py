"""What /healthz and /readyz say of an operator that stands still, and of one whose servers do."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib import error, request

import pytest

from tests.e2e.stuck import SILENT_BEATS, STILL_LOOKS, UNTAKEN_BEATS
from tests.e2e.support import OperatorProcess, eventually, http_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster

STUCK = Path(__file__).parent / "stuck.py"
LONGEST_CALL_SECONDS = 15
ROOMS = 12  # fewer than LiveKit is asked at a time: none waits for its turn, which would take as long as a call again


@pytest.fixture
def start(stack: LocalStack, tmp_path: Path) -> Iterator[Callable[[str], OperatorProcess]]:
    """Start an operator that stands still somewhere; it does not end by itself then."""
    started: list[OperatorProcess] = []

    def begin(where: str) -> OperatorProcess:
        command = [sys.executable, str(STUCK), where]
        started.append(OperatorProcess(stack, tmp_path / "operator.log", command=command))
        return started[0].start()

    yield begin
    started[0].kill()


def asked(stack: LocalStack, path: str = "healthz") -> tuple[int, str]:
    """Return how a probe is answered within a second, as the kubelet waits for it."""
    try:
        with request.urlopen(f"http://127.0.0.1:{stack.operator_port}/{path}", timeout=1) as answer:
            return answer.status, answer.read().decode()
    except error.HTTPError as answered:
        with answered:
            return answered.code, answered.read().decode()
    except (OSError, error.URLError):
        return 0, ""


def test_a_reconcile_that_never_ends_is_told_by_name(
    start: Callable[[str], OperatorProcess], cluster: Cluster, stack: LocalStack
) -> None:
    start("reconcile")
    cluster.apply(cluster.room("stuck"), cluster.room("other"))
    eventually("other Rooms are done", lambda: cluster.is_ready("other"), within=2)
    assert asked(stack) == (200, "ok\n")
    eventually("it is not healthy", lambda: asked(stack)[0] == 503, within=SILENT_BEATS + 5)
    said = f"a reconcile of Room {cluster.namespace}/stuck waits for an answer beyond every time limit\n"
    assert asked(stack) == (503, said)


def test_keys_that_nobody_takes_are_told(
    start: Callable[[str], OperatorProcess], cluster: Cluster, stack: LocalStack
) -> None:
    operator = start("queue")
    cluster.apply(cluster.room("stuck"))
    eventually("the first Room is done", lambda: cluster.is_ready("stuck"), within=2)
    cluster.apply(cluster.room("other"))
    eventually("it is not healthy", lambda: asked(stack)[0] == 503, within=UNTAKEN_BEATS + 8)
    assert " keys wait, workers are free, and none was taken for " in asked(stack)[1]
    assert "not healthy: " in operator.output()


def test_a_blocked_loop_answers_nothing_and_the_log_says_where(
    start: Callable[[str], OperatorProcess], cluster: Cluster, stack: LocalStack
) -> None:
    operator = start("loop")
    assert asked(stack) == (200, "ok\n")
    cluster.apply(cluster.room("stuck"))
    eventually("it answers no more", lambda: asked(stack) == (0, ""), within=2)
    eventually(
        "the log says where",
        lambda: "the event loop stands still in" in operator.output(),
        within=STILL_LOOKS + 3,
    )
    assert 'stuck.py", line' in operator.output()
    assert "threading.Event().wait()" in operator.output()


def test_it_is_healthy_while_livekit_hangs_and_the_api_server_is_away(
    start: Callable[[str], OperatorProcess], cluster: Cluster, stack: LocalStack
) -> None:
    start("nowhere")
    cluster.apply(*(cluster.room(f"r{number}", metadata={"topic": "a"}) for number in range(ROOMS)))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=10)
    os.kill(stack.livekit.pid, signal.SIGSTOP)
    try:
        cluster.apply(*(cluster.room(f"r{number}", metadata={"topic": "b"}) for number in range(ROOMS)))
        answers = set()
        until = time.monotonic() + LONGEST_CALL_SECONDS + UNTAKEN_BEATS + 4
        while time.monotonic() < until:
            answers.add(asked(stack))
            time.sleep(0.5)
    finally:
        os.kill(stack.livekit.pid, signal.SIGCONT)
    assert answers == {(200, "ok\n")}
    stack.apiserver.stop()
    try:
        for _ in range(10):
            assert asked(stack) == (200, "ok\n")
            time.sleep(0.5)
        assert http_status(f"http://127.0.0.1:{stack.operator_port}/readyz") == 200
    finally:
        stack.apiserver.start()
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=20)
