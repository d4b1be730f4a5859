"""Whose old tokens are remembered, for how long, and that nothing is forgotten on the way."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.domain import revocations, rooms, tokens
from roomkeeper.domain.revocations import LEEWAY, PERMISSION, PROFILE, REFRESHED, Revocation
from roomkeeper.domain.room_plan import plan
from tests.unit.domain.builders import NOW, a_world
from tests.unit.domain.people import at, declare, reconcile

if TYPE_CHECKING:
    from roomkeeper.domain.livekit import TokenClaims
    from roomkeeper.domain.rooms import World

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
EMPTY = a_world().held().live().build()


def role(name: str = "host", **fields: Any) -> dict[str, Any]:
    return {"name": name, "identities": ["alice", "bob"], **fields}


def issued(*roles: dict[str, Any], **spec: Any) -> World:
    world, _ = reconcile(declare(EMPTY, roles=roles, **spec))
    return world


def edited(world: World, *roles: dict[str, Any], after: timedelta = MINUTE, **spec: Any) -> World:
    world, _ = reconcile(at(declare(world, roles=roles, **spec), world.now + after))
    return world


def said(world: World) -> dict[str, set[str]]:
    return {identity: set(entry.said) for identity, entry in revocations.entries(world).items()}


def test_nobody_is_revoked_by_the_first_issue_or_a_renewal() -> None:
    world = issued(role())
    assert revocations.current(world) == {}
    renewed, issues = reconcile(at(world, NOW + timedelta(minutes=45)))
    assert len(issues) == 1
    assert revocations.current(renewed) == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"identities": ["alice"]}, {"bob": {PERMISSION, PROFILE}}),
        ({"identities": ["alice", "bob", "carol"]}, {}),
        ({"identities": ["bob", "alice"]}, {}),
        ({"grants": {"canPublish": True}}, {"alice": {PERMISSION}, "bob": {PERMISSION}}),
        ({"displayName": "Host"}, {"alice": {PROFILE}, "bob": {PROFILE}}),
        ({"metadata": {"a": 1}}, {"alice": {PROFILE}, "bob": {PROFILE}}),
        ({"attributes": {"a": "1"}}, {"alice": {PROFILE}, "bob": {PROFILE}}),
        ({"ttlSeconds": 7200}, {}),
        ({"secretTemplate": {"labels": {"a": "b"}}}, {}),
        ({"secretTemplate": {"name": "another"}}, {}),
    ],
    ids=lambda value: next(iter(value), "nobody"),
)
def test_who_has_to_be_corrected_after_an_edit(change: dict[str, Any], expected: dict[str, set[str]]) -> None:
    assert said(edited(issued(role()), role(**change))) == expected


def test_a_denied_source_concerns_only_whom_it_is_denied() -> None:
    publishing = role(grants={"canPublish": True})
    denied = [{"identity": "bob", "sources": ["camera"]}]
    after = edited(issued(publishing), publishing, moderation={"deniedSources": denied})
    assert said(after) == {"bob": {PERMISSION}}
    assert said(edited(after, publishing)) == {"bob": {PERMISSION}}


def test_a_denied_source_that_nobody_has_changes_no_token() -> None:
    world = issued(role())
    denied = [{"identity": "bob", "sources": ["camera"]}]
    _, issues = reconcile(declare(world, roles=[role()], moderation={"deniedSources": denied}))
    assert issues == []


def test_somebody_who_is_blocked_gets_no_token_and_is_remembered() -> None:
    world = declare(issued(role()), roles=[role()], moderation={"blockedIdentities": ["bob"]})
    world, [issue] = reconcile(world)
    assert issue.tokens.identities == ("alice",)
    assert said(world) == {"bob": {PERMISSION, PROFILE}}
    _, [again] = reconcile(declare(world, roles=[role()]))
    assert again.tokens.identities == ("alice", "bob")


@pytest.mark.parametrize("power", ["roomAdmin", "roomRecord", "agent", "ingressAdmin"])
def test_a_power_that_is_lost_is_named_and_one_that_is_gained_is_not(power: str) -> None:
    powerful = role(grants={power: True})
    assert said(edited(issued(powerful), role()))["alice"] == {PERMISSION, power}
    assert said(edited(issued(role()), powerful))["alice"] == {PERMISSION}
    assert said(edited(issued(powerful), role(identities=["bob"], grants={power: True})))["alice"] == {
        PERMISSION,
        PROFILE,
        power,
    }


def test_they_are_remembered_until_the_old_tokens_have_ended() -> None:
    world = edited(issued(role()), role(grants={"canPublish": True}))
    assert set(revocations.current(world).values()) == {NOW + HOUR + LEEWAY}
    assert revocations.next_end(world) == NOW + HOUR + LEEWAY
    assert revocations.entries(at(world, NOW + HOUR))
    assert revocations.entries(at(world, NOW + HOUR + LEEWAY)) == {}


def test_livekit_has_renewed_the_token_of_whoever_was_connected() -> None:
    world = replace(issued(role()), now=NOW + 2 * HOUR)
    late, _ = reconcile(declare(world, roles=[role(identities=["alice"])]))
    assert revocations.current(late) == {"bob": NOW + 2 * HOUR + REFRESHED + LEEWAY}


def test_a_longer_ttl_of_the_past_counts() -> None:
    world = edited(issued(role(ttlSeconds=86_400)), role(ttlSeconds=600))
    world = edited(world, role(ttlSeconds=600, identities=["alice"]))
    assert revocations.current(world) == {"bob": NOW + 24 * HOUR + LEEWAY}


def test_a_second_edit_keeps_what_the_first_one_left() -> None:
    world = edited(issued(role(grants={"roomAdmin": True})), role(displayName="x"))
    world = edited(world, role(displayName="y", identities=["alice"]))
    assert said(world) == {
        "alice": {PERMISSION, PROFILE, "roomAdmin"},
        "bob": {PERMISSION, PROFILE, "roomAdmin"},
    }
    assert revocations.entries(world)["alice"].since == NOW + 2 * MINUTE


def test_a_role_that_is_gone_is_in_status_before_its_secret_is_deleted() -> None:
    world = declare(issued(role()), roles=[])
    [secret] = world.secrets.values()
    assert revocations.unsaved(world, secret)
    status = {"revokedIdentities": revocations.status(world)}
    written = replace(world, room=replace(world.room, status=status))
    assert not revocations.unsaved(written, secret)
    assert not revocations.unsaved(at(written, NOW + 5 * MINUTE), secret)
    deleted = replace(written, secrets={})
    assert revocations.current(deleted) == {
        "alice": NOW + HOUR + LEEWAY,
        "bob": NOW + HOUR + LEEWAY,
    }
    assert revocations.status(deleted) == revocations.status(written)


def test_a_secret_of_another_name_that_has_no_successor_is_remembered_before_it_goes() -> None:
    world = declare(issued(role()), roles=[role(secretTemplate={"name": "taken"})])
    [secret] = world.secrets.values()
    assert said(world) == {"alice": set(), "bob": set()}
    assert revocations.unsaved(world, secret)
    status = {"revokedIdentities": revocations.status(world)}
    written = replace(world, room=replace(world.room, status=status))
    assert not revocations.unsaved(written, secret)
    assert said(replace(written, secrets={})) == {
        "alice": {PERMISSION, PROFILE},
        "bob": {PERMISSION, PROFILE},
    }


def test_a_role_of_which_everybody_is_blocked_is_remembered_before_its_secret_goes() -> None:
    world = declare(issued(role()), roles=[role()], moderation={"blockedIdentities": ["alice", "bob"]})
    [secret] = world.secrets.values()
    assert revocations.unsaved(world, secret)
    gone, issues = reconcile(world)
    assert (gone.secrets, issues) == ({}, [])
    assert revocations.current(gone).keys() == {"alice", "bob"}


def test_who_moves_to_another_role_is_remembered_there() -> None:
    before = issued(role(grants={"roomAdmin": True}))
    world = edited(before, role("viewer", identities=["bob"]))
    assert world.secrets.keys() == {"standup.viewer"}
    assert said(world) == {
        "alice": {PERMISSION, PROFILE},
        "bob": {PERMISSION, PROFILE, "roomAdmin"},
    }


def test_a_secret_that_was_deleted_by_hand_takes_nothing_with_it() -> None:
    world = edited(issued(role()), role(grants={"canPublish": True}))
    world = edited(replace(world, secrets={}), role(grants={"canPublish": True}))
    assert world.secrets
    assert said(world) == {"alice": {PERMISSION, PROFILE}, "bob": {PERMISSION, PROFILE}}


@pytest.mark.parametrize(
    "text",
    ["", "no", "[]", '{"a":1}', '{"a":["x","y"]}', '{"a":[]}', '{"a":["2026-01-02T13:00:00"]}', "[" * 5000],
)
@pytest.mark.parametrize("name", ["revoked", "identities", "attributes", "last-expires-at"])
def test_what_somebody_made_unreadable_is_left_out(name: str, text: str) -> None:
    world = issued(role())
    [secret] = world.secrets.values()
    annotations = {**secret.annotations, f"{common.GROUP}/{name}": text}
    world = replace(world, secrets={secret.name: replace(secret, annotations=annotations)})
    assert revocations.entries(world) == {}
    reconcile(declare(world, roles=[role(identities=["carol"])]))


def test_a_secret_of_somebody_else_says_nothing() -> None:
    world = edited(issued(role()), role(identities=["alice"]))
    [secret] = world.secrets.values()
    theirs = replace(world, secrets={secret.name: replace(secret, owner_uid="another")})
    assert revocations.entries(replace(theirs, room=replace(theirs.room, status={}))) == {}


def test_a_record_is_bounded_and_keeps_those_whose_tokens_end_last() -> None:
    revoked = {
        f"{number:04}{'ü' * 100}": Revocation(NOW + timedelta(seconds=number), NOW, frozenset({PERMISSION}))
        for number in range(1000)
    }
    text = revocations.record(revoked)
    assert revocations.MAX_BYTES - 400 < len(text.encode()) <= revocations.MAX_BYTES
    kept = sorted(json.loads(text))
    assert kept == sorted(revoked)[-len(kept) :]


def test_status_is_bounded_and_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "MAX_REVOKED", 2)
    world = declare(issued(role(identities=["c", "b", "a"])), roles=[])
    shown = revocations.status(world)
    assert [entry["identity"] for entry in shown] == ["b", "c"]
    assert {entry["until"] for entry in shown} == {rfc3339(NOW + HOUR + LEEWAY)}
    written = replace(world, room=replace(world.room, status={"revokedIdentities": shown}))
    [secret] = world.secrets.values()
    assert not revocations.unsaved(written, secret)


def crowded(world: World, annotation: str, text: str) -> World:
    """Return the world with 100 Secrets that somebody made by hand, each with this text and something of its own."""
    [secret] = world.secrets.values()
    made = {}
    for number in range(100):
        annotations = {f"{common.GROUP}/{annotation}": text.replace("NUMBER", str(number))}
        name = f"by-hand-{number:03}"
        made[name] = replace(secret, name=name, role="gone", annotations=annotations)
    return replace(world, secrets={**world.secrets, **made})


def a_record(number: int) -> str:
    until = rfc3339(NOW + HOUR)
    return json.dumps({f"NUMBER-{index}": [until, until, PERMISSION] for index in range(number)})


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("revoked", a_record(3_300)),
        ("revoked", a_record(1_300)),
        ("identities", json.dumps({f"NUMBER-{index}": "" for index in range(9_000)})),
        ("attributes", json.dumps({f"NUMBER-{index}": "" for index in range(9_000)})),
    ],
    ids=["oversize", "as long as may be", "identities", "attributes"],
)
def test_secrets_that_somebody_made_by_hand_hold_nobody_up(annotation: str, text: str) -> None:
    world = crowded(issued(role()), annotation, text)
    began = time.process_time()
    plan(world)
    assert time.process_time() - began < 3


def test_a_record_that_is_longer_than_ours_is_not_read() -> None:
    assert revocations.entries(crowded(issued(role()), "revoked", a_record(3_300))) == {}


def test_secrets_that_no_role_declares_are_judged_in_turns() -> None:
    world = crowded(issued(role()), "revoked", a_record(1))
    assert len(revocations.entries(world)) == revocations.MAX_JUDGED
    waiting = revocations.unsaved_names(world)
    assert len(waiting) == 100
    status = {"revokedIdentities": revocations.status(world)}
    written = replace(world, room=replace(world.room, status=status))
    judged = {f"by-hand-{number:03}" for number in range(revocations.MAX_JUDGED)}
    assert revocations.unsaved_names(written) == waiting - judged
    world, _ = reconcile(reconcile(world)[0])
    assert world.secrets.keys() == {"standup.host"}
    assert len(revocations.current(world)) == 100


@dataclass(frozen=True, slots=True)
class Held:
    """A token in somebody's hands."""

    says: TokenClaims

    def differs(self, now: TokenClaims) -> set[str]:
        """Tell in what it is not the token that is issued now."""
        permission = {PERMISSION} if self.says.video != now.video else set()
        profile = (self.says.name, self.says.attributes) != (now.name, now.attributes)
        return permission | ({PROFILE} if profile else set())


