"""Where media go: below their prefix, each attempt by itself, whatever is declared and however people are called."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.domain import names, object_keys
from roomkeeper.domain.object_keys import KeyTemplateError, left_to_the_worker, render
from tests.unit.domain import worker
from tests.unit.domain.builders import NAME
from tests.unit.domain.recording_parts import SOURCES, UID
from tests.unit.domain.requests import a_spec, request

if TYPE_CHECKING:
    from roomkeeper.api.recording import RecordingSpec

ALL = left_to_the_worker(RecordingSource.TRACK)
KNOWN = {"room_name": "standup", "publisher_identity": "alice"}


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("recordings/{room_name}-{time}", "recordings/standup-{time}"),
        (
            "{publisher_identity}/{track_source}-{track_id}.{track_type}",
            "alice/{track_source}-{track_id}.{track_type}",
        ),
        ("{utc}/{room_id}", "{utc}/{room_id}"),
        ("{room_name}{room_name}", "standupstandup"),
        ("müller/日本", "müller/日本"),
        ("a b+c&d", "a b+c&d"),
    ],
)
def test_what_is_known_is_put_in_and_the_rest_is_left_to_the_worker(template: str, key: str) -> None:
    assert render(template, known=KNOWN, left=ALL) == key


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("/a", "begin with a slash"),
        ("../a", r"'\.\.'"),
        ("a/../../b", r"'\.\.'"),
        ("a..b", r"'\.\.'"),
        ("a\\b", "backslash"),
        ("a\x00b", "control characters"),
        ("a\nb", "control characters"),
        ("a\x7fb", "control characters"),
        ("a\ud800b", "control characters"),
        ("{room}", r"\{room\} is not known"),
        ("{}", r"\{\} is not known"),
        ("{room_name", "a brace"),
        ("room_name}", "a brace"),
        ("{{room_name}}", "a brace"),
        ("{{time}}", "a brace"),
        ("x" * 231, "230 bytes"),
        ("a/" + "ü" * 116, "230 bytes"),
        ("{time}" * 14, "230 bytes"),
        ("{track_id}" * 4, "230 bytes"),
        ("xxxxxxxxx/" * 91, "900 bytes"),
        ("ü/" * 301, "900 bytes"),
        ("{time}/" * 51, "900 bytes"),
    ],
)
def test_what_could_lead_out_of_its_place_is_refused(template: str, why: str) -> None:
    with pytest.raises(KeyTemplateError, match=why):
        render(template, known=KNOWN, left=ALL)


@pytest.mark.parametrize(
    "template",
    ["x" * 230, "{time}" * 13, "a/" + "ü" * 115, "xxxxxxxxx/" * 90, "{time}/" * 50, "{track_id}" * 3],
)
def test_what_is_as_long_as_it_may_be_passes(template: str) -> None:
    assert render(template, known=KNOWN, left=ALL) == template


def test_a_refusal_repeats_no_more_than_the_name_of_a_variable() -> None:
    with pytest.raises(KeyTemplateError) as refused:
        render("secret/{" + "x" * 500 + "}", known=KNOWN, left=ALL)
    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) < 90


SOURCE_VARIABLES = {
    "roomComposite": {"room_name", "room_id", "time", "utc"},
    "participant": {"room_name", "room_id", "time", "utc", "publisher_identity"},
    "trackComposite": {"room_name", "room_id", "time", "utc", "publisher_identity"},
    "track": {"room_name", "room_id", "time", "utc", "publisher_identity", "track_id", "track_type", "track_source"},
    "web": {"time", "utc"},
}  # fmt: skip
VARIABLES = sorted(set.union(*SOURCE_VARIABLES.values()))


@pytest.mark.parametrize(("source", "variable"), [*product(SOURCES, VARIABLES)])
def test_each_source_has_its_variables(source: str, variable: str) -> None:
    spec = a_spec(source, outputs={"file": {"filepath": f"a/{{{variable}}}"}})
    room_name = "" if source == "web" else NAME
    if variable in SOURCE_VARIABLES[source]:
        assert request(spec, room_name=room_name).file
    else:
        with pytest.raises(KeyTemplateError, match="not known for this source"):
            request(spec, room_name=room_name)


def test_a_page_that_lives_as_long_as_a_room_has_the_rooms_name() -> None:
    spec = a_spec("web", outputs={"file": {"filepath": "{room_name}"}}, roomRef={"name": "standup"})
    sent = request(spec)
    assert sent.file
    assert sent.file.path.startswith(f"team-a/{NAME}-rk")


def test_tracks_that_are_given_by_their_ids_have_no_identity_to_render() -> None:
    spec = a_spec(
        source={"trackComposite": {"audioTrackID": "TR_a"}},
        outputs={"file": {"filepath": "{publisher_identity}"}},
    )
    with pytest.raises(KeyTemplateError, match="publisher_identity"):
        request(spec)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("standup", "standup"),
        ("Grüße aus 日本 👋🏽", "Grüße aus 日本 👋🏽"),
        ("می‌خواهم", "می‌خواهم"),
        ("..", "_."),
        ("...", "__."),
        (".", "."),
        ("a/b\\c", "a_b_c"),
        ("../../etc", "_.__._etc"),
        ("{time}", "_time_"),
        ("a\nb\x00c", "a_b_c"),
        ("a\ud800", "a_"),
    ],
)
def test_free_text_is_one_step_of_a_path(text: str, step: str) -> None:
    assert object_keys.safe(text) == step


@pytest.mark.parametrize("room_name", ["{time}", "{{time}}", "{room_id}", "{publisher_identity}", "}{", "{"])
def test_a_rooms_name_is_never_taken_for_a_variable(room_name: str) -> None:
    sent = request(a_spec(outputs={"file": {"filepath": "{room_name}"}}), room_name=room_name)
    assert sent.file
    assert "{" not in sent.file.path


def test_braces_around_a_name_make_no_variable_of_it() -> None:
    """Else the worker would put in the identity of whoever publishes, slashes and all."""
    spec = a_spec(
        source={"trackComposite": {"audioTrackID": "TR_a"}}, outputs={"file": {"filepath": "{{room_name}}/x"}}
    )
    with pytest.raises(KeyTemplateError):
        request(spec, room_name="publisher_identity")


def test_the_prefix_counts_for_the_length() -> None:
    spec = a_spec(outputs={"file": {"filepath": "x/" * 250}})
    assert request(spec, prefix="team-a/").file
    with pytest.raises(KeyTemplateError, match="900 bytes"):
        request(spec, prefix="team-a/" * 60)


def test_segments_and_playlists_count_for_the_length() -> None:
    """The name of a segment comes after everything else."""
    folder = "ü/" * 255
    assert request(a_spec(outputs={"hls": {"directory": folder}})).hls
    for name in (
        {"segmentPrefix": "s" * 128},
        {"playlistName": "p" * 123 + ".m3u8"},
        {"livePlaylistName": "l" * 123 + ".m3u8"},
    ):
        with pytest.raises(KeyTemplateError, match="900 bytes"):
            request(a_spec(outputs={"hls": {"directory": folder, **name}}))


# Properties.

PIECES = st.sampled_from([
    "{room_name}", "{publisher_identity}", "{time}", "{utc}", "{room_id}", "{track_id}", "{track_source}", "{", "}",
    "/", ".", "..", "\\", "-", "a", "ü", "\n", "rk", ".mp4", ".ts", "~", "\u202e",
])  # fmt: skip
TEMPLATES = st.lists(PIECES, min_size=1, max_size=8).map("".join) | st.text(min_size=1, max_size=12)
FREE_TEXT = st.lists(PIECES, min_size=1, max_size=6).map("".join) | st.text(min_size=1, max_size=20)
ROOM_NAMES = FREE_TEXT.filter(names.is_usable)
PREFIXES = st.sampled_from(["", "team-a/", "media/team-a/rooms-", "a/b/c/"])
KINDS = st.sampled_from(["roomComposite", "participant", "trackComposite", "track"])


def worker_variables(identity: str) -> dict[str, str]:
    """Return what a worker puts in, for a participant who has chosen their name with care."""
    return {
        "room_name": "../../of the worker",
        "publisher_identity": identity,
        "time": "2026-01-02T120000",
        "utc": "20260102120000000",
        "room_id": "RM_1",
        "track_id": "TR_1",
        "track_type": "audio",
        "track_source": "screen_share_audio",
    }


@st.composite
def specs(draw: st.DrawFn) -> RecordingSpec:
    """Draw a Recording with any outputs and templates that the model takes."""
    kind = draw(KINDS)
    outputs: dict[str, Any] = {}
    if draw(st.booleans()) or kind == "track":
        file_type = None if kind == "track" else draw(st.sampled_from([None, "MP4", "OGG"]))
        outputs["file"] = {"filepath": draw(TEMPLATES), "type": file_type}
    if kind != "track":
        if draw(st.booleans()):
            outputs["hls"] = {
                "directory": draw(TEMPLATES),
                "segmentPrefix": draw(st.sampled_from(["segment", "image", "x.y"])),
            }
        if draw(st.booleans()) or not outputs:
            outputs["images"] = {"directory": draw(TEMPLATES)}
    source = dict(SOURCES[kind])
    if "identity" in source:
        source["identity"] = draw(FREE_TEXT)
    return a_spec(kind, outputs=outputs, source={kind: source})


@given(spec=specs(), room_name=ROOM_NAMES, prefix=PREFIXES, identity=FREE_TEXT)
def test_a_key_stays_below_its_prefix(
    spec: RecordingSpec, room_name: str, prefix: str, identity: str
) -> None:
    try:
        sent = request(spec, room_name=room_name, prefix=prefix)
    except KeyTemplateError:
        return
    for key in worker.keys(sent, worker_variables(identity)):
        assert key.startswith(prefix)
        assert ".." not in key.split("/")
        assert not key.startswith("/")
        assert "of the worker" not in key
        assert len(key.encode()) <= 1000
        assert max(len(part.encode()) for part in key.split("/")) <= 255


@given(
    declared=st.lists(st.tuples(specs(), ROOM_NAMES), min_size=1, max_size=3),
    uids=st.lists(st.uuids().map(str), min_size=3, max_size=3, unique=True),
    prefix=PREFIXES,
)
def test_no_two_attempts_share_an_object_key(
    declared: list[tuple[RecordingSpec, str]], uids: list[str], prefix: str
) -> None:
    written: list[set[str]] = []
    for (spec, room_name), uid in zip(declared, uids, strict=False):
        for number in (1, 2, 11):
            try:
                sent = request(spec, room_name=room_name, prefix=prefix, uid=uid, number=number)
            except KeyTemplateError:
                continue
            uploaded = list(worker.keys(sent, worker_variables("alice")))
            assert len(uploaded) == len(set(uploaded))  # nor two outputs of one attempt
            written.append(set(uploaded))
    for keys, later in pairwise(written):
        assert not keys & later
    assert sum(map(len, written)) == len(set().union(*written))


@given(spec=specs(), other=st.uuids().map(str))
def test_a_key_that_names_the_objects_of_another_is_another_key(spec: RecordingSpec, other: str) -> None:
    """Whoever sees a key, and declares just that as a template, writes to another one."""
    try:
        theirs = request(spec)
    except KeyTemplateError:
        return
    for key in worker.keys(theirs, worker_variables("alice")):
        below = key.removeprefix("team-a/")
        assume(below)
        for output in (
            {"file": {"filepath": below}},
            {"hls": {"directory": below}},
            {"images": {"directory": below}},
        ):
            try:
                mine = request(a_spec("roomComposite", outputs=output), uid=other)
            except KeyTemplateError:
                continue
            assert not set(worker.keys(mine, {})) & set(worker.keys(theirs, worker_variables("alice")))


def test_the_default_templates_of_every_source_are_keys() -> None:
    for source in SOURCES:
        for output in ("file",) if source == "track" else ("file", "hls", "images"):
            [*uploaded] = worker.keys(request(a_spec(source, output)), worker_variables("alice"))
            assert all(key.startswith("team-a/") for key in uploaded)
            assert UID not in str(uploaded)
