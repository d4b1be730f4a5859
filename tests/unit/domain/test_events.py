"""What people are told of in Events, and what not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from roomkeeper.domain.events import Note, notes
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_status import conclude
from roomkeeper.domain.rooms import ServerState
from tests.unit.domain.builders import CREATED, NAME, SENT, WorldBuilder, a_world, config

HELD = a_world().held()
FINE = HELD.live()
NEW: dict[str, Any] = {"observedGeneration": -1}


def told(before: WorldBuilder | None, after: WorldBuilder) -> list[tuple[str, Reason]]:
    """Return the Events of the step from one world to the next; None: the Room is new."""
    status = NEW if before is None else conclude(before.build()).status
    return [(note.type, note.reason) for note in _notes(status, after)]


def _notes(status: dict[str, Any], after: WorldBuilder) -> list[Note]:
    world = after.with_status(**status).build()
    return list(notes(before=status, world=world, after=conclude(world).status))


DOWN = HELD.on_server(ServerState.UNREACHABLE)
REFUSED = HELD.on_server(ServerState.REFUSED)
ADOPTED = HELD.live(created_at=CREATED - timedelta(days=1))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, FINE, []),
        (FINE, FINE, []),
        (None, HELD.too_early(), []),
        (HELD, FINE, []),
        (FINE, HELD.too_early(), []),
        (None, DOWN, [("Warning", Reason.SERVER_UNREACHABLE)]),
        (FINE, DOWN, [("Warning", Reason.SERVER_UNREACHABLE)]),
        (DOWN, DOWN, []),
        (DOWN, REFUSED, [("Warning", Reason.INVALID_CREDENTIALS)]),
        (DOWN, FINE, [("Normal", Reason.AVAILABLE)]),
        (FINE.called("other"), FINE, [("Normal", Reason.AVAILABLE)]),
        (FINE, FINE.live(sid="RM_2"), [("Normal", Reason.ROOM_RECREATED)]),
        (None, ADOPTED, [("Normal", Reason.ROOM_ADOPTED)]),
        (ADOPTED, ADOPTED, []),
        (FINE, FINE.deleted().on_server(ServerState.UNREACHABLE), [("Warning", Reason.SERVER_UNREACHABLE)]),
        (FINE, a_world().deleted().orphaning(), [("Warning", Reason.ORPHANED_ROOM)]),
    ],
    ids=[
        "first success",
        "nothing new",
        "first wait",
        "after the first wait",
        "a wait in between",
        "first failure",
        "failure",
        "the same failure",
        "another failure",
        "recovery",
        "mended",
        "re-created",
        "adopted",
        "adopted before",
        "a deletion that waits",
        "an orphan",
    ],
)
def test_events(before: WorldBuilder | None, after: WorldBuilder, expected: list[tuple[str, Reason]]) -> None:
    assert told(before, after) == expected


ON_DEMAND = HELD.declaring(lifecycle="OnDemand")
ONCE = HELD.declaring(lifecycle="Once")
CONTESTED = FINE.overwritten(3)
WITHOUT_LIMIT = FINE.with_status(sid="RM_1", createdWith={**SENT, "maxParticipants": 5})
NOT_HONOURED = WITHOUT_LIMIT.declaring(maxParticipants=5).live(config=config())


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ON_DEMAND.live(), ON_DEMAND, []),
        (ON_DEMAND, ON_DEMAND.live(), []),
        (ON_DEMAND.live(), ON_DEMAND.live(sid="RM_2"), []),
        (ONCE.live(), ONCE, [("Normal", Reason.FINISHED)]),
        (ONCE.with_status(sid="RM_1"), ONCE.with_status(sid="RM_1"), []),
        (None, HELD.suspended(), []),
        (HELD.suspended(), FINE, []),
        (FINE, FINE.suspended(), []),
        (FINE, CONTESTED, [("Warning", Reason.METADATA_CONTESTED)]),
        (CONTESTED, CONTESTED, []),
        (CONTESTED, FINE, []),
        (FINE, FINE.called("other"), [("Warning", Reason.POLICY_VIOLATION)]),
        (FINE, FINE.having(removed=frozenset({"mallory"})), [("Normal", Reason.PARTICIPANTS_REMOVED)]),
    ],
    ids=[
        "a room on demand ends",
        "a room on demand is born",
        "a room on demand is born again",
        "finished",
        "finished before",
        "suspended from the start",
        "resumed",
        "suspended",
        "contested",
        "still contested",
        "contested no more",
        "refused by policy",
        "somebody removed",
    ],
)
def test_events_of_what_changes_by_itself(
    before: WorldBuilder | None, after: WorldBuilder, expected: list[tuple[str, Reason]]
) -> None:
    assert told(before, after) == expected


def test_a_room_that_is_not_as_it_was_created_is_told_of_once() -> None:
    world = NOT_HONOURED.build()
    after = conclude(world).status
    [note] = notes(before={**world.room.status}, world=world, after=after)
    assert (note.type, note.reason) == ("Warning", Reason.NOT_HONOURED)
    assert list(notes(before=after, world=world, after=after)) == []


def test_those_who_were_removed_are_told_of_together() -> None:
    [note] = _notes(conclude(FINE.build()).status, FINE.having(removed=frozenset({"mallory", "eve"})))
    assert note.message == "put out of the room: 'eve', 'mallory'"
    many = frozenset(f"{number}" * 256 for number in range(9))
    [note] = _notes(conclude(FINE.build()).status, FINE.having(removed=many))
    assert note.message.endswith("and 4 more")
    assert len(note.message) < 1024


def test_a_recovery_says_from_what() -> None:
    [note] = _notes(conclude(DOWN.build()).status, FINE)
    assert note.message == f"recovered from ServerUnreachable: room {NAME!r} is live"


def test_an_orphan_comes_with_the_command() -> None:
    [note] = _notes(NEW, a_world().deleted().orphaning())
    assert note.message.endswith(f"lk room delete '{NAME}'")


def test_a_recreation_names_the_new_session() -> None:
    [note] = _notes(conclude(FINE.build()).status, FINE.live(sid="RM_2"))
    assert "RM_2" in note.message
