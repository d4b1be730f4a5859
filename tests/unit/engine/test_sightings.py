"""When it is sure that nobody has ever been in a room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roomkeeper.domain.livekit import LiveRoom, RoomConfig
from roomkeeper.engine.sightings import EMPTINESS_MARGIN_SECONDS, Sightings
from tests.unit.engine.clock import HandClock

DEPARTURE_SECONDS = 20
NEEDED = DEPARTURE_SECONDS + EMPTINESS_MARGIN_SECONDS


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sightings(clock: HandClock) -> Sightings:
    return Sightings(clock, created_recently=5.0)


@pytest.fixture
def empty(clock: HandClock) -> LiveRoom:
    return LiveRoom("r", "RM_1", clock.now(), RoomConfig(300, DEPARTURE_SECONDS), "")


def listed(sightings: Sightings, clock: HandClock, *rooms: LiveRoom) -> None:
    sightings.listed(rooms, began=clock.monotonic())


@pytest.mark.parametrize("how", ["listed", "saw", "created"])
def test_a_room_seen_empty_for_longer_than_its_departure_timeout_was_never_joined(
    sightings: Sightings, clock: HandClock, empty: LiveRoom, how: str
) -> None:
    def see() -> None:
        if how == "listed":
            listed(sightings, clock, empty)
        else:
            getattr(sightings, how)("r", empty)

    see()
    clock.advance(NEEDED - 0.1)
    see()
    assert not sightings.surely_nobody_ever_joined("r")
    clock.advance(0.1)
    assert sightings.surely_nobody_ever_joined("r")


def test_of_a_room_that_was_not_seen_nothing_is_sure(sightings: Sightings, clock: HandClock) -> None:
    clock.advance(NEEDED)
    assert not sightings.surely_nobody_ever_joined("r")


@pytest.mark.parametrize("counts", [{"num_participants": 1}, {"num_publishers": 1}])
def test_who_is_counted_has_been_there(
    sightings: Sightings, clock: HandClock, empty: LiveRoom, counts: dict[str, int]
) -> None:
    listed(sightings, clock, empty)
    clock.advance(NEEDED)
    listed(sightings, clock, replace(empty, **counts))
    assert not sightings.surely_nobody_ever_joined("r")
    listed(sightings, clock, empty)
    assert not sightings.surely_nobody_ever_joined("r")


def test_who_came_between_two_lists_has_been_there(
    sightings: Sightings, clock: HandClock, empty: LiveRoom
) -> None:
    listed(sightings, clock, empty)
    clock.advance(NEEDED)
    sightings.somebody_came("r")
    assert not sightings.surely_nobody_ever_joined("r")
    listed(sightings, clock, empty)
    clock.advance(NEEDED - 0.1)
    assert not sightings.surely_nobody_ever_joined("r")


def test_another_session_is_counted_anew(sightings: Sightings, clock: HandClock, empty: LiveRoom) -> None:
    listed(sightings, clock, empty)
    clock.advance(NEEDED)
    listed(sightings, clock, replace(empty, sid="RM_2"))
    assert not sightings.surely_nobody_ever_joined("r")
    clock.advance(NEEDED)
    assert sightings.surely_nobody_ever_joined("r")


@pytest.mark.parametrize("how", ["listed", "saw", "deleted"])
def test_a_room_that_was_away_is_counted_anew(
    sightings: Sightings, clock: HandClock, empty: LiveRoom, how: str
) -> None:
    listed(sightings, clock, empty)
    clock.advance(NEEDED)
    match how:
        case "listed":
            listed(sightings, clock)
        case "saw":
            sightings.saw("r", None)
        case "deleted":
            sightings.deleted("r")
    assert not sightings.surely_nobody_ever_joined("r")
    clock.advance(1)
    listed(sightings, clock, empty)
    assert sightings.get("r") == empty
    assert not sightings.surely_nobody_ever_joined("r")
