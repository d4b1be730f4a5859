"""By what an egress is known as ours, wherever LiveKit shows what was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.api.recording_status import MAX_ATTEMPTS
from roomkeeper.domain import markers
from roomkeeper.domain.egress import Carried, Egress, EgressState
from roomkeeper.domain.markers import METADATA_KEY, Marker, marker
from roomkeeper.domain.object_keys import KeyTemplateError
from tests.unit.domain.builders import NAME
from tests.unit.domain.recording_parts import UID, WEBHOOK, an_egress
from tests.unit.domain.requests import PAIRS, STORED, TARGETS, a_spec, carried, request

if TYPE_CHECKING:
    from roomkeeper.domain.egress import Target

MINE = marker(UID, 2)
THEIRS = marker("uid-of-another", 1)
UIDS = st.uuids().map(str)
NUMBERS = st.integers(1, MAX_ATTEMPTS)


def shown(*paths: str, metadata: dict[str, str] | None = None, webhook: str = "") -> Egress:
    """Return an egress of which LiveKit shows this."""
    told = Carried(paths, (metadata,) if metadata else (), (webhook,) if webhook else ())
    return Egress("EG_1", NAME, EgressState.ACTIVE, carried=told)


def test_a_mark_is_short_and_says_which_attempt() -> None:
    text = str(MINE)
    assert text.startswith("rk")
    assert text.endswith("-2")
    assert len(str(marker(UID, MAX_ATTEMPTS))) <= 18
    assert UID not in text


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("a/b.mp4", f"a/b-{MINE}.mp4"),
        ("a/b.MP4", f"a/b-{MINE}.MP4"),
        ("b.ogg", f"b-{MINE}.ogg"),
        ("b.webm", f"b-{MINE}.webm"),
        ("b", f"b-{MINE}"),
        ("a.mp4/b", f"a.mp4/b-{MINE}"),
        ("release-v1.2", f"release-v1.2-{MINE}"),
        ("b.tar", f"b.tar-{MINE}"),
        (".mp4", f"{MINE}.mp4"),
        ("a/.mp4", f"a/{MINE}.mp4"),
        ("a/", f"a/{MINE}"),
        ("", f"{MINE}"),
        ("b.mp4.mp4", f"b.mp4-{MINE}.mp4"),
        ("{room_id}-{time}.mp4", f"{{room_id}}-{{time}}-{MINE}.mp4"),
    ],
)
def test_a_file_is_marked_before_its_extension(path: str, marked: str) -> None:
    assert markers.mark_file(path, MINE) == marked
    assert markers.of(shown(marked)) == {MINE}


@pytest.mark.parametrize(
    ("folder", "marked"), [("a/b", f"a/b/{MINE}"), ("a/b/", f"a/b/{MINE}"), ("", f"{MINE}")]
)
def test_a_folder_is_one_below_that_which_is_declared(folder: str, marked: str) -> None:
    assert markers.mark_folder(folder, MINE) == marked
    assert markers.of(shown(f"{marked}/segment")) == {MINE}


@pytest.mark.parametrize(
    ("url", "marked"),
    [
        (WEBHOOK, f"{WEBHOOK}/{MINE}"),
        (f"{WEBHOOK}/", f"{WEBHOOK}/{MINE}"),
        ("https://example.com", f"https://example.com/{MINE}"),
        (f"{WEBHOOK}?cluster=a", f"{WEBHOOK}/{MINE}?cluster=a"),
        (f"{WEBHOOK}/?cluster=a/b", f"{WEBHOOK}/{MINE}?cluster=a/b"),
    ],
)
def test_a_webhook_url_is_marked_at_the_end_of_its_path(url: str, marked: str) -> None:
    assert markers.mark_url(url, MINE) == marked
    assert markers.of(shown(webhook=marked)) == {MINE}


@pytest.mark.parametrize(
    "egress",
    [
        shown(),
        shown("recordings/standup.mp4"),
        shown(f"x{MINE}.mp4"),
        shown(f"{MINE}x.mp4"),
        shown(f"{MINE}/deeper/segment"),
        shown(f"a-{MINE}/segment"),
        shown(str(MINE).upper()),
        shown(f"rk{'0' * 13}-1.mp4"),
        shown(f"rk{MINE.token}-0.mp4"),
        shown(f"rk{MINE.token}.mp4"),
        shown(metadata={"other": str(MINE)}),
        shown(metadata={METADATA_KEY: f"{MINE} "}),
        shown(metadata={METADATA_KEY: f"x-{MINE}"}),
        shown(webhook=f"https://example.com/{MINE}/more"),
        shown(webhook=f"https://example.com/?{MINE}"),
        shown(webhook=f"https://[/{MINE}"),
    ],
)
def test_what_stands_elsewhere_marks_nothing(egress: Egress) -> None:
    assert markers.of(egress) == frozenset()
    assert not markers.belongs(egress, UID)


COPIED = [
    f"{THEIRS}",
    f"{THEIRS}.mp4",
    f"a-{THEIRS}.mp4",
    f"{THEIRS}/a.mp4",
    f"x/{THEIRS}/a",
    f"{THEIRS}/{THEIRS}.mp4",
    f"{THEIRS}-",
]


@pytest.mark.parametrize("path", COPIED)
def test_a_path_that_copies_the_mark_of_another_marks_nothing(path: str) -> None:
    for output, field in (("file", "filepath"), ("hls", "directory"), ("images", "directory")):
        spec = a_spec("roomComposite", outputs={output: {field: path}})
        told = carried(request(spec, number=2))
        for bare in (told, replace(told, metadata=(), webhooks=())):
            egress = replace(shown(), carried=bare)
            assert markers.of(egress) == {MINE}, output
            assert not markers.belongs(egress, "uid-of-another")


@pytest.mark.parametrize("name", [f"{THEIRS}", f"a-{THEIRS}", f"a-{THEIRS}.ts"])
def test_segments_that_are_called_like_the_mark_of_another_are_refused(name: str) -> None:
    spec = a_spec("roomComposite", outputs={"hls": {"segmentPrefix": name}})
    with pytest.raises(KeyTemplateError, match="mark"):
        request(spec)


def test_a_room_that_is_called_like_the_mark_of_another_marks_nothing() -> None:
    for output in STORED:
        told = carried(request(a_spec("roomComposite", output), number=2, room_name=str(THEIRS)))
        assert markers.of(replace(shown(), carried=told)) == {MINE}


@pytest.mark.parametrize("webhook_url", [WEBHOOK, ""], ids=["webhook", "no webhook"])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize(("source", "output"), PAIRS)
def test_every_request_is_known_again(
    source: str, output: str, target: Target | None, webhook_url: str
) -> None:
    sent = request(a_spec(source, output), number=2, target=target, webhook_url=webhook_url)
    told = carried(sent)
    carriers = [replace(Carried(), paths=(path,)) for path in told.paths]
    carriers += [replace(Carried(), metadata=(one,)) for one in told.metadata]
    carriers += [replace(Carried(), webhooks=(one,)) for one in told.webhooks]
    is_stored = output in STORED
    assert len(carriers) == is_stored + (is_stored and target is TARGETS["s3"]) + bool(webhook_url)
    for carrier in carriers:  # each is enough
        assert markers.of(replace(shown(), carried=carrier)) == {MINE}
    if carriers:
        assert markers.belongs(replace(shown(), carried=told), UID)
    else:  # and where there is none, the Recording is refused before (WebhookURLRequired)
        assert output in ("stream", "websocket")


def test_all_outputs_of_a_request_carry_one_mark() -> None:
    told = carried(request(a_spec("roomComposite", "file", "hls", "images", "stream"), number=2))
    assert len(told.paths) == len(told.metadata) == 3
    assert markers.of(replace(shown(), carried=told)) == {MINE}


@given(uids=st.lists(UIDS, min_size=2, max_size=50, unique=True))
def test_no_two_recordings_share_a_token(uids: list[str]) -> None:
    assert len({markers.token(uid) for uid in uids}) == len(uids)


@given(uid=UIDS, number=NUMBERS, other=UIDS)
def test_a_mark_belongs_to_one_recording(uid: str, number: int, other: str) -> None:
    egress = an_egress(number, uid=uid)
    assert markers.of(egress) == {marker(uid, number)}
    assert markers.belongs(egress, uid)
    assert markers.belongs(egress, other) is (uid == other)


@given(numbers=st.lists(NUMBERS, unique=True, min_size=1), wanted=NUMBERS)
def test_an_attempt_is_found_among_others(numbers: list[int], wanted: int) -> None:
    found = markers.with_marker([an_egress(number) for number in numbers], str(marker(UID, wanted)))
    assert (found.id if found else None) == (f"EG_{wanted}" if wanted in numbers else None)


def test_of_two_with_one_mark_the_one_that_runs_is_meant() -> None:
    # A worker that had refused the request, and one that took it when it was sent once more.
    refused = an_egress(1, EgressState.FAILED, egress_id="EG_REFUSED")
    running = an_egress(1, EgressState.ACTIVE, egress_id="EG_RUNNING")
    for found in ([refused, running], [running, refused]):
        assert markers.with_marker(found, str(marker(UID, 1))) == running


@given(st.text(max_size=40))
def test_whatever_somebody_asks_for_is_read(text: str) -> None:
    egress = shown(text, metadata={METADATA_KEY: text}, webhook=text)
    for mark in markers.of(egress):
        assert str(mark) in text
        assert mark == Marker(mark.token, mark.number)
