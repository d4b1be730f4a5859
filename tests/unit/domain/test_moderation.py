"""Who is removed, who is put right, and who is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.domain import claims, moderation, tokens
from roomkeeper.domain.livekit import Participant, ParticipantKind, ParticipantUpdate, Permission
from roomkeeper.domain.moderation import RemoveParticipant, UpdateParticipant
from roomkeeper.engine.people import updated
from tests.unit.domain.builders import NAME, NOW, a_world
from tests.unit.domain.people import at, declare, joined, reconcile

if TYPE_CHECKING:
    from roomkeeper.domain.rooms import World

MINUTE = timedelta(minutes=1)
WORLD = a_world().held().live(num_participants=1).with_status(observedGeneration=1).build()
VIEWER = {"name": "host", "identities": ["alice", "bob"]}
HOST = {**VIEWER, "grants": {"canPublish": True}}
ADMIN = {**VIEWER, "grants": {"canPublish": True, "roomAdmin": True}}
PUBLISHING = Permission(can_publish=True)
REMOVED = (RemoveParticipant(NAME, "alice", "PA_1"),)


def issued(*roles: dict[str, Any], **spec: Any) -> tuple[World, tokens.Issue]:
    world, issues = reconcile(declare(WORLD, roles=roles, **spec))
    return world, issues[0]


def edited(world: World, *roles: dict[str, Any], **spec: Any) -> World:
    return reconcile(at(declare(world, roles=roles, **spec), world.now + MINUTE))[0]


def with_people(world: World, *people: Participant) -> World:
    return replace(world, participants=people)


def alice(permission: Permission | None = None, **changes: Any) -> Participant:
    return replace(Participant("alice", "PA_1", permission=permission or Permission()), **changes)


def carry_out(world: World) -> World:
    """Do what is planned, in a LiveKit that works."""
    for action in moderation.plan(world):
        people = world.participants or ()
        match action:
            case RemoveParticipant():
                left = tuple(person for person in people if person.sid != action.sid)
                world = replace(world, participants=left)
            case UpdateParticipant():
                changed = tuple(
                    updated(person, action.update) if person.sid == action.sid else person
                    for person in people
                )
                marks = frozenset({action.mark} - {""})
                world = replace(world, participants=changed, corrected=world.corrected | marks)
    return world


def updates(world: World) -> list[ParticipantUpdate]:
    """Return the updates that are calls; nobody may be removed."""
    planned = moderation.plan(world)
    assert all(isinstance(action, UpdateParticipant) for action in planned)
    found = [action.update for action in planned if isinstance(action, UpdateParticipant)]
    return [update for update in found if update != ParticipantUpdate()]


def test_nothing_is_done_when_nobody_asked_who_is_there() -> None:
    world, _ = issued(VIEWER, moderation={"blockedIdentities": ["alice"]})
    assert moderation.plan(world) == ()


def test_people_who_are_as_declared_are_left_alone() -> None:
    world, issue = issued(HOST)
    assert moderation.plan(with_people(world, joined(issue, "alice"))) == ()


@pytest.mark.parametrize("permission", [Permission(), PUBLISHING, Permission(hidden=True)])
def test_people_of_the_application_are_left_alone(permission: Permission) -> None:
    world = edited(issued(VIEWER)[0], HOST, moderation={"blockedIdentities": ["mallory"]})
    assert moderation.plan(with_people(world, alice(permission, identity="stranger"))) == ()


def test_who_is_blocked_is_removed_whatever_they_are() -> None:
    world = declare(WORLD, moderation={"blockedIdentities": ["alice"]})
    assert moderation.plan(with_people(world, alice())) == REMOVED
    assert moderation.plan(carry_out(with_people(world, alice()))) == ()


@pytest.mark.parametrize("kind", [ParticipantKind.AGENT, ParticipantKind.EGRESS])
def test_agents_and_egress_workers_are_never_touched(kind: ParticipantKind) -> None:
    world = edited(issued(ADMIN)[0], moderation={"blockedIdentities": ["alice"]})
    assert moderation.plan(with_people(world, alice(kind=kind))) == ()


@pytest.mark.parametrize("stop", ["suspended", "deleted", "unreadable", "absent"])
def test_nobody_is_moderated(stop: str) -> None:
    world = with_people(declare(WORLD, moderation={"blockedIdentities": ["alice"]}), alice())
    assert moderation.plan(world)
    match stop:
        case "suspended":
            world = declare(world, suspend=True, moderation={"blockedIdentities": ["alice"]})
        case "deleted":
            world = replace(world, room=replace(world.room, deleted_at=NOW))
        case "unreadable":
            world = replace(world, spec=None)
        case _:
            world = replace(world, live=None)
    assert moderation.plan(world) == ()
    assert not moderation.needs_people(world)


def test_who_is_in_no_role_any_more_is_removed_at_every_join_until_the_token_has_ended() -> None:
    first, issue = issued(VIEWER)
    world = edited(first, {**VIEWER, "identities": ["bob"]})
    assert moderation.plan(with_people(world, joined(issue, "alice"))) == REMOVED
    again = with_people(world, joined(issue, "alice", "PA_2"))
    assert moderation.plan(again) == (RemoveParticipant(NAME, "alice", "PA_2"),)
    ended = at(again, NOW + timedelta(hours=1, minutes=2))
    assert moderation.plan(ended) == ()


def test_a_viewer_becomes_a_host_and_a_host_a_viewer() -> None:
    first, issue = issued(VIEWER)
    world = edited(first, HOST)
    assert updates(with_people(world, joined(issue, "alice"))) == [ParticipantUpdate(permission=PUBLISHING)]
    world = edited(world, VIEWER)
    assert updates(with_people(world, alice(PUBLISHING))) == [ParticipantUpdate(permission=Permission())]


def test_one_who_was_demoted_stays_so_at_every_join_with_the_old_token() -> None:
    first, issue = issued(HOST)
    world = carry_out(with_people(edited(first, VIEWER), joined(issue, "alice")))
    assert moderation.plan(world) == ()
    again = with_people(world, joined(issue, "alice", "PA_2"))
    assert updates(again) == [ParticipantUpdate(permission=Permission())]
    assert moderation.plan(carry_out(again)) == ()


@pytest.mark.parametrize("was_right", [True, False], ids=["joined with the new token", "was put right"])
def test_what_the_application_changes_after_the_correction_stays(*, was_right: bool) -> None:
    first, _ = issued(HOST)
    viewer = with_people(edited(first, VIEWER), alice(Permission() if was_right else PUBLISHING))
    world = carry_out(viewer)
    assert moderation.plan(world) == ()
    assert moderation.plan(with_people(world, alice(PUBLISHING))) == ()


def test_every_edit_is_applied_to_the_same_join() -> None:
    world, _ = issued(VIEWER)
    world = with_people(world, alice())
    for role, permission in [(HOST, PUBLISHING), (VIEWER, Permission()), (HOST, PUBLISHING)]:
        world = carry_out(edited(world, role))
        assert world.participants is not None
        assert [person.permission for person in world.participants] == [permission]


@pytest.mark.parametrize(
    ("policy", "is_fought"), [("OnChange", False), ("Enforce", True)], ids=["OnChange", "Enforce"]
)
def test_an_application_that_promotes_a_viewer(policy: str, *, is_fought: bool) -> None:
    world, _ = issued({**VIEWER, "permissionsPolicy": policy})
    promoted = with_people(world, alice(PUBLISHING))
    assert updates(promoted) == ([ParticipantUpdate(permission=Permission())] if is_fought else [])
    assert moderation.plan(carry_out(promoted)) == ()


def test_a_change_of_the_profile_takes_no_promotion_back() -> None:
    first, _ = issued(VIEWER)
    world = edited(first, {**VIEWER, "displayName": "Viewer"})
    assert updates(with_people(world, alice(PUBLISHING))) == [ParticipantUpdate(name="Viewer")]


def test_name_metadata_and_attributes_of_those_who_are_there() -> None:
    first, issue = issued({**VIEWER, "displayName": "old", "attributes": {"kept": "1", "gone": "2"}})
    after = {"displayName": "new", "metadata": {"a": 1}, "attributes": {"kept": "3", "more": "4"}}
    world = edited(first, {**VIEWER, **after})
    person = joined(issue, "alice")
    person = replace(person, attributes={**person.attributes, "theirs": "5"})
    assert updates(with_people(world, person)) == [
        ParticipantUpdate(name="new", metadata='{"a":1}', attributes={"kept": "3", "more": "4", "gone": ""})
    ]
    done = carry_out(with_people(world, person))
    assert done.participants is not None
    assert done.participants[0].attributes == {"kept": "3", "more": "4", "theirs": "5"}
    assert moderation.plan(done) == ()


def test_what_livekit_cannot_empty_is_left() -> None:
    first, issue = issued({**VIEWER, "displayName": "old", "metadata": {"a": 1}})
    world = edited(first, VIEWER)
    assert updates(with_people(world, joined(issue, "alice"))) == []


@pytest.mark.parametrize("power", ["roomAdmin", "roomRecord"])
def test_who_loses_a_power_is_disconnected_at_every_join(power: str) -> None:
    first, issue = issued({**VIEWER, "grants": {power: True}})
    world = edited(first, VIEWER)
    assert moderation.plan(with_people(world, joined(issue, "alice"))) == REMOVED
    assert moderation.plan(with_people(world, joined(issue, "alice", "PA_2")))
    back = edited(world, {**VIEWER, "grants": {power: True}})
    assert updates(with_people(back, joined(issue, "alice"))) == []


CAMERA = [{"identity": "alice", "sources": ["camera"]}]
REST = claims.SOURCES - {"camera"}


@pytest.mark.parametrize("policy", ["OnChange", "Enforce"])
@pytest.mark.parametrize("roles", [(HOST,), (VIEWER,), ()], ids=["host", "viewer", "of no role"])
def test_a_denied_source_stays_off(policy: str, roles: tuple[dict[str, Any], ...]) -> None:
    declared = [{**role, "permissionsPolicy": policy} for role in roles]
    world = reconcile(declare(WORLD, roles=declared, moderation={"deniedSources": CAMERA}))[0]
    for sources in (frozenset[str](), frozenset({"camera", "microphone"}), frozenset({"camera"})):
        after = carry_out(with_people(world, alice(replace(PUBLISHING, can_publish_sources=sources))))
        assert after.participants is not None
        [person] = after.participants
        assert "camera" not in claims.allowed_sources(person.permission)
        if policy == "OnChange" or not roles:
            expected = (sources or claims.SOURCES) - {"camera"}
            assert claims.allowed_sources(person.permission) == expected
        assert moderation.plan(after) == ()


def test_a_source_that_is_no_longer_denied_comes_back() -> None:
    world, issue = issued(HOST, moderation={"deniedSources": CAMERA})
    person = joined(issue, "alice")
    assert person.permission.can_publish_sources == REST
    assert moderation.plan(with_people(world, person)) == ()
    after = edited(world, HOST)
    assert updates(with_people(after, person)) == [ParticipantUpdate(permission=PUBLISHING)]
    assert updates(with_people(after, joined(issue, "bob"))) == []


def test_what_the_token_set_and_no_update_should_clear_is_kept() -> None:
    world, _ = issued({**HOST, "permissionsPolicy": "Enforce"})
    live = Permission(agent=True, recorder=True)
    assert updates(with_people(world, alice(live))) == [
        ParticipantUpdate(permission=replace(live, can_publish=True))
    ]


@pytest.mark.parametrize(
    ("spec", "is_needed"),
    [
        ({"roles": [VIEWER]}, False),
        ({"roles": [{**VIEWER, "permissionsPolicy": "Enforce"}]}, True),
        ({"moderation": {"blockedIdentities": ["mallory"]}}, True),
        ({"moderation": {"deniedSources": CAMERA}}, True),
    ],
    ids=["a role", "Enforce", "blocked", "denied"],
)
def test_who_is_there_is_asked_for_only_where_it_matters(spec: dict[str, Any], *, is_needed: bool) -> None:
    world = reconcile(declare(WORLD, **spec))[0]
    assert moderation.needs_people(world) is is_needed
    empty = replace(world, live=a_world().live().build().live)
    assert not moderation.needs_people(empty)


def test_who_is_there_is_asked_for_while_somebody_is_revoked_and_after_an_edit() -> None:
    first, _ = issued(VIEWER)
    world = edited(first, HOST)
    assert moderation.needs_people(world)
    assert not moderation.needs_people(at(world, NOW + timedelta(hours=2)))
    assert first.live is not None
    seen = {**first.room.status, "sid": first.live.sid}
    newer = replace(first, room=replace(first.room, generation=2, status=seen))
    assert moderation.needs_people(newer)
    newborn = replace(newer, room=replace(newer.room, status={**seen, "sid": "RM_before"}))
    assert not moderation.needs_people(newborn)  # a webhook tells of whoever joins it


PERMISSIONS = st.builds(
    Permission,
    can_subscribe=st.booleans(),
    can_publish=st.booleans(),
    can_publish_sources=st.frozensets(st.sampled_from(sorted(claims.SOURCES))),
    hidden=st.booleans(),
)
PEOPLE = st.lists(
    st.builds(
        Participant,
        identity=st.sampled_from(["alice", "bob", "carol", "mallory"]),
        sid=st.just(""),
        kind=st.sampled_from(ParticipantKind),
        permission=PERMISSIONS,
        name=st.sampled_from(["", "x"]),
        attributes=st.dictionaries(st.sampled_from(["a", "b"]), st.just("1")),
    ),
    max_size=4,
    unique_by=lambda person: person.identity,
)
SPECS = st.fixed_dictionaries(
    {
        "roles": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.just("host"),
                    "identities": st.sampled_from([["alice"], ["bob", "alice"]]),
                    "grants": st.sampled_from([{}, {"canPublish": True}, {"roomAdmin": True}]),
                    "permissionsPolicy": st.sampled_from(["OnChange", "Enforce"]),
                },
                optional={"displayName": st.just("y"), "attributes": st.just({"a": "2"})},
            ),
            max_size=1,
        ),
        "moderation": st.fixed_dictionaries(
            {}, optional={"deniedSources": st.just(CAMERA), "blockedIdentities": st.just(["mallory"])}
        ),
    }
)


@given(specs=st.lists(SPECS, min_size=1, max_size=3), people=PEOPLE)
def test_what_was_put_right_needs_nothing_more(
    specs: list[dict[str, Any]], people: list[Participant]
) -> None:
    world = WORLD
    for spec in specs:
        world = edited(world, *spec["roles"], moderation=spec["moderation"])
    there = tuple(replace(person, sid=f"PA_{number}") for number, person in enumerate(people))
    after = carry_out(with_people(world, *there))
    assert moderation.plan(after) == ()
    named = {"alice", "bob", "mallory"}
    before = {person.identity: person for person in there}
    assert after.participants is not None
    for person in after.participants:
        if person.identity not in named or person.kind is not ParticipantKind.PERSON:
            assert person == before[person.identity]
    assert {"carol"} & before.keys() <= {person.identity for person in after.participants}
