"""What is written over a room's metadata, and when nothing is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import metadata

UNTOUCHED = "untouched"


def desired(policy: str, declared: Any, live: str, kept: tuple[str, ...] = ()) -> Any:
    """Return the object that is to be stored, "" or UNTOUCHED."""
    spec = RoomSpec.model_validate({"metadataPolicy": policy, "metadata": declared})
    text = metadata.desired(spec, live=live, kept=kept)
    if text is None:
        return UNTOUCHED
    return json.loads(text) if text else ""


@pytest.mark.parametrize(
    ("declared", "live", "kept", "expected"),
    [
        ({"a": 1}, "", (), {"a": 1}),
        ({"a": 1}, '{"a":1}', ("a",), UNTOUCHED),
        ({"a": 1, "b": 2}, '{"b": 2,\n "a": 1}', ("a", "b"), UNTOUCHED),
        ({"a": {"x": 1, "y": [1]}}, '{"a":{"y":[1],"x":1}}', ("a",), UNTOUCHED),
        ({"a": 1}, '{"a":1.0}', ("a",), UNTOUCHED),
        ({"a": True}, '{"a":1}', ("a",), {"a": True}),
        ({"a": 0}, '{"a":false}', ("a",), {"a": 0}),
        ({"a": [{"b": 1}]}, '{"a":[{"b":true}]}', ("a",), {"a": [{"b": 1}]}),
        ({"a": [1, 2]}, '{"a":[2,1]}', ("a",), {"a": [1, 2]}),
        ({"a": None}, "{}", (), {"a": None}),
        ({"a": 1}, '{"a":2}', ("a",), {"a": 1}),
        ({"a": 1}, '{"theirs":true}', (), {"a": 1, "theirs": True}),
        ({"a": 1}, '{"a":1,"theirs":true}', ("a",), UNTOUCHED),
        ({"a": 1}, '{"a":1,"b":2,"theirs":3}', ("a", "b"), {"a": 1, "theirs": 3}),
        (None, '{"a":1,"theirs":3}', ("a",), {"theirs": 3}),
        (None, '{"a":1}', ("a",), ""),
        (None, "", ("a",), UNTOUCHED),
        (None, '{"theirs":3}', (), UNTOUCHED),
        (None, "not JSON", (), UNTOUCHED),
        (None, "not JSON", ("a",), UNTOUCHED),
        ({}, "not JSON", (), UNTOUCHED),
        ({}, '{"theirs":3}', (), UNTOUCHED),
        ({}, "", (), UNTOUCHED),
        ({"a": 1}, "not JSON", (), {"a": 1}),
        ({"a": 1}, "[1]", (), {"a": 1}),
        ({"a": 1}, "null", (), {"a": 1}),
        ({"a": 1}, "[" * 100_000, (), {"a": 1}),
        ({"a": 1}, '{"a":1,"theirs":' + "[" * 700 + "]" * 700 + "}", ("a",), UNTOUCHED),
        ({"a": 1}, "9" * 10_000, (), {"a": 1}),
    ],
)
def test_merge(declared: Any, live: str, kept: tuple[str, ...], expected: Any) -> None:
    found = desired("Merge", declared, live, kept)
    assert found == expected
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)  # True is not 1


@pytest.mark.parametrize(
    ("declared", "live", "kept", "expected"),
    [
        ({"a": 1}, "", (), {"a": 1}),
        ({"a": 1}, '{ "a": 1 }', (), UNTOUCHED),
        ({"a": 1}, '{"a":1,"theirs":3}', ("a",), {"a": 1}),
        ({"a": 1}, "not JSON", (), {"a": 1}),
        ({}, '{"theirs":3}', (), ""),
        ({}, "not JSON", (), ""),
        ({}, "", (), UNTOUCHED),
        (None, '{"theirs":3}', (), UNTOUCHED),
        (None, '{"a":1,"theirs":3}', ("a",), ""),
    ],
)
def test_enforce(declared: Any, live: str, kept: tuple[str, ...], expected: Any) -> None:
    assert desired("Enforce", declared, live, kept) == expected


@pytest.mark.parametrize("policy", ["Merge", "Enforce"])
@pytest.mark.parametrize(
    ("live", "expected"),
    [("", '{"a": 1}'), ('{"a": 1}', None), ('{"a":1}', '{"a": 1}'), ("theirs", '{"a": 1}')],
)
def test_a_raw_text_is_compared_as_a_text(policy: str, live: str, expected: str | None) -> None:
    spec = RoomSpec.model_validate({"metadataPolicy": policy, "rawMetadata": '{"a": 1}'})
    assert metadata.desired(spec, live=live, kept=("b",)) == expected


@pytest.mark.parametrize("declared", [{"metadata": {"a": 1}}, {"rawMetadata": '{"a":1}'}, {}])
@pytest.mark.parametrize(
    ("live", "is_newborn", "is_set"), [("", True, True), ("x", True, False), ("", False, False)]
)
def test_initial_metadata_is_set_once(
    declared: dict[str, Any], live: str, *, is_newborn: bool, is_set: bool
) -> None:
    spec = RoomSpec.model_validate({"metadataPolicy": "Initial", **declared})
    wanted = metadata.desired(spec, live=live, kept=("a", "b"), is_newborn=is_newborn)
    assert wanted == (metadata.initial(spec) if is_set and declared else None)


def test_a_new_room_gets_what_is_declared() -> None:
    assert metadata.initial(RoomSpec(metadata={"topic": "äöü", "n": [1]})) == '{"topic":"äöü","n":[1]}'
    assert metadata.initial(RoomSpec(metadata={})) == ""
    assert metadata.initial(RoomSpec()) == ""


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, width=16)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["a", "b", "c", "d"])
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)
LIVE = st.builds(json.dumps, JSON) | st.builds(json.dumps, OBJECTS) | st.text(max_size=5)


@given(
    policy=st.sampled_from(["Merge", "Enforce"]),
    declared=st.none() | OBJECTS,
    live=LIVE,
    kept=st.lists(KEYS, unique=True),
)
def test_what_was_stored_needs_nothing_more(
    policy: str, declared: dict[str, Any] | None, live: str, kept: list[str]
) -> None:
    spec = RoomSpec.model_validate({"metadataPolicy": policy, "metadata": declared})
    stored = metadata.desired(spec, live=live, kept=kept)
    after = live if stored is None else stored
    assert metadata.desired(spec, live=after, kept=kept) is None
    assert metadata.desired(spec, live=after, kept=sorted(declared or ())) is None


@given(declared=OBJECTS, theirs=OBJECTS, kept=st.lists(KEYS, unique=True))
def test_merge_keeps_the_declared_true_and_the_rest_theirs(
    declared: dict[str, Any], theirs: dict[str, Any], kept: list[str]
) -> None:
    live = json.dumps(theirs)
    stored = metadata.desired(RoomSpec(metadata=declared), live=live, kept=kept)
    after = json.loads((live if stored is None else stored) or "{}")
    assert {key: after[key] for key in declared} == declared
    others = theirs.keys() - declared.keys() - set(kept)
    assert after.keys() - declared.keys() == others
    assert {key: after[key] for key in others} == {key: theirs[key] for key in others}
