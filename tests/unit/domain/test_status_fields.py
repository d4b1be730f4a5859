"""What of a Room status shows beside its conditions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from roomkeeper.domain.room_status import conclude
from tests.unit.domain.builders import NAME, NOW, WorldBuilder, a_world, config

HELD = a_world().held()
FINE = HELD.with_role("host").live().with_secret("host")


def condition(status: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((found for found in status.get("conditions", ()) if found["type"] == kind), None)


def test_everything_that_is_seen_is_shown() -> None:
    status = conclude(FINE.live(active_recording=True).with_people(3, 1).edited().build()).status
    assert {name: value for name, value in status.items() if name not in ("conditions", "tokens")} == {
        "observedGeneration": 2,
        "roomName": NAME,
        "url": "wss://livekit.example.com",
        "sid": "RM_1",
        "createdAt": "2026-01-02T11:50:01Z",
        "recreations": 0,
        "numParticipants": 3,
        "numPublishers": 1,
        "activeRecording": True,
    }
    [token] = status["tokens"]
    assert token["renewsAt"] < token.pop("expiresAt") == "2026-01-02T13:00:00Z"
    del token["renewsAt"]
    assert token == {"role": "host", "secretName": "standup.host", "identities": 1}
    assert [found["type"] for found in status["conditions"]] == [
        "Ready",
        "RoomAvailable",
        "TokensIssued",
        "UpToDate",
    ]
    assert {found["observedGeneration"] for found in status["conditions"]} == {2}


def test_a_second_look_at_the_same_world_changes_nothing() -> None:
    world = FINE.declaring(metadata={"a": 1}).concluded()
    later = world.at(NOW + timedelta(minutes=5))
    assert conclude(later.build()).status == dict(later.status)


@pytest.mark.parametrize(
    ("before", "sid", "recreations"),
    [
        ({}, "RM_1", 0),
        ({"sid": "RM_1"}, "RM_1", 0),
        ({"sid": "RM_1", "recreations": 4}, "RM_1", 4),
        ({"sid": "RM_1"}, "RM_2", 1),
        ({"sid": "RM_1", "recreations": 4}, "RM_2", 5),
    ],
)
def test_a_new_session_of_a_known_room_is_a_recreation(
    before: dict[str, Any], sid: str, recreations: int
) -> None:
    status = conclude(HELD.with_status(**before).live(sid=sid).build()).status
    assert (status["sid"], status["recreations"]) == (sid, recreations)


@pytest.mark.parametrize(
    ("world", "counts"),
    [
        (HELD.live(), (0, 0)),
        (HELD.live(num_participants=5), (0, 0)),
        (HELD.live().with_people(2, 1), (2, 1)),
        (HELD.live().with_status(sid="RM_1", numParticipants=2, numPublishers=1), (2, 1)),
        (HELD.live().with_status(sid="RM_0", numParticipants=2, numPublishers=1), (0, 0)),
        (HELD.live().with_status(sid="RM_1", numParticipants=2, numPublishers=1).with_people(0), (0, 0)),
        (HELD.with_status(sid="RM_1", numParticipants=2, numPublishers=1), (2, 1)),
    ],
    ids=["new", "counts of the list", "asked", "not asked", "new session", "all left", "not seen"],
)
def test_people_are_counted_only_where_somebody_asked(world: WorldBuilder, counts: tuple[int, int]) -> None:
    status = conclude(world.build()).status
    assert (status["numParticipants"], status["numPublishers"]) == counts


def test_what_waits_for_the_next_session_is_listed() -> None:
    live = config(empty_timeout_seconds=300, departure_timeout_seconds=30, max_participants=3)
    status = conclude(HELD.declaring(departureTimeoutSeconds=40).live(config=live).build()).status
    assert status["pendingChanges"] == [
        {"field": "emptyTimeoutSeconds", "live": "300", "desired": "86400"},
        {"field": "departureTimeoutSeconds", "live": "30", "desired": "40"},
        {"field": "maxParticipants", "live": "3", "desired": "0"},
    ]
    up_to_date = condition(status, "UpToDate")
    assert up_to_date is not None
    assert (up_to_date["status"], up_to_date["reason"]) == ("False", "RequiresRecreate")
    assert up_to_date["message"].startswith("emptyTimeoutSeconds, departureTimeoutSeconds, maxParticipants: ")


def test_what_waited_is_gone_with_the_next_session() -> None:
    waiting = HELD.live(config=config(max_participants=3)).concluded()
    status = conclude(waiting.live(sid="RM_2", config=config()).build()).status
    assert "pendingChanges" not in status
    up_to_date = condition(status, "UpToDate")
    assert up_to_date is not None
    assert (up_to_date["status"], up_to_date["reason"]) == ("True", "AsDeclared")


def test_the_room_that_is_not_seen_is_neither_up_to_date_nor_outdated() -> None:
    assert condition(conclude(HELD.build()).status, "UpToDate") is None


@pytest.mark.parametrize(
    ("world", "keys"),
    [
        (HELD.live(), None),
        (HELD.declaring(metadata={"b": 1, "a": 2}).live(), ["a", "b"]),
        (HELD.declaring(metadata={"a": 2}).live().with_status(metadataKeys=["a", "b"]), ["a"]),
        (HELD.live().with_status(metadataKeys=["a"]), []),
        (HELD.declaring(metadata={"a": 2}).with_status(metadataKeys=["a", "b"]), ["a", "b"]),
        (
            HELD.declaring(metadata={"a": 2})
            .live(metadata='{"a":2,"b":3}')
            .with_status(metadataKeys=["a", "b"]),
            ["a", "b"],
        ),
        (HELD.declaring(metadata={"a": 2}).live(metadata="").failing(), None),
    ],
    ids=["none", "new", "withdrawn", "all withdrawn", "not seen", "not withdrawn yet", "not written yet"],
)
def test_the_keys_that_were_written_are_remembered(world: WorldBuilder, keys: list[str] | None) -> None:
    assert conclude(world.build()).status.get("metadataKeys") == keys


def test_the_tokens_of_a_role_that_is_not_ours_are_not_shown() -> None:
    assert "tokens" not in conclude(HELD.with_role("host").with_secret("host", owner_uid="x").build()).status
    assert "tokens" not in conclude(HELD.with_role("host").build()).status
    broken = FINE.with_secret("host", annotations={})
    assert "tokens" not in conclude(broken.build()).status


def test_the_last_good_name_and_address_stay_while_something_is_in_the_way() -> None:
    status = conclude(FINE.concluded().without_server().build()).status
    assert (status["roomName"], status["url"]) == (NAME, "wss://livekit.example.com")
    assert "roomName" not in conclude(a_world().losing_to("team-a", "older").build()).status
