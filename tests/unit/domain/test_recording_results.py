"""What came of the attempts, kept for longer than LiveKit keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from roomkeeper.domain import recording_results
from roomkeeper.domain.attempts import Attempt
from roomkeeper.domain.egress import Egress, EgressResult, EgressState
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_parts import an_egress

FILE = EgressResult("File", "a.mp4", "https://s3/a.mp4", 1234, 61.6)
HLS = EgressResult(
    "HLS", "i.m3u8", "", 99, 8.4, "https://s3/i.m3u8", "https://s3/l.m3u8", segment_count=3
)  # fmt: skip
IMAGES = EgressResult("Images", "image", image_count=7)
STREAM = EgressResult("Stream", "live.example.com", duration_seconds=61)
SHOWN_FILE = {
    "attempt": 1,
    "type": "File",
    "filename": "a.mp4",
    "location": "https://s3/a.mp4",
    "sizeBytes": 1234,
    "durationSeconds": 62,
}


def attempt(number: int, began: int | None = None, ended: int | None = None) -> Attempt:
    """Return an attempt that recorded from so many seconds after NOW until so many."""

    def moment(seconds: int | None) -> Any:
        return None if seconds is None else NOW + timedelta(seconds=seconds)

    return Attempt(
        number, f"mark-{number}", egress_id=f"EG_{number}", started_at=moment(began), ended_at=moment(ended)
    )


def egress(number: int, *results: EgressResult, **fields: Any) -> Egress:
    return an_egress(number, EgressState.COMPLETE, results=results, **fields)


def test_more_than_one_result_of_an_output_is_not_livekits_and_would_not_fit() -> None:
    told = [FILE, *(replace(FILE, filename=f"{number}.mp4") for number in range(100)), IMAGES, IMAGES]
    shown = recording_results.merged((), (attempt(1),), egress(1, *told))
    assert [result["filename"] for result in shown] == ["a.mp4", "image"]


def test_each_output_leaves_one_result() -> None:
    assert recording_results.merged((), (attempt(1),), egress(1, FILE, HLS, IMAGES)) == [
        SHOWN_FILE,
        {
            "attempt": 1,
            "type": "HLS",
            "filename": "i.m3u8",
            "sizeBytes": 99,
            "durationSeconds": 8,
            "playlistLocation": "https://s3/i.m3u8",
            "livePlaylistLocation": "https://s3/l.m3u8",
            "segmentCount": 3,
        },
        {"attempt": 1, "type": "Images", "filename": "image", "imageCount": 7},
    ]


def test_of_a_stream_nothing_is_left() -> None:
    assert recording_results.merged((), (attempt(1),), egress(1, STREAM)) == []
    assert recording_results.merged((), (attempt(1),), egress(1, FILE, STREAM)) == [SHOWN_FILE]


def test_a_backup_is_said_to_be_one() -> None:
    [shown] = recording_results.merged((), (attempt(1),), egress(1, FILE, backup_storage_used=True))
    assert shown == {**SHOWN_FILE, "backupStorageUsed": True}


def test_the_results_of_earlier_attempts_are_kept() -> None:
    known = (attempt(1), attempt(2))
    second = replace(FILE, filename="b.mp4")
    merged = recording_results.merged([SHOWN_FILE], known, egress(2, second))
    assert merged == [SHOWN_FILE, {**SHOWN_FILE, "attempt": 2, "filename": "b.mp4"}]
    assert recording_results.merged(merged, known, egress(2, second)) == merged


def test_the_results_of_an_attempt_are_as_its_egress_shows_them_last() -> None:
    early = recording_results.merged((), (attempt(1),), egress(1, EgressResult("File", "a.mp4")))
    assert early == [{"attempt": 1, "type": "File", "filename": "a.mp4"}]
    assert recording_results.merged(early, (attempt(1),), egress(1, FILE)) == [SHOWN_FILE]


@pytest.mark.parametrize("state", [EgressState.STARTING, EgressState.ABORTED])
def test_of_an_attempt_that_has_not_begun_nothing_is_told(state: EgressState) -> None:
    """An attempt that is aborted is followed by another at once: what was told of it before would stay."""
    early = [SHOWN_FILE, {"attempt": 2, "type": "File", "filename": "b.mp4"}]
    seen = replace(egress(2, EgressResult("File", "b.mp4")), state=state)
    assert recording_results.merged(early, (attempt(1), attempt(2)), seen) == [SHOWN_FILE]


@pytest.mark.parametrize("seen", [None, egress(1), egress(1, STREAM), egress(9, FILE)])
def test_what_was_seen_once_is_not_forgotten(seen: Egress | None) -> None:
    """LiveKit forgets after a day, and an egress of somebody else tells nothing of ours."""
    assert recording_results.merged([SHOWN_FILE], (attempt(1),), seen) == [SHOWN_FILE]


def test_without_attempts_there_is_nothing_to_show() -> None:
    assert recording_results.merged((), (), egress(1, FILE)) == []
    assert recording_results.gaps(()) == []


GAP = {"from": "2026-01-02T12:01:00Z", "to": "2026-01-02T12:02:30Z"}


@pytest.mark.parametrize(
    ("known", "gaps"),
    [
        ((attempt(1, 0, 60),), []),
        ((attempt(1, 0, 60), attempt(2, 150)), [GAP]),
        # What never recorded neither begins nor ends a gap.
        ((attempt(1, 0, 60), attempt(2, None, 90), attempt(3, 150)), [GAP]),
        ((attempt(1, None, 60), attempt(2, 150)), []),
        ((attempt(1, 0, 60), attempt(2, None)), []),
        ((attempt(1, 0, 60), attempt(2, 60, 99)), []),
        ((attempt(1, 0, 60), attempt(2, 30, 99)), []),
        (
            (attempt(1, 0, 60), attempt(2, 150, 160), attempt(3, 170)),
            [GAP, {"from": "2026-01-02T12:02:40Z", "to": "2026-01-02T12:02:50Z"}],
        ),
    ],
)
def test_the_times_between_attempts_are_gaps(known: tuple[Attempt, ...], gaps: list[dict[str, str]]) -> None:
    assert recording_results.gaps(known) == gaps
