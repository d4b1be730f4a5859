from __future__ import annotations

import pytest

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
