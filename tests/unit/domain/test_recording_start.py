"""What an armed Recording waits for, whoever is in the room."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api.common import rfc3339
from roomkeeper.domain import recording_source, recording_start
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.livekit import Participant, ParticipantKind
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_source import Tracks
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import AGENT, ALICE, MICROPHONE, MUTE, egress_participant
from tests.unit.domain.requests import a_spec

if TYPE_CHECKING:
    from roomkeeper.domain.recordings import RecordingWorld
    from tests.unit.domain.recording_builders import RecordingBuilder

MUTE_ALICE = Participant("alice", "PA_1")
ALICE_SPEAKS = Participant("alice", "PA_1", tracks=(MICROPHONE,))
ROOMS: dict[str, RecordingBuilder] = {
    "no room": a_recording().without_room(),
    "empty": a_recording().with_people(),
    "workers": a_recording().with_people(AGENT, egress_participant("EG_9")),
    "bob, mute": a_recording().with_people(MUTE),
    "bob, and an agent that speaks": a_recording().with_people(MUTE, AGENT),
    "alice, mute": a_recording().with_people(MUTE_ALICE),
    "alice speaks": a_recording().with_people(ALICE_SPEAKS),
    "alice": a_recording().with_people(ALICE),
    "alice, bob": a_recording().with_people(MUTE, ALICE),
}
NO_ROOM, NOBODY, SILENCE = "is not there", "nobody is in room", "nobody publishes"
NO_ALICE, NO_TRACKS = "it waits for participant 'alice'", "it waits for the tracks"


def message(world: RecordingWorld) -> str:
    waited = recording_start.waits_for(world)
    assert waited is None or waited.reason is Reason.ARMED
    return waited.message if waited else ""


# By start and source, in the order of ROOMS: what it waits for, "" for nothing.
TABLE: list[tuple[str, str, tuple[str, ...]]] = [
    ("Immediately", "roomComposite", (NO_ROOM, "", "", "", "", "", "", "", "")),
    ("WhenRoomActive", "roomComposite", (NO_ROOM, NOBODY, NOBODY, "", "", "", "", "", "")),
    ("WhenPublishing", "roomComposite", (NO_ROOM, NOBODY, NOBODY, SILENCE, SILENCE, SILENCE, "", "", "")),
    ("Immediately", "participant", (NO_ROOM, NO_ALICE, NO_ALICE, NO_ALICE, NO_ALICE, "", "", "", "")),
    ("WhenRoomActive", "participant", (NO_ROOM, NOBODY, NOBODY, NO_ALICE, NO_ALICE, "", "", "", "")),
    ("WhenPublishing", "participant", (NO_ROOM, NOBODY, NOBODY, NO_ALICE, NO_ALICE, SILENCE, "", "", "")),
    *(
        (start, source, (NO_ROOM, first, first, NO_ALICE, NO_ALICE, NO_TRACKS, NO_TRACKS, "", ""))
        for start, first in (
            ("Immediately", NO_ALICE),
            ("WhenRoomActive", NOBODY),
            ("WhenPublishing", NOBODY),
        )
        for source in ("trackComposite", "track")
    ),
    ("Immediately", "web", (NO_ROOM, "", "", "", "", "", "", "", "")),
    ("WhenRoomActive", "web", (NO_ROOM, NOBODY, NOBODY, "", "", "", "", "", "")),
    ("WhenPublishing", "web", (NO_ROOM, NOBODY, NOBODY, SILENCE, SILENCE, SILENCE, "", "", "")),
]


@pytest.mark.parametrize(
    ("start", "source", "room", "expected"),
    [
        (start, source, room, expected)
        for start, source, row in TABLE
        for room, expected in zip(ROOMS, row, strict=True)
    ],
)
def test_each_source_waits_for_what_it_needs(start: str, source: str, room: str, expected: str) -> None:
    told = message(ROOMS[room].of(source).declaring(start=start).build())
    assert expected in told
    assert bool(expected) is bool(told)


def test_by_default_it_waits_for_somebody() -> None:
    assert NOBODY in message(a_recording().with_people().build())
    assert message(a_recording().with_people(MUTE).build()) == ""


def test_a_page_without_a_room_waits_for_nothing() -> None:
    assert message(a_recording().of_a_page().build()) == ""


def test_a_room_that_nobody_has_looked_at_is_waited_for() -> None:
    assert NO_ROOM in message(a_recording().build())


def test_who_speaks_for_an_agent_is_the_agent() -> None:
    """An agent that is to be recorded is not among the people, who alone make a room active."""
    of_agent = a_recording().of("participant", identity="notetaker").declaring(start="WhenPublishing")
    assert message(of_agent.with_people(MUTE, AGENT).build()) == ""
    silent = Participant("notetaker", "PA_3", ParticipantKind.AGENT)
    assert SILENCE in message(of_agent.with_people(ALICE, silent).build())


def test_trouble_with_the_room_comes_first() -> None:
    trouble = Finding(Reason.ROOM_NOT_FOUND, "Room 'standup' is not in this namespace")
    troubled = a_recording().having(room_trouble=trouble)
    assert recording_start.waits_for(troubled.build()) == trouble
    assert recording_start.waits_for(troubled.unreadable().build()) == trouble


LATER = NOW + timedelta(minutes=5)


def test_it_starts_no_sooner_than_declared() -> None:
    timed = a_recording().declaring(startAt=rfc3339(LATER)).with_people(ALICE)
    assert message(timed.build()) == "armed; it starts no sooner than 2026-01-02 12:05:00 UTC"
    assert message(timed.at(LATER).build()) == ""
    assert message(a_recording().of_a_page().declaring(startAt=rfc3339(LATER)).build())


@pytest.mark.parametrize(
    ("failures", "seconds_ago", "left"),
    [
        (1, 0, 2),
        (1, 1, 1),
        (1, 2, 0),
        (2, 0, 4),
        (3, 1, 7),
        (5, 0, 32),
        (6, 0, 60),
        (10, 0, 60),
        (10, 59, 1),
    ],
)
def test_after_each_failure_it_waits_longer(failures: int, seconds_ago: float, left: float) -> None:
    recording = a_recording().held().with_people(ALICE)
    for number in range(failures):
        recording = recording.failed(seconds_ago=seconds_ago if number == failures - 1 else 999)
    world = recording.build()
    assert recording_start.retry_in(world) == left
    assert ("the last attempt failed" in message(world)) is (left > 0)


@pytest.mark.parametrize(
    ("recording", "is_too_late"),
    [
        (a_recording().created(9999), False),
        (a_recording().created(59).declaring(startDeadlineSeconds=60), False),
        (a_recording().created(60).declaring(startDeadlineSeconds=60), True),
        # From startAt on, if that is later.
        (a_recording().created(9999).declaring(startDeadlineSeconds=60, startAt=rfc3339(LATER)), False),
        (
            a_recording().created(0).declaring(startDeadlineSeconds=60, startAt=rfc3339(LATER)).at(NOW + timedelta(seconds=359)),
            False,
        ),
        (
            a_recording().created(0).declaring(startDeadlineSeconds=60, startAt=rfc3339(LATER)).at(NOW + timedelta(seconds=360)),
            True,
        ),
        (
            a_recording().created(10).declaring(startDeadlineSeconds=60, startAt=rfc3339(NOW - timedelta(days=1))),
            False,
        ),
        # It has begun: no deadline counts any more.
        (a_recording().created(9999).declaring(startDeadlineSeconds=60).failed(), False),
        (a_recording().created(9999).declaring(startDeadlineSeconds=60).active(), False),
        (a_recording().created(9999).declaring(startDeadlineSeconds=60).unreadable(), False),
    ],
)  # fmt: skip
def test_it_waits_no_longer_than_declared(recording: RecordingBuilder, *, is_too_late: bool) -> None:
    assert recording_start.is_too_late(recording.build()) is is_too_late


# What the tracks are called in LiveKit.

BOTH = {"identity": "alice", "audioSource": "microphone", "videoSource": "camera"}


@pytest.mark.parametrize(
    ("source", "there", "expected"),
    [
        ({"trackComposite": BOTH}, (ALICE,), Tracks("TR_AUDIO", "TR_VIDEO")),
        ({"trackComposite": BOTH}, (ALICE_SPEAKS,), None),
        ({"trackComposite": {"identity": "alice", "audioSource": "microphone"}}, (ALICE_SPEAKS,), Tracks("TR_AUDIO")),
        ({"trackComposite": {"identity": "alice", "videoSource": "camera"}}, (ALICE,), Tracks(video="TR_VIDEO")),
        ({"trackComposite": {"identity": "alice", "videoSource": "screen_share"}}, (ALICE,), None),
        # Tracks of others are not hers.
        ({"trackComposite": BOTH}, (Participant("bob", "PA_2", tracks=ALICE.tracks), MUTE_ALICE), None),
        ({"trackComposite": {"audioTrackID": "TR_AUDIO", "videoTrackID": "TR_VIDEO"}}, (ALICE,), Tracks("TR_AUDIO", "TR_VIDEO")),
        ({"trackComposite": {"audioTrackID": "TR_AUDIO", "videoTrackID": "TR_GONE"}}, (ALICE,), None),
        ({"trackComposite": {"videoTrackID": "TR_VIDEO"}}, (ALICE,), Tracks(video="TR_VIDEO")),
        ({"track": {"identity": "alice", "source": "camera"}}, (ALICE,), Tracks(video="TR_VIDEO")),
        ({"track": {"identity": "alice", "source": "microphone"}}, (ALICE,), Tracks("TR_AUDIO")),
        ({"track": {"identity": "alice", "source": "screen_share"}}, (ALICE,), None),
        ({"track": {"trackID": "TR_AUDIO"}}, (MUTE, ALICE), Tracks("TR_AUDIO")),
        ({"track": {"trackID": "TR_AUDIO"}}, (AGENT,), Tracks("TR_AUDIO")),
        ({"track": {"trackID": "TR_VIDEO"}}, (ALICE,), Tracks(video="TR_VIDEO")),
        ({"track": {"trackID": "TR_GONE"}}, (ALICE,), None),
        ({"roomComposite": {}}, (), Tracks()),
        ({"participant": {"identity": "alice"}}, (), Tracks()),
    ],
)  # fmt: skip
def test_tracks_are_found_by_whose_they_are_or_by_their_ids(
    source: dict[str, Any], there: tuple[Participant, ...], expected: Tracks | None
) -> None:
    spec = a_spec("roomComposite", source=source)
    assert recording_source.tracks(there, spec.source) == expected
    assert bool(recording_source.missing((*there, MUTE_ALICE), spec.source)) is (expected is None)


def test_neither_agents_nor_workers_are_people() -> None:
    there = (AGENT, egress_participant(), ALICE, MUTE)
    assert recording_source.people(there) == [ALICE, MUTE]
