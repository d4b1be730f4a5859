"""What a Room needs: from worlds to actions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_plan import plan
from roomkeeper.domain.rooms import (
    AddFinalizer,
    CreateRoom,
    DeleteSecret,
    IssueTokens,
    ServerState,
    UpdateMetadata,
)
from tests.unit.domain.builders import CREATED, NAME, NOW, SIGNING_KEY, WorldBuilder, a_world, config

HELD = a_world().held().with_role("host")
FINE = HELD.live().with_secret("host")


def issues(world: WorldBuilder) -> list[tuple[str, str]]:
    """Return which Secrets are to be written and why; nothing else may be planned."""
    planned = plan(world.build())
    assert all(isinstance(action, IssueTokens) for action in planned)
    return [(action.issue.tokens.secret_name, action.issue.reason) for action in planned]


def test_a_new_room_is_held_before_anything_is_made() -> None:
    assert plan(a_world().with_role("host").build()) == (AddFinalizer(),)


@pytest.mark.parametrize("state", [ServerState.UNKNOWN, ServerState.UNREACHABLE, ServerState.REFUSED])
def test_a_new_room_is_not_held_for_a_server_that_never_answered(state: ServerState) -> None:
    assert plan(a_world().with_role("host").on_server(state).build()) == ()


def test_a_room_that_is_absent_is_created_with_its_tokens() -> None:
    world = HELD.declaring(metadata={"topic": "x"}, maxParticipants=9).build()
    create, issue = plan(world)
    assert create == CreateRoom(NAME, config(max_participants=9), '{"topic":"x"}')
    assert isinstance(issue, IssueTokens)
    assert (issue.existing, issue.issue.reason) == (None, "the Secret is missing")


def test_a_room_that_may_be_there_is_waited_for() -> None:
    assert plan(HELD.too_early().with_secret("host").build()) == ()


def test_nothing_happens_when_all_is_as_declared() -> None:
    assert plan(FINE.build()) == ()


def test_a_live_room_of_another_configuration_stays() -> None:
    assert plan(FINE.live(config=config(max_participants=3)).build()) == ()


def test_metadata_is_repaired_in_place() -> None:
    world = FINE.declaring(metadata={"a": 1}).live(metadata='{"a":2,"theirs":3}')
    assert plan(world.build()) == (UpdateMetadata(NAME, '{"a":1,"theirs":3}'),)


def test_metadata_keys_of_the_last_status_are_withdrawn() -> None:
    world = (
        FINE.declaring(metadata={"a": 1}).live(metadata='{"a":1,"b":2}').with_status(metadataKeys=["a", "b"])
    )
    assert plan(world.build()) == (UpdateMetadata(NAME, '{"a":1}'),)


def test_a_room_that_was_there_before_is_adopted_as_it_is() -> None:
    adopted = FINE.live(created_at=CREATED - timedelta(days=1), config=config(max_participants=3))
    assert plan(adopted.build()) == ()
    assert plan(adopted.declaring(metadata={"a": 1}).live(metadata="").build()) == (
        UpdateMetadata(NAME, '{"a":1}'),
    )


@pytest.mark.parametrize(
    "world",
    [
        FINE.unreadable(),
        FINE.called("a|b"),
        FINE.without_server(),
        FINE.on_server_with(Policy(room_name_patterns=())),
        FINE.with_role("host2", identities=["host"]),
        FINE.declaring(metadata={"a": "x" * 70_000}),
        HELD.losing_to("team-a", "older"),
        HELD.failing(),
        FINE.failing(Reason.ROOM_REJECTED),
    ],
    ids=["spec", "name", "server", "policy", "identity", "metadata", "claim", "new failure", "failure"],
)
def test_nothing_is_done_while_something_stands_in_the_way(world: WorldBuilder) -> None:
    assert plan(world.build()) == ()


def test_only_what_is_due_is_issued() -> None:
    world = FINE.with_role("viewer").with_secret("viewer", issued_at=NOW - timedelta(minutes=50))
    assert issues(world) == [("standup.viewer", "the tokens expire soon")]


def test_tokens_are_written_over_the_version_that_is_known() -> None:
    [action] = plan(FINE.at(NOW + timedelta(hours=1)).build())
    assert isinstance(action, IssueTokens)
    assert action.existing is not None
    assert action.existing.resource_version == "3"


def test_the_secret_of_a_role_that_is_gone_is_deleted_once_status_names_who_has_its_tokens() -> None:
    going = FINE.with_secret("former")
    assert plan(going.build()) == ()
    [action] = plan(going.concluded().build())
    assert isinstance(action, DeleteSecret)
    assert action.secret.name == "standup.former"


@pytest.mark.parametrize("owner", ["", "uid-of-another"])
def test_a_secret_of_another_owner_is_neither_written_nor_deleted(owner: str) -> None:
    assert plan(HELD.live().with_secret("host", owner_uid=owner, annotations={}).build()) == ()
    assert plan(FINE.with_secret("former", owner_uid=owner).build()) == ()


def test_a_name_that_belongs_to_somebody_else_is_left_alone() -> None:
    assert plan(HELD.live().with_foreign_secret("standup.host").build()) == ()


def test_what_cannot_be_issued_is_not_tried_again_and_others_are() -> None:
    assert issues(HELD.with_role("viewer").live().refusing("host")) == [
        ("standup.viewer", "the Secret is missing")
    ]


DUE = NOW + timedelta(minutes=55)


@pytest.mark.parametrize(
    ("state", "key_was_accepted", "signed_by", "is_issued"),
    [
        (ServerState.ACCEPTED, True, SIGNING_KEY, True),
        (ServerState.ACCEPTED, True, "another", True),
        (ServerState.UNREACHABLE, True, SIGNING_KEY, True),
        (ServerState.UNREACHABLE, True, "another", True),
        (ServerState.UNREACHABLE, False, SIGNING_KEY, True),
        (ServerState.UNREACHABLE, False, "another", False),
        (ServerState.UNREACHABLE, False, None, False),
        (ServerState.UNKNOWN, False, SIGNING_KEY, True),
        (ServerState.UNKNOWN, False, "another", False),
        (ServerState.REFUSED, False, SIGNING_KEY, False),
        (ServerState.REFUSED, False, "another", False),
    ],
)
def test_tokens_are_signed_only_with_a_key_that_the_server_accepted(
    state: ServerState, signed_by: str | None, *, key_was_accepted: bool, is_issued: bool
) -> None:
    world = HELD.on_server(state, key_was_accepted=key_was_accepted).live().at(DUE)
    if signed_by is not None:
        [secret] = world.with_secret("host").build().secrets.values()
        annotations = {**secret.annotations, "roomkeeper.dev/signing-key": signed_by}
        world = world.with_secret("host", annotations=annotations)
    assert bool(issues(world)) is is_issued


def test_a_server_that_does_not_answer_is_not_asked_for_a_room() -> None:
    world = HELD.on_server(ServerState.UNREACHABLE).with_secret("host")
    assert plan(world.build()) == ()
    assert plan(world.live(metadata="x").declaring(metadata={"a": 1}).build()) == ()


def test_a_room_whose_node_may_be_dead_is_created_again_as_it_is() -> None:
    world = FINE.declaring(metadata={"a": 1}).live(metadata='{"theirs":2}').doubted()
    assert plan(world.build()) == (CreateRoom(NAME, config(), '{"theirs":2}'),)
    assert plan(FINE.deleted().doubted().build()) == (CreateRoom(NAME, config(), ""),)


def test_metadata_that_somebody_has_overwritten_is_put_right_until_it_is_contested() -> None:
    world = FINE.declaring(metadata={"a": 1}).concluded().live(metadata='{"a":2}')
    right = UpdateMetadata(NAME, '{"a":1}', is_correction=True)
    assert plan(world.overwritten(2).build()) == (right,)
    assert plan(world.overwritten(3).build()) == ()


def test_an_edit_is_no_correction() -> None:
    world = FINE.declaring(metadata={"a": 1}).concluded().declaring(metadata={"a": 3}).edited()
    assert plan(world.live(metadata='{"a":1}').build()) == (UpdateMetadata(NAME, '{"a":3}'),)
    other = FINE.declaring(metadata={"a": 1}).concluded().live(sid="RM_2", metadata="")
    assert plan(other.build()) == (UpdateMetadata(NAME, '{"a":1}'),)
