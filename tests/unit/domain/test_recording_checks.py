"""What stands in the way of a Recording, and in which order people hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api.policy import PolicySpec
from roomkeeper.domain import policy, recording_checks, recording_request, storages
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.storages import NOT_ALLOWED
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import KEY, STORED, WEBHOOK

if TYPE_CHECKING:
    from roomkeeper.domain.policy import Policy
    from roomkeeper.domain.storages import Storage
    from tests.unit.domain.recording_builders import RecordingBuilder

FINE = a_recording().armed()
BY_NAME = FINE.undeclaring("roomRef").declaring(roomName="lobby")
NO_SECRET = Finding(Reason.SECRET_NOT_FOUND, "Secret 'urls' is not in namespace 'team-a'")
BAD_KEY = {"file": {"filepath": "{track_id}"}}


def obstacle(recording: RecordingBuilder) -> Finding | None:
    return recording_checks.obstacle(recording.build())


def limits(**recordings: Any) -> Policy:
    return policy.from_spec(PolicySpec.model_validate({"recordings": recordings}))


def long_prefix() -> Storage:
    spec = STORED.spec.model_copy(update={"prefix_template": "{namespace}/" * 11})
    return replace(STORED, spec=spec)


@pytest.mark.parametrize(
    "recording",
    [
        FINE,
        FINE.put_on(STORED),
        FINE.streaming().having(webhook_url=WEBHOOK),
        FINE.of_a_page(),
        BY_NAME,
        FINE.having(room_name=""),  # of a Room that is not there yet
        FINE.active(),
    ],
)
def test_nothing_stands_in_the_way(recording: RecordingBuilder) -> None:
    assert obstacle(recording) is None


# Each with the message, or what it begins with; in the order of the checks.
OBSTACLES: list[tuple[str, RecordingBuilder, Reason, str]] = [
    ("spec", FINE.unreadable(), Reason.INVALID_SPEC, "spec.start: unknown"),
    ("no server", FINE.without_server(), Reason.NO_SERVER, Reason.NO_SERVER.advice),
    (
        "server not allowed",
        FINE.without_server().having(names_server=True),
        Reason.SERVER_NOT_ALLOWED,
        Reason.SERVER_NOT_ALLOWED.advice,
    ),
    ("name", BY_NAME.declaring(roomName="a|b"), Reason.INVALID_ROOM_NAME, "spec.roomName: must be 1 to 256 bytes"),
    (
        "name of others",
        BY_NAME.declaring(roomName="team-b_standup"),
        Reason.POLICY_VIOLATION,
        "spec.roomName: 'team-b_standup' is no room that this namespace may record",
    ),
    ("policy", FINE.limited(), Reason.POLICY_VIOLATION, "spec.storageRef: "),
    ("storage", FINE.put_on(NOT_ALLOWED), Reason.STORAGE_NOT_ALLOWED, Reason.STORAGE_NOT_ALLOWED.advice),
    ("key", FINE.storing(**BAD_KEY), Reason.INVALID_SPEC, "spec.outputs.file.filepath: {track_id} is not known"),
    ("no marker", FINE.streaming(), Reason.WEBHOOK_URL_REQUIRED, Reason.WEBHOOK_URL_REQUIRED.advice),
    ("refusal", FINE.having(refusal=NO_SECRET), Reason.SECRET_NOT_FOUND, NO_SECRET.message),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recording", "reason", "message"), [case[1:] for case in OBSTACLES], ids=[case[0] for case in OBSTACLES]
)
def test_an_obstacle_says_what_to_change(recording: RecordingBuilder, reason: Reason, message: str) -> None:
    found = obstacle(recording)
    assert found is not None
    assert found.reason is reason
    assert found.message.startswith(message)


def test_people_hear_of_the_first_thing_first() -> None:
    """Everything is wrong at once, and is put right from the first to the last."""
    everything = (
        BY_NAME.declaring(roomName="a|b", activeDeadlineSeconds=99_999)
        .storing(file={"filepath": "{track_id}"})
        .limited(limits(maxSeconds=60, maxActivePerNamespace=0))
        .put_on(NOT_ALLOWED)
        .having(refusal=NO_SECRET)
    )
    steps = [
        (everything.unreadable(), Reason.INVALID_SPEC),
        (everything.without_server(), Reason.NO_SERVER),
        (everything, Reason.INVALID_ROOM_NAME),
        (everything := everything.declaring(roomName="team-a_x"), Reason.POLICY_VIOLATION),
        (everything := everything.declaring(activeDeadlineSeconds=60), Reason.STORAGE_NOT_ALLOWED),
        (everything := everything.put_on(STORED), Reason.INVALID_SPEC),
        (everything := everything.storing(file={}), Reason.POLICY_VIOLATION),
        (everything := everything.limited(limits(maxActivePerNamespace=1)), Reason.SECRET_NOT_FOUND),
    ]
    for recording, reason in steps:
        found = obstacle(recording)
        assert found is not None
        assert found.reason is reason
    assert obstacle(everything.having(refusal=None)) is None


def test_a_room_that_is_not_there_yet_brings_its_server_with_it() -> None:
    trouble = Finding(Reason.ROOM_NOT_FOUND, "Room 'standup' is not in this namespace")
    assert obstacle(FINE.without_server().having(room_trouble=trouble)) is None


@pytest.mark.parametrize(
    ("name", "own_server", "is_allowed"),
    [
        ("team-a_standup", False, True),
        ("team-a_Ü", False, True),  # of the pattern {namespace}_*
        ("lobby", False, False),
        ("lobby", True, True),
        ("team-b_x", False, False),
        ("team-b_x", True, False),  # nobody may have a name that the template makes for others
    ],
)
def test_a_room_is_recorded_by_its_name_where_the_namespace_may_have_it(
    name: str, *, own_server: bool, is_allowed: bool
) -> None:
    recording = BY_NAME.declaring(roomName=name).put_on(STORED)
    found = obstacle(recording if own_server else recording.limited())
    assert (found is None) is is_allowed
    assert found is None or found.reason is Reason.POLICY_VIOLATION


def test_a_storage_that_is_missing_and_one_that_is_not_allowed_read_the_same() -> None:
    assert obstacle(FINE.put_on(NOT_ALLOWED)) == storages.NOT_ALLOWED
    assert KEY.name not in NOT_ALLOWED.message


@pytest.mark.parametrize(
    "recording",
    [
        FINE.streaming().having(webhook_url=WEBHOOK, storage=NOT_ALLOWED),
        FINE.of("track", identity="alice", source="microphone")
        .storing(websocket={"urlSecretRef": {"name": "url"}})
        .having(webhook_url=WEBHOOK, storage=NOT_ALLOWED),
        FINE.declaring(storage={"s3": {"bucket": "own"}}).put_on(NOT_ALLOWED),
    ],
)
def test_a_storage_that_nothing_is_put_on_is_not_asked_for(recording: RecordingBuilder) -> None:
    assert obstacle(recording) is None


@pytest.mark.parametrize("output", ["file", "hls", "images"])
def test_what_is_stored_carries_its_own_mark(output: str) -> None:
    stored = FINE.storing(**{output: {}, "stream": {"urlsSecretRef": {"name": "urls"}}})
    assert obstacle(stored) is None


@pytest.mark.parametrize(
    ("outputs", "field", "why"),
    [
        ({"file": {"filepath": "a..b"}}, "file.filepath", "'..'"),
        ({"hls": {"directory": "/a"}}, "hls.directory", "slash"),
        ({"images": {"directory": "{publisher_identity}"}}, "images.directory", "is not known"),
        ({"file": {"filepath": "x" * 225}}, "file.filepath", "230 bytes"),  # with its mark
        ({"file": {"filepath": "üü/" * 170}}, "file.filepath", "900 bytes"),  # with the prefix
        ({"hls": {"directory": "ü/" * 255, "segmentPrefix": "s" * 128}}, "hls.directory", "900 bytes"),
        ({"hls": {"segmentPrefix": "rkuokcgvhnn4duo-1"}}, "hls.segmentPrefix", "mark of a recording"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_is_said_before_anybody_waits_for_the_recording(
    outputs: dict[str, Any], field: str, why: str
) -> None:
    found = obstacle(FINE.storing(**outputs).put_on(long_prefix()))
    assert found is not None
    assert found.reason is Reason.INVALID_SPEC
    assert found.message.startswith(f"spec.outputs.{field}: ")
    assert why in found.message


def test_a_long_name_of_a_room_is_said_to_make_keys_too_long() -> None:
    """Else the worker could not even make the file on its own disk."""
    recording = FINE.having(room_name="r" * 256)
    found = obstacle(recording)
    assert found is not None
    assert (found.reason, "230 bytes" in found.message) == (Reason.INVALID_SPEC, True)
    assert obstacle(recording.storing(file={"filepath": "meeting-{time}"})) is None


@pytest.mark.parametrize(
    ("recording", "prefix"),
    [
        (FINE, ""),
        (FINE.limited(), "team-a/"),  # in the worker's own storage, a stranger's folder
        (FINE.put_on(STORED), "team-a/"),
        (FINE.put_on(STORED).limited(), "team-a/"),
        (FINE.declaring(storage={"s3": {"bucket": "own"}}).limited(), ""),
        (FINE.put_on(long_prefix()), "team-a/" * 11),
    ],
)
def test_what_stands_before_every_key(recording: RecordingBuilder, prefix: str) -> None:
    assert recording_request.key_prefix(recording.build()) == prefix
