"""A tenant's own LiveKit answers what it likes about egress: nothing of that shows, nothing grows, and nobody else waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from livekit.protocol import egress as pb

from tests.e2e.recorder import Recorder, recording_requests
from tests.e2e.studios import Tenant, studios
from tests.e2e.support import eventually, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

MARKER = "marker-of-a-hostile-body"
START = "StartRoomCompositeEgress"
MANY = 100


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


@pytest.fixture
def hostile() -> Iterator[Recorder]:
    with recording_requests() as hostile:
        yield hostile


def joined(make: Callable[..., Tenant], hostile: Recorder, stack: LocalStack) -> Tenant:
    """Return a namespace whose LiveKitServer is the hostile one."""
    attacker = make()
    hostile.has(attacker.room_name)
    attacker.offer("own", stack.livekit.url, "key", "a-secret-that-is-made-up", apiURL=hostile.url)
    eventually("it connects", lambda: attacker.server_says("own", "True", "Connected"), within=3)
    return attacker


def test_an_id_that_is_none_is_not_taken(
    make: Callable[..., Tenant], hostile: Recorder, operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker = joined(make, hostile, stack)
    hostile.answers[START] = pb.EgressInfo(egress_id=f"EG_1\n{MARKER}; reboot", error=MARKER)
    hostile.answers["ListEgress"] = pb.ListEgressResponse(items=[hostile.answers[START]])
    attacker.begin("talk", serverRef={"name": "own"}, roomName=attacker.room_name)
    eventually("it was asked", lambda: hostile.was_asked_to_record, within=3)
    settle(stack)
    ready = attacker.recording_condition("talk")
    assert (ready["status"], ready["reason"]) == ("False", "StartUnanswered")
    assert MARKER not in attacker.everything()
    assert MARKER not in operator.output()


def test_results_that_are_too_many_and_too_long_are_cut(
    make: Callable[..., Tenant], hostile: Recorder, operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker = joined(make, hostile, stack)
    large, number = "x" * 9000, 2**63 - 1
    file = pb.FileInfo(filename=large, location=large, size=number, duration=number)
    segments = pb.SegmentsInfo(playlist_name=large, playlist_location=large, segment_count=number)
    hostile.answers[START] = pb.EgressInfo(
        egress_id="EG_1",
        status=pb.EgressStatus.EGRESS_FAILED,
        error=MARKER,
        details=MARKER,
        error_code=2**31 - 1,
        started_at=1,
        ended_at=number,
        file_results=[file] * 3,
        segment_results=[segments] * 3,
    )
    attacker.begin("talk", serverRef={"name": "own"}, roomName=attacker.room_name, backoffLimit=0)
    eventually("it has failed", lambda: attacker.is_("Failed"), within=5)
    assert [result["type"] for result in attacker.status()["results"]] == ["File", "HLS"]
    assert MARKER not in attacker.everything()
    assert MARKER not in operator.output()


def test_a_server_that_never_answers_a_start_makes_nobody_else_wait(
    make: Callable[..., Tenant], hostile: Recorder, operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker, neighbour = joined(make, hostile, stack), make()
    neighbour.share(default=True)
    hostile.hangs[START] = hanging = threading.Event()
    attacker.begin(
        *(f"r{number}" for number in range(MANY)), serverRef={"name": "own"}, roomName=attacker.room_name
    )
    eventually("it was asked", lambda: hostile.was_asked_to_record, within=3)
    neighbour.apply(neighbour.room("standup"))
    eventually("a neighbour's Room is Ready", lambda: neighbour.is_ready("standup"), within=2)
    neighbour.begin("talk")
    eventually("and recorded", lambda: neighbour.is_("Active"), within=2)
    hanging.set()
