"""What the deletion of a Room needs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from roomkeeper.domain.deletion import deletion_policy, grace_left
from roomkeeper.domain.room_plan import plan
from roomkeeper.domain.rooms import DeleteRoom, RemoveFinalizer, ServerState
from tests.unit.domain.builders import CREATED, NAME, NOW, WorldBuilder, a_world

DYING = a_world().held().deleted()
DELETE = (DeleteRoom(NAME),)
LET_GO = (RemoveFinalizer(),)
ORPHAN = (RemoveFinalizer(orphan=NAME),)
WAIT = ()
BEFORE = CREATED - timedelta(days=1)
DOWN, REFUSED = ServerState.UNREACHABLE, ServerState.REFUSED


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (a_world().deleted().live(), WAIT),
        (DYING.live(), DELETE),
        (DYING, LET_GO),
        (DYING.too_early(), DELETE),
        (DYING.live().declaring(deletionPolicy="Retain"), LET_GO),
        (DYING.live(created_at=BEFORE), LET_GO),
        (DYING.live(created_at=BEFORE).declaring(deletionPolicy="Delete"), DELETE),
        (DYING.live().losing_to("team-a", "older"), LET_GO),
        (DYING.without_server(), LET_GO),
        (DYING.called("a|b"), LET_GO),
        (DYING.live().failing(), WAIT),
        (DYING.on_server(DOWN), WAIT),
        (DYING.on_server(REFUSED), WAIT),
        (DYING.on_server(DOWN).declaring(deletionPolicy="Retain"), LET_GO),
        (DYING.on_server(DOWN).declaring(deletionGraceSeconds=0), ORPHAN),
        (DYING.on_server(DOWN).deleted(299), WAIT),
        (DYING.on_server(DOWN).deleted(300), ORPHAN),
        (DYING.on_server(REFUSED).deleted(300), ORPHAN),
        (DYING.live().failing().deleted(300), ORPHAN),
        (DYING.on_server(DOWN).declaring(deletionGraceSeconds=10).deleted(10), ORPHAN),
        (DYING.live().deleted(100_000), DELETE),
    ],
    ids=[
        "not held",
        "live",
        "absent",
        "too early to tell",
        "retained",
        "adopted",
        "adopted, but to be deleted",
        "conflict loser",
        "never had a server",
        "never could be made",
        "failed, in the grace",
        "down, in the grace",
        "refused, in the grace",
        "down, retained",
        "down, without grace",
        "down, a second left",
        "down, grace over",
        "refused, grace over",
        "failed, grace over",
        "down, own grace over",
        "answers after the grace",
    ],
)
def test_deletion(world: WorldBuilder, expected: tuple[object, ...]) -> None:
    assert plan(world.build()) == expected


def test_an_obstacle_does_not_hold_up_a_deletion() -> None:
    assert plan(DYING.live().with_role("a", identities=["b"]).with_role("b").build()) == DELETE


def test_secrets_are_left_to_the_garbage_collector() -> None:
    assert plan(DYING.with_role("host").with_secret("host").with_secret("former").build()) == (
        RemoveFinalizer(buried_until=NOW + timedelta(hours=1)),  # until then a token brings the room back
    )


@pytest.mark.parametrize(
    ("declared", "created_at", "expected"),
    [
        (None, BEFORE, "Retain"),
        (None, CREATED, "Delete"),
        (None, CREATED - timedelta(seconds=5), "Delete"),
        (None, CREATED - timedelta(seconds=6), "Retain"),
        ("Delete", BEFORE, "Delete"),
        ("Retain", CREATED, "Retain"),
    ],
)
def test_an_adopted_room_is_retained_unless_told_otherwise(
    declared: str | None, created_at: object, expected: str
) -> None:
    world = DYING.live(created_at=created_at).declaring(deletionPolicy=declared)
    assert deletion_policy(world.build()).value == expected


def test_grace_is_read_even_from_a_spec_that_is_not_understood() -> None:
    assert grace_left(DYING.declaring(deletionGraceSeconds=60).unreadable().build()) == 59
    assert grace_left(a_world().declaring(deletionGraceSeconds=60).build()) == 60
    assert grace_left(DYING.build()) == 299
