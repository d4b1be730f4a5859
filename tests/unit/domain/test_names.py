from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.domain import names
from roomkeeper.domain.objects import Key


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "team-a_standup",
        "Stand up!",
        "a.b",
        "a" * 256,
        "ä" * 128,
        "会議",
        "👩\u200d💻",
        "\u0645\u06cc\u200c\u062e",
    ],
)
def test_livekit_can_live_with(name: str) -> None:
    assert names.is_usable(name)


@pytest.mark.parametrize(
    "name",
    ["", "a" * 257, "ä" * 129, "a|b", "a/b", "..", "a..b", "a\x00", "a\tb", "a\nb", "\x7f", "\x85", "\ud800"],
    ids=ascii,
)
def test_livekit_cannot_live_with(name: str) -> None:
    assert not names.is_usable(name)


def test_two_namespaces_never_meet_in_one_default_name() -> None:
    assert names.default_room_name(Key("Room", "a", "b-c")) == "a_b-c"
    assert names.default_room_name(Key("Room", "a-b", "c")) == "a-b_c"


def test_a_secret_is_called_after_room_and_role() -> None:
    assert names.secret_name("standup.daily", "host") == "standup.daily.host"


@pytest.mark.parametrize(
    ("name", "template", "expected"),
    [
        ("team-b_x", "{namespace}_{name}", True),
        ("team-a_x", "{namespace}_{name}", False),
        ("team-a_x_y", "{namespace}_{name}", False),
        ("lobby", "{namespace}_{name}", False),
        ("Team-b_x", "{namespace}_{name}", False),
        ("_x", "{namespace}_{name}", False),
        ("-b_x", "{namespace}_{name}", False),
        ("b" * 63 + "_x", "{namespace}_{name}", True),
        ("b" * 64 + "_x", "{namespace}_{name}", False),
        ("team-b\n_x", "{namespace}_{name}", False),
        ("c1-team-b_x", "c1-{namespace}_{name}", True),
        ("team-b_x", "c1-{namespace}_{name}", False),
        ("c1-team-a_x", "c1-{namespace}_{name}", False),
    ],
)
def test_a_name_that_the_template_could_make_for_another_namespace(
    name: str, template: str, *, expected: bool
) -> None:
    assert names.belongs_elsewhere(name, template=template, namespace="team-a") is expected


def test_no_default_name_belongs_elsewhere() -> None:
    template = "c1-{namespace}_{name}"
    name = names.default_room_name(Key("Room", "team-a", "standup"), template)
    assert name == "c1-team-a_standup"
    assert not names.belongs_elsewhere(name, template=template, namespace="team-a")
    assert names.belongs_elsewhere(name, template=template, namespace="team-b")


TEXTS = st.text(alphabet="ab*", max_size=12)


@given(pattern=TEXTS, name=st.text(alphabet="ab", max_size=12))
def test_patterns_match_as_in_a_shell(pattern: str, name: str) -> None:
    assert names.matches(pattern, name) is fnmatchcase(name, pattern)


def test_a_pattern_takes_no_time() -> None:
    assert not names.matches("*a" * 128, "a" * 127 + "b" * 100_000)
    assert names.matches("[a]?*", "[a]?x")
    assert not names.matches("[a]?*", "abx")
