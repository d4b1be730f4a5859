"""What comes of a start that LiveKit does not answer as it should: one egress, found again; or none, and then one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from tests.e2e.halls import Hall, hall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import FaultKind
    from tests.e2e.support import OperatorProcess

START_SECONDS = 45  # for which a start is waited for
LOST: dict[FaultKind, float] = {
    "answer_failed": 2,
    "answer_unavailable": 25,  # LiveKit asks again and again, for 18 to 27 s
    "answer_late": START_SECONDS + 2,
    "answer_lost": START_SECONDS + 2,
}
"""By fault, the seconds until the search that finds what was started."""
FAULTS: tuple[FaultKind, ...] = (*LOST, "busy", "refuse")


def name_of(fault: FaultKind) -> str:
    return fault.replace("_", "-")


@pytest.fixture(scope="module")
def begun(stack: LocalStack, operator: OperatorProcess) -> Iterator[Hall]:
    """All of them are declared at once, and each test waits for its own."""
    with hall(stack) as here:
        names = [name_of(fault) for fault in FAULTS]
        here.occupy(*names)
        for fault in FAULTS:
            stack.egress_standin.fault(here.room_of(name_of(fault)), fault, seconds=START_SECONDS + 10)
        here.begin({name: {} for name in names})
        yield here


def check_its_end(begun: Hall, name: str) -> None:
    """Let the room close: there is one file, of the one egress that ever ran."""
    begun.leave(name)
    status = begun.becomes(name, "Complete")
    [egress] = begun.egresses(begun.room_of(name))
    [attempt] = status["attempts"]
    assert (attempt["egressID"], attempt["number"]) == (egress.id, 1)
    assert len(begun.files(name)) == 1


@pytest.mark.parametrize("fault", LOST)
def test_one_that_worked_without_an_answer_is_found_and_goes_on(begun: Hall, fault: FaultKind) -> None:
    name = name_of(fault)
    status = begun.becomes(name, "Active", within=LOST[fault])
    [egress] = begun.egresses(begun.room_of(name))
    assert (egress.fault, egress.running) == (fault, True)
    assert status["egressID"] == egress.id
    assert [attempt["egressID"] for attempt in status["attempts"]] == [egress.id]
    assert begun.reasons(name).count("EgressAdopted") == 1
    assert begun.verdict(name) == ("True", "Recording")
    assert len(begun.asked(name)) == 1
    check_its_end(begun, name)


def test_one_for_which_no_worker_is_free_is_made_later_and_once(begun: Hall) -> None:
    status = begun.becomes("busy", "Active", within=AMBIGUOUS_SECONDS + 5)
    refused, taken = begun.asked("busy")
    assert (refused.fault, refused.started) == ("busy", None)
    assert status["egressID"] == taken.id
    assert "EgressAdopted" not in begun.reasons("busy")
    check_its_end(begun, "busy")


def test_one_that_is_refused_fails_at_once_and_is_not_repeated(begun: Hall) -> None:
    status = begun.becomes("refuse", "Failed")
    assert begun.verdict("refuse") == ("False", "EgressRejected")
    assert begun.verdict("refuse", "Failed") == ("True", "EgressRejected")
    assert begun.verdict("refuse", "Stalled") == ("True", "EgressRejected")
    [attempt] = status["attempts"]
    assert (attempt["state"], attempt["error"]) == ("Failed", "Rejected")
    assert "egressID" not in attempt
    assert begun.age_at("refuse", attempt["endedAt"]) < 5
    assert [one.fault for one in begun.asked("refuse")] == ["refuse"]
    assert begun.files("refuse") == []
