"""When a recording that runs is ended, and when its worker counts as gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.policy import PolicySpec
from roomkeeper.api.recording_status import StopReason
from roomkeeper.domain import policy, recording_status, recording_stop
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.recording_stop import JOIN_SECONDS, UNRESPONSIVE_LOOKS
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import EGRESS

if TYPE_CHECKING:
    from roomkeeper.domain.policy import Policy
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
ACTIVE = HELD.active(600)


def lasting(seconds: int | None) -> Policy:
    """Return a policy with that limit."""
    return policy.from_spec(PolicySpec.model_validate({"recordings": {"maxSeconds": seconds}}))


@pytest.mark.parametrize(
    ("recording", "reason"),
    [
        (HELD, None),
        (ACTIVE, None),
        (HELD.declaring(desiredState="Stopped"), "Requested"),
        (ACTIVE.declaring(desiredState="Stopped"), "Requested"),
        (ACTIVE.deleted(), "Deleted"),
        (ACTIVE.declaring(activeDeadlineSeconds=601), None),
        (ACTIVE.declaring(activeDeadlineSeconds=600), "Deadline"),
        (HELD.starting().declaring(activeDeadlineSeconds=1), None),  # nothing is recorded yet
        # What earlier attempts have recorded counts.
        (HELD.failed().active(600).declaring(activeDeadlineSeconds=901), None),
        (HELD.failed().active(600).declaring(activeDeadlineSeconds=900), "Deadline"),
        (ACTIVE.limited(lasting(600)), "Deadline"),
        (ACTIVE.limited(lasting(601)), None),
        (ACTIVE.limited(lasting(None)), None),
        (ACTIVE.limited(lasting(7200)).declaring(activeDeadlineSeconds=600), "Deadline"),
        (ACTIVE.on(policy=lasting(600)), None),  # the server is of its own namespace
        (ACTIVE.having(empty_seconds=9999), None),  # it ends with the room
        (ACTIVE.declaring(stopWhenEmptySeconds=60).having(empty_seconds=59), None),
        (ACTIVE.declaring(stopWhenEmptySeconds=60).having(empty_seconds=60), "Empty"),
        (ACTIVE.having(missing_looks=UNRESPONSIVE_LOOKS), "Unresponsive"),
        (ACTIVE.unreadable(), None),
        (ACTIVE.unreadable().deleted(), "Deleted"),
    ],
)
def test_why_it_is_ended(recording: RecordingBuilder, reason: str | None) -> None:
    assert recording_stop.why_stop(recording.build()) == reason


@pytest.mark.parametrize("written", ["Requested", "Deadline", "Empty", "Deleted", "Unresponsive"])
def test_what_was_written_once_stays_the_reason(written: str) -> None:
    again = ACTIVE.stopping(written).declaring(activeDeadlineSeconds=1)
    assert recording_stop.why_stop(again.build()) == written
    assert recording_stop.why_stop(ACTIVE.stopping(written).build()) == written


GONE = frozenset({EGRESS})
MISSING = ACTIVE.having(missing_looks=UNRESPONSIVE_LOOKS)
LATE = HELD.starting(seconds_ago=JOIN_SECONDS + 1).having(missing_looks=UNRESPONSIVE_LOOKS)


@pytest.mark.parametrize(
    ("recording", "is_unresponsive"),
    [
        (ACTIVE, False),
        (ACTIVE.having(missing_looks=UNRESPONSIVE_LOOKS - 1), False),
        (MISSING, True),
        (MISSING.of("track"), True),
        (LATE, True),
        (LATE.having(missing_looks=UNRESPONSIVE_LOOKS - 1), False),
        # A browser has to start before its egress joins, however often one looks.
        (HELD.starting(seconds_ago=JOIN_SECONDS - 1).having(missing_looks=12), False),
        # A worker that uploads has left the room.
        (HELD.ending().having(missing_looks=12), False),
        (HELD.ending().having(missing_looks=12, gone=GONE), True),
        # A page has no room to join, although it may live as long as one.
        (MISSING.of("web"), False),
        (LATE.of("web"), False),
        (MISSING.of("web").having(gone=GONE), True),
        (ACTIVE.having(gone=GONE), True),
        (ACTIVE.having(gone=frozenset({"EG_2"})), False),
        (HELD.unanswered().having(missing_looks=12), False),
        (ACTIVE.seeing(EgressState.COMPLETE).having(missing_looks=12), False),
        (HELD, False),
    ],
)
def test_a_worker_that_is_gone_is_noticed(recording: RecordingBuilder, *, is_unresponsive: bool) -> None:
    world = recording.build()
    assert recording_stop.is_unresponsive(world) is is_unresponsive
    reason = recording_stop.why_stop(world)
    assert (reason == "Unresponsive") is is_unresponsive


def test_of_a_spec_that_cannot_be_read_nobody_knows_whether_it_is_a_page() -> None:
    assert not recording_stop.is_unresponsive(MISSING.unreadable().build())


def test_that_a_worker_is_gone_is_said_before_it_is_told_to_end() -> None:
    world = ACTIVE.concluded().having(missing_looks=UNRESPONSIVE_LOOKS).build()
    said = recording_status.stopping(world, StopReason.UNRESPONSIVE)
    shown = {one["type"]: (one["status"], one["reason"]) for one in said["conditions"]}
    assert shown == {"Ready": ("True", "Recording"), "EgressResponsive": ("False", "EgressUnresponsive")}
    before = world.recording.status
    assert {**said, "conditions": before["conditions"]} == {**before, "stopReason": "Unresponsive"}
