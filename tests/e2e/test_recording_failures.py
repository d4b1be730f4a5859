"""What becomes of a Recording whose egress is aborted, fails, reaches its limit, or never begins."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from livekit.protocol import room as pb

from tests.e2e.halls import Hall, hall
from tests.e2e.support import eventually, with_livekit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livekit import api

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import FaultKind
    from tests.e2e.manifests.base import JSON
    from tests.e2e.support import OperatorProcess

FAULTS: dict[str, tuple[FaultKind, int, JSON]] = {
    "aborted-once": ("abort", 1, {}),
    "aborted-always": ("abort", 9, {"backoffLimit": 1}),
    "aborted-at-last": ("abort", 1, {"backoffLimit": 0}),
    "limited": ("reach_limit", 1, {}),
    "lost-at-the-end": ("fail_upload", 1, {}),
    "lost-amid": ("fail_upload", 1, {}),
    "lost-when-stopped": ("fail_upload", 1, {}),
    "stuck-and-stopped": ("stay_starting", 1, {}),
    "stuck-and-left": ("stay_starting", 1, {}),
}
"""By Recording: its fault, how many egresses it strikes, and what else is declared."""


@pytest.fixture(scope="module")
def begun(stack: LocalStack, operator: OperatorProcess) -> Iterator[Hall]:
    """All of them are declared at once, and each test waits for its own."""
    with hall(stack) as here:
        here.occupy(*FAULTS)
        for name, (fault, times, _) in FAULTS.items():
            stack.egress_standin.fault(here.room_of(name), fault, times=times, seconds=1)
        here.begin({name: more for name, (_, _, more) in FAULTS.items()})
        yield here


def attempts(status: JSON) -> list[tuple[str, int]]:
    """Return how each attempt ended, with the code of its error."""
    return [(one["state"], one.get("errorCode", 0)) for one in status["attempts"]]


def remove(stack: LocalStack, room: str, identity: str) -> None:
    async def ask(client: api.LiveKitAPI) -> Any:
        who = pb.RoomParticipantIdentity(room=room, identity=identity)
        return await client.room.remove_participant(who)

    asyncio.run(with_livekit(stack, ask))


def test_an_aborted_attempt_is_followed_by_another(begun: Hall) -> None:
    def is_second() -> bool:
        return begun.state("aborted-once") == "Active" and len(begun.status("aborted-once")["attempts"]) == 2

    eventually("the second attempt records", is_second, within=10)
    assert "AttemptFailed" in begun.reasons("aborted-once")
    begun.leave("aborted-once")
    status = begun.becomes("aborted-once", "Complete")
    assert attempts(status) == [("Aborted", 412), ("Complete", 0)]
    [result] = status["results"]
    assert result["attempt"] == 2
    assert begun.files("aborted-once") == [result["filename"]]
    assert "gaps" not in status, "nothing was recorded before"
    begun.never_two(begun.room_of("aborted-once"))


def test_after_backoff_limit_it_is_aborted(begun: Hall) -> None:
    status = begun.becomes("aborted-always", "Aborted", within=10)
    assert attempts(status) == [("Aborted", 412), ("Aborted", 412)]
    for kind, said in (("Ready", "False"), ("Stalled", "True"), ("Failed", "True")):
        assert begun.verdict("aborted-always", kind) == (said, "RecordingAborted")
    assert "412" in begun.recording_condition("aborted-always")["message"]
    assert "results" not in status
    assert begun.files("aborted-always") == []
    begun.never_two(begun.room_of("aborted-always"))
    first, second = begun.asked("aborted-always")
    assert first.ended
    assert second.started
    # Two seconds after the end as status has it, in whole seconds.
    assert second.started >= first.ended.replace(microsecond=0) + timedelta(seconds=2)


def test_without_a_backoff_limit_it_is_aborted_at_once(begun: Hall) -> None:
    status = begun.becomes("aborted-at-last", "Aborted")
    assert attempts(status) == [("Aborted", 412)]
    assert begun.verdict("aborted-at-last") == ("False", "RecordingAborted")


def test_what_reaches_the_limit_of_the_worker_is_kept_and_not_repeated(begun: Hall) -> None:
    status = begun.becomes("limited", "LimitReached")
    assert attempts(status) == [("LimitReached", 413)]
    assert begun.verdict("limited") == ("True", "LimitReached")
    assert begun.verdict("limited", "Complete") == ("True", "LimitReached")
    [result] = status["results"]
    assert begun.files("limited") == [result["filename"]]
    assert result["location"].endswith(result["filename"])
    assert 1 <= status["recordedSeconds"] <= 3


def test_an_upload_that_fails_at_the_end_of_the_room_fails_it(begun: Hall) -> None:
    begun.becomes("lost-at-the-end", "Active")
    begun.leave("lost-at-the-end")
    status = begun.becomes("lost-at-the-end", "Failed")
    assert attempts(status) == [("Failed", 400)]
    for kind, said in (("Ready", "False"), ("Stalled", "True"), ("Failed", "True")):
        assert begun.verdict("lost-at-the-end", kind) == (said, "RecordingFailed")
    assert "400" in begun.recording_condition("lost-at-the-end")["message"]
    assert begun.files("lost-at-the-end") == []
    assert not any(result.get("location") for result in status.get("results", ()))


def test_an_upload_that_fails_while_the_room_lives_is_followed_by_another_attempt(
    begun: Hall, stack: LocalStack
) -> None:
    status = begun.becomes("lost-amid", "Active")
    lost = status["egressID"]
    remove(stack, begun.room_of("lost-amid"), lost)

    def is_second() -> bool:
        now = begun.status("lost-amid")
        return now["state"] == "Active" and now["egressID"] != lost

    eventually("the second attempt records", is_second, within=10)
    begun.leave("lost-amid")
    status = begun.becomes("lost-amid", "Complete")
    assert attempts(status) == [("Failed", 400), ("Complete", 0)]
    assert len(status["gaps"]) == 1
    [kept] = [result for result in status["results"] if result.get("location")]
    assert kept["attempt"] == 2
    assert begun.files("lost-amid") == [kept["filename"]]
    begun.never_two(begun.room_of("lost-amid"))


def test_an_upload_that_fails_when_it_is_stopped_fails_it(begun: Hall) -> None:
    begun.becomes("lost-when-stopped", "Active")
    begun.stop("lost-when-stopped")
    status = begun.becomes("lost-when-stopped", "Failed")
    assert attempts(status) == [("Failed", 400)]
    assert begun.verdict("lost-when-stopped") == ("False", "RecordingFailed")


def test_one_that_never_begins_can_be_stopped(begun: Hall) -> None:
    begun.becomes("stuck-and-stopped", "Starting")
    assert begun.verdict("stuck-and-stopped") == ("True", "RecordingStarting")
    begun.stop("stuck-and-stopped")
    status = begun.becomes("stuck-and-stopped", "Stopped")
    assert attempts(status) == [("Aborted", 412)]
    assert begun.verdict("stuck-and-stopped") == ("True", "Stopped")
    assert begun.files("stuck-and-stopped") == []


def test_one_that_never_begins_is_aborted_when_the_room_closes(begun: Hall) -> None:
    begun.becomes("stuck-and-left", "Starting")
    begun.leave("stuck-and-left")
    status = begun.becomes("stuck-and-left", "Aborted", within=10)
    assert attempts(status) == [("Aborted", 412)]
    assert begun.verdict("stuck-and-left") == ("False", "RecordingAborted")
    assert begun.files("stuck-and-left") == []
