"""What a Recording makes of its Room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.domain import recording_room
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason
from tests.unit.domain.builders import a_world
from tests.unit.domain.recording_builders import a_recording

if TYPE_CHECKING:
    from roomkeeper.domain.objects import CustomObject
    from tests.unit.domain.builders import WorldBuilder
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_world().held()


def a_room(status: str = "True", reason: str = "Available", **fields: Any) -> CustomObject:
    condition = {"type": "RoomAvailable", "status": status, "reason": reason, "message": "told by the test"}
    shown = {"roomName": "team-a_standup", "conditions": [condition], **fields}
    return HELD.with_status(**shown).build().room


NOT_THERE = Finding(Reason.ROOM_NOT_FOUND, "Room 'standup' is not in this namespace")
NOT_YET = Finding(Reason.ROOM_NOT_AVAILABLE, "Room 'standup' has no room on LiveKit yet")
FINISHED = Finding(Reason.ROOM_NOT_AVAILABLE, "Room 'standup' has no room on LiveKit: Finished")
IN_CONFLICT = Finding(Reason.ROOM_NOT_AVAILABLE, "Room 'standup' has no room on LiveKit: RoomConflict")


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (None, NOT_THERE),
        (a_room(), None),
        (a_room(conditions=[]), NOT_YET),
        (a_room(roomName=""), NOT_YET),
        (HELD.build().room, NOT_YET),
        # It comes back by itself.
        (a_room("False", "WaitingForLiveKit"), None),
        (a_room("False", "ServerUnreachable"), None),
        (a_room("False", "InvalidCredentials"), None),
        (a_room("False", "Suspended"), None),
        # It does not.
        (a_room("False", "Finished"), FINISHED),
        (a_room("False", "RoomConflict", roomName=""), IN_CONFLICT),
    ],
)
def test_a_room_that_does_not_come_by_itself_is_named(
    room: CustomObject | None, expected: Finding | None
) -> None:
    for recording in (a_recording(), a_recording().armed(), a_recording().held().failed()):
        assert recording_room.trouble(recording.build().recording, room) == expected


@pytest.mark.parametrize(
    "recording",
    [
        a_recording().held().active(),  # what runs goes on
        a_recording().held().unanswered(),
        a_recording().undeclaring("roomRef").declaring(roomName="lobby"),
        a_recording().of_a_page(),
    ],
)
def test_a_recording_that_runs_or_refers_to_no_room_has_no_trouble_with_it(
    recording: RecordingBuilder,
) -> None:
    assert recording_room.trouble(recording.build().recording, None) is None


@pytest.mark.parametrize(
    ("world", "is_so"),
    [
        (HELD.live(), False),
        (HELD.live(num_participants=7), False),
        (HELD.live().edited(), False),
        (HELD.live(sid="RM_2"), True),
        (HELD, True),
        (HELD.without_server(), True),
        (HELD.live().called("team-a_other"), True),
    ],
)
def test_recordings_are_woken_by_what_they_look_at(world: WorldBuilder, *, is_so: bool) -> None:
    before = HELD.live().concluded().status
    after = world.concluded().status
    assert recording_room.concerns_recordings(before, after) is is_so
    assert recording_room.concerns_recordings({}, after)


def test_the_rooms_own_status_is_what_is_read() -> None:
    """The condition and the name are those that a Room really shows."""
    room = HELD.live().build().room
    shown = replace(room, status=dict(HELD.live().concluded().status))
    assert recording_room.trouble(a_recording().build().recording, shown) is None