ROLES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["host", "viewer"]),
        "identities": st.lists(st.sampled_from(["a", "b", "c"]), unique=True, min_size=1),
        "ttlSeconds": st.sampled_from([600, 3600, 86_400]),
        "grants": st.sampled_from([{}, {"canPublish": True}, {"roomAdmin": True}]),
    },
    optional={"displayName": st.just("x"), "attributes": st.just({"k": "v"})},
)
DENIED = st.sampled_from([[], [{"identity": "a", "sources": ["camera"]}]])
STEPS = st.tuples(
    st.lists(ROLES, max_size=2, unique_by=lambda role: role["name"]).map(tuple),
    DENIED,
    st.integers(1, 50_000).map(lambda seconds: timedelta(seconds=seconds)),
)


@given(st.lists(STEPS, min_size=1, max_size=6))
def test_no_token_that_still_works_and_says_something_else_is_forgotten(
    steps: list[tuple[tuple[dict[str, Any], ...], list[dict[str, Any]], timedelta]],
) -> None:
    world, held = EMPTY, list[Held]()
    for roles, denied, after in steps:
        first = {identity: role["name"] for role in reversed(roles) for identity in role["identities"]}
        distinct = [
            {**role, "identities": mine}
            for role in roles
            if (mine := [name for name in role["identities"] if first[name] == role["name"]])
        ]
        world = declare(world, roles=distinct, moderation={"deniedSources": denied})
        world, issues = reconcile(at(world, world.now + after))
        held += [Held(token) for issue in issues for token in issue.claims()]
        _check(world, held)
        quiet, again = reconcile(world)
        assert again == []
        assert quiet == world


def _check(world: World, held: list[Held]) -> None:
    declared = {
        token.identity: token for wanted in rooms.role_tokens(world) for token in _claims(wanted, world.now)
    }
    revoked = revocations.entries(world)
    for token in held:
        if token.says.expires_at + LEEWAY <= world.now:
            continue
        now = declared.get(token.says.identity)
        differs = {PERMISSION, PROFILE} if now is None else token.differs(now)
        if differs:
            entry = revoked[token.says.identity]
            assert differs <= entry.said
            assert entry.until >= token.says.expires_at + LEEWAY
    assert set(revoked) <= {token.says.identity for token in held}


def _claims(wanted: tokens.RoleTokens, now: datetime) -> list[TokenClaims]:
    return tokens.issue(wanted, reason="", owner_uid="", now=now).claims()
