"""One table per check: what it says of which world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain import checks, metadata
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from tests.unit.domain.builders import WorldBuilder, a_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.rooms import World

FINE = a_world().with_role("host")


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_no_check_finds_anything_in_a_world_that_is_fine(
    check: Callable[[World], Finding | None],
) -> None:
    assert check(FINE.build()) is None


def test_nothing_is_an_obstacle_in_a_world_that_is_fine() -> None:
    assert checks.obstacle(FINE.build()) is None


def test_a_spec_that_cannot_be_read_is_named() -> None:
    finding = checks.spec_is_unreadable(FINE.unreadable().build())
    assert finding is not None
    assert (finding.reason, finding.message) == (Reason.INVALID_SPEC, "spec.lifecycle: unknown")


@pytest.mark.parametrize("name", ["", "a|b", "a/b", "a..b", "a\nb", "ä" * 129])
def test_a_room_name_that_livekit_cannot_live_with(name: str) -> None:
    finding = checks.room_name_is_unusable(FINE.called(name).build())
    assert finding is not None
    assert finding.reason is Reason.INVALID_ROOM_NAME
    assert finding.message.startswith("spec.roomName: ")


def test_no_server_comes_with_what_to_do() -> None:
    finding = checks.server_is_missing(FINE.without_server().build())
    assert finding is not None
    assert finding.reason is Reason.NO_SERVER
    assert "LIVEKIT_URL" in finding.message


@pytest.mark.parametrize(
    ("world", "message"),
    [
        (FINE.called("team-b_standup"), "spec.roomName: 'team-b_standup' is not allowed"),
        (FINE.with_role("spy", grants={"hidden": True}), "spec.roles[spy].grants.hidden: "),
        (
            FINE.called("z").on_server_with(Policy(room_name_patterns=("x-*", "y-*"))),
            "it must match x-* or y-*",
        ),
    ],
    ids=["name", "grant", "patterns"],
)
def test_the_policy_names_field_and_limit(world: WorldBuilder, message: str) -> None:
    finding = checks.policy_is_violated(world.build())
    assert finding is not None
    assert finding.reason is Reason.POLICY_VIOLATION
    assert message in finding.message


@pytest.mark.parametrize("world", [FINE.without_server(), FINE.unreadable()], ids=["server", "spec"])
def test_no_policy_is_asked_where_something_is_missing(world: WorldBuilder) -> None:
    assert checks.policy_is_violated(world.build()) is None


@pytest.mark.parametrize(
    ("world", "identity"),
    [
        (a_world().with_role("a", identities=["x", "y"]).with_role("b", identities=["y"]), "y"),
        (a_world().with_role("a", identities=["x", "x"]), "x"),
        (a_world().with_role("a").with_role("b", identities=["a"]), "a"),
        (a_world().with_role("a", identities=["z", "m", "z", "m"]), "m"),
        (a_world().with_role("a").declaring(moderation={"blockedIdentities": ["b", "a"]}), "a"),
        (a_world().with_role("a", count=2).with_role("b", identities=["a-1"]), "a-1"),
    ],
    ids=[
        "two roles",
        "one role",
        "a default identity",
        "the first by name",
        "also blocked",
        "a numbered one",
    ],
)
def test_an_identity_that_is_given_twice(world: WorldBuilder, identity: str) -> None:
    finding = checks.identity_is_repeated(world.build())
    assert finding is not None
    assert finding.reason is Reason.DUPLICATE_IDENTITY
    assert f"{identity!r} is given more than once" in finding.message


@pytest.mark.parametrize(
    "world",
    [
        FINE.with_role("guest", secretTemplate={"name": "standup.host"}),
        FINE.with_role("a", secretTemplate={"name": "one"}).with_role("b", secretTemplate={"name": "one"}),
    ],
)
def test_a_secret_of_two_roles(world: WorldBuilder) -> None:
    finding = checks.obstacle(world.build())
    assert finding is not None
    assert finding.reason is Reason.SECRET_CONFLICT
    assert finding.message.startswith("spec.roles: Secret ")


@pytest.mark.parametrize(
    ("size", "is_refused"), [(metadata.MAX_BYTES, False), (metadata.MAX_BYTES + 1, True)]
)
@pytest.mark.parametrize("letter", ["a", "ä"])
def test_metadata_is_measured_in_bytes_of_its_json(size: int, letter: str, *, is_refused: bool) -> None:
    frame = len('{"k":""}')
    text = letter * ((size - frame) // len(letter.encode()))
    text += "a" * (size - frame - len(text.encode()))
    finding = checks.metadata_is_too_large(FINE.declaring(metadata={"k": text}).build())
    assert (finding is not None) is is_refused
    if finding:
        assert finding.reason is Reason.METADATA_TOO_LARGE
        assert f"{size} bytes" in finding.message


def test_a_claim_of_the_own_namespace_is_named() -> None:
    finding = checks.name_is_claimed(FINE.losing_to("team-a", "older").build())
    assert finding is not None
    assert finding.reason is Reason.ROOM_CONFLICT
    assert "Room 'older' is older" in finding.message


def test_a_claim_of_another_namespace_is_not_named() -> None:
    finding = checks.name_is_claimed(FINE.losing_to("team-b", "secret-project").build())
    assert finding is not None
    assert "secret-project" not in finding.message
    assert "team-b" not in finding.message


def test_people_hear_first_of_what_they_have_to_mend_first() -> None:
    world = FINE.called("a|b").without_server().losing_to("team-a", "older")
    world = world.with_role("x", identities=["host"])
    expected = [
        (world.unreadable(), Reason.INVALID_SPEC),
        (world, Reason.INVALID_ROOM_NAME),
        (world.called("team-b_x"), Reason.NO_SERVER),
        (world.called("team-b_x").naming_a_server(), Reason.SERVER_NOT_ALLOWED),
    ]
    for each, reason in expected:
        finding = checks.obstacle(each.build())
        assert finding is not None
        assert finding.reason is reason
