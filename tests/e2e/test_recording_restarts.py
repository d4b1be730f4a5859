"""The operator is killed, or ended, amid recordings: they go on, and what ended meanwhile is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looks import requests, resyncs
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

RECORDINGS = 20
ENDED_MEANWHILE = 5
ROOMS = [f"room-{number}" for number in range(RECORDINGS)]
SERVERS = 2  # the namespace's own, and that of the operator's environment


@pytest.fixture
def keeper(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, running."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


def test_twenty_recordings_go_on_without_the_operator_and_are_kept_when_they_end(
    stack: LocalStack, keeper: OperatorProcess
) -> None:
    with meetings(stack) as here:
        here.hold(*ROOMS)
        here.record_all(*ROOMS)
        here.join(*ROOMS)
        eventually("all are being recorded", lambda: here.states() == {"Active": RECORDINGS}, within=10)
        begun = here.running(*ROOMS)
        assert {len(ids) for ids in begun.values()} == {1}
        eventually("everybody is counted", lambda: here.counted() == RECORDINGS, within=25)
        shown = here.statuses()
        assert {name: [shown[name]["egressID"]] for name in ROOMS} == begun

        killed_amid_them(stack, keeper, here)
        assert here.running(*ROOMS) == begun
        assert here.statuses() == shown

        over, going_on = ROOMS[:ENDED_MEANWHILE], ROOMS[ENDED_MEANWHILE:]
        ended_while_some_end(stack, keeper, here, over)
        assert here.running(*going_on) == {name: begun[name] for name in going_on}
        after = here.statuses()
        assert {name: after[name] for name in going_on} == {name: shown[name] for name in going_on}

        here.leave(*going_on)
        eventually("all are complete", lambda: here.states() == {"Complete": RECORDINGS}, within=10)
        assert {name: [one.id for one in here.ran(name)] for name in ROOMS} == begun
        for name, status in here.statuses().items():
            kept_its_result(here, name, status, begun[name][0])


def killed_amid_them(stack: LocalStack, keeper: OperatorProcess, here: Meetings) -> None:
    """Kill the operator, start it, and let it look around."""
    keeper.kill()
    mark = stack.audit.mark()
    keeper.start()
    resyncs(stack, number=2, servers=SERVERS)
    asked, written = requests(stack), here.written(mark)
    print(f"killed and started amid {RECORDINGS} recordings: {dict(asked)} to LiveKit, writes: {written}")
    assert asked["StartEgress"] == asked["StopEgress"] == 0
    assert written == []


def ended_while_some_end(stack: LocalStack, keeper: OperatorProcess, here: Meetings, over: list[str]) -> None:
    """End the operator as Kubernetes does, and start it when some of the meetings are over."""
    keeper.stop()
    here.leave(*over)
    nothing: dict[str, list[str]] = {name: [] for name in over}
    eventually(f"{len(over)} egresses have ended", lambda: here.running(*over) == nothing, within=5)
    mark = stack.audit.mark()
    keeper.start()
    counts = {"Complete": len(over), "Active": RECORDINGS - len(over)}
    eventually("what ended meanwhile is complete", lambda: here.states() == counts, within=5)
    resyncs(stack, number=2, servers=SERVERS)
    asked = requests(stack)
    written = here.written(mark)
    print(f"{len(over)} ended meanwhile: {dict(asked)} to LiveKit, writes: {sorted(written)}")
    assert asked["StartEgress"] == asked["StopEgress"] == 0
    assert {name for _, resource, name in written if resource.startswith("recordings")} == set(over)


def kept_its_result(here: Meetings, name: str, status: dict[str, object], egress_id: str) -> None:
    """Fail unless the one attempt is that egress, and its media are where status says."""
    [attempt], [result] = status["attempts"], status["results"]  # type: ignore[misc]
    assert (attempt["egressID"], attempt["state"]) == (egress_id, "Complete")
    assert result["attempt"] == attempt["number"]
    assert [result["filename"]] == here.objects(f"{name}-")
