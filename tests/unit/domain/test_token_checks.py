"""One table per check of a token Secret; the clock is an argument."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api import common
from roomkeeper.domain import rooms, tokens
from roomkeeper.domain.claims import Profile
from tests.unit.domain.builders import NOW, WorldBuilder, a_world

if TYPE_CHECKING:
    from roomkeeper.domain.objects import TokenSecret

WORLD = a_world().with_role("host", identities=["alice", "bob"]).with_secret("host")


def wanted_of(world: WorldBuilder) -> tokens.RoleTokens:
    [wanted] = rooms.role_tokens(world.build())
    return wanted


def secret_of(world: WorldBuilder) -> TokenSecret:
    [secret] = world.build().secrets.values()
    return secret


def annotated(**changes: str | None) -> TokenSecret:
    """Return the Secret with annotations changed; None takes one away."""
    secret = secret_of(WORLD)
    names = {f"{common.GROUP}/{name.replace('_', '-')}": value for name, value in changes.items()}
    assert names.keys() <= secret.annotations.keys()
    kept = {name: value for name, value in {**secret.annotations, **names}.items() if value is not None}
    return replace(secret, annotations=kept)


WANTED, SECRET = wanted_of(WORLD), secret_of(WORLD)


@pytest.mark.parametrize("check", tokens.CHECKS, ids=lambda check: check.__name__)
def test_no_check_finds_anything_in_what_was_just_written(check: Any) -> None:
    assert check(WANTED, SECRET, NOW) is None


def test_a_secret_that_is_missing() -> None:
    assert tokens.why_issue(WANTED, None, NOW) == "the Secret is missing"


@pytest.mark.parametrize("key", tokens.FIXED_KEYS)
def test_a_key_that_is_missing_is_named(key: str) -> None:
    secret = replace(SECRET, data_keys=SECRET.data_keys - {key})
    assert tokens.keys_are_missing(WANTED, secret, NOW) == f"the Secret lacks {key}"


def test_every_missing_key_is_named() -> None:
    reason = tokens.keys_are_missing(WANTED, replace(SECRET, data_keys=frozenset()), NOW)
    assert reason == f"the Secret lacks {', '.join(tokens.FIXED_KEYS)}"


def test_keys_of_others_are_not_minded() -> None:
    assert tokens.keys_are_missing(WANTED, replace(SECRET, data_keys=SECRET.data_keys | {"x"}), NOW) is None


@pytest.mark.parametrize("secret", [replace(SECRET, content_hash="another"), annotated(content_hash=None)])
def test_data_that_somebody_edited(secret: TokenSecret) -> None:
    assert tokens.content_was_edited(WANTED, secret, NOW) == "the Secret was edited"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (replace(WANTED, video={**WANTED.video, "canPublish": True}), "the grants differ"),
        (replace(WANTED, identities=("alice",)), "the identities differ"),
        (replace(WANTED, identities=("bob", "alice")), "the identities differ"),
        (replace(WANTED, room="another"), "the room differs"),
        (replace(WANTED, url="wss://another.example.com"), "the URL differs"),
        (replace(WANTED, room_config={}), "the room's configuration or the validity differs"),
        (replace(WANTED, ttl=600), "the room's configuration or the validity differs"),
        (replace(WANTED, renew_before=60), "the room's configuration or the validity differs"),
        (replace(WANTED, profile=Profile("Host")), "the name, the metadata or the attributes differ"),
        (replace(WANTED, denied={"bob": ("camera",)}), "the denied sources differ"),
        (replace(WANTED, template=tokens.Template({"a": "b"})), "the template of the Secret differs"),
    ],
)
def test_tokens_that_say_something_else(wanted: tokens.RoleTokens, reason: str) -> None:
    assert tokens.annotations_differ(wanted, SECRET, NOW) == reason
    assert tokens.why_issue(wanted, SECRET, NOW) == reason


@pytest.mark.parametrize(
    "name",
    [
        "grants_hash",
        "profile_hash",
        "identities_hash",
        "identities",
        "room_name",
        "url",
        "config_hash",
        "template",
    ],
)
@pytest.mark.parametrize("value", ["edited", None])
def test_annotations_that_somebody_edited(name: str, value: str | None) -> None:
    assert tokens.annotations_differ(WANTED, annotated(**{name: value}), NOW) is not None


KEYS = ["key.old", "key.new", "another.old"]


@pytest.mark.parametrize(("shard", "was"), [("b", "a"), ("b", None), (None, "a"), ("", None)])
def test_a_secret_that_is_in_another_shard_than_its_room(shard: str | None, was: str | None) -> None:
    wanted, secret = replace(WANTED, shard=shard), replace(SECRET, shard=was)
    assert tokens.why_issue(wanted, secret, NOW) == "the shard differs"
    assert tokens.why_issue(wanted, replace(secret, shard=shard), NOW) is None


@pytest.mark.parametrize("signed_by", [*KEYS, None, ""])
@pytest.mark.parametrize("wanted", KEYS)
def test_tokens_of_another_signing_key_are_replaced_at_once_when_nobody_knows_since_when(
    wanted: str, signed_by: str | None
) -> None:
    due = tokens.signing_key_differs(
        replace(WANTED, signing_key=wanted), annotated(signing_key=signed_by), NOW
    )
    assert due == (None if signed_by == wanted else "the signing key differs")


def test_another_secret_of_the_same_key_makes_tokens_void_at_once() -> None:
    wanted = replace(WANTED, signing_key="key.new", credentials_since=NOW)
    assert tokens.signing_key_differs(wanted, annotated(signing_key="key.old"), NOW)


def test_tokens_of_another_key_are_replaced_one_after_another() -> None:
    secret = annotated(signing_key="former.x")
    dues = []
    for number in range(100):
        wanted = replace(WANTED, signing_key="key.x", credentials_since=NOW, owner_uid=f"uid-{number}")
        due = tokens.rotation_due(wanted, secret)
        assert due is not None
        assert tokens.signing_key_differs(wanted, secret, due - timedelta(milliseconds=1)) is None
        assert tokens.signing_key_differs(wanted, secret, due) == "the signing key differs"
        assert tokens.due_at(wanted, secret) == due
        dues.append((due - NOW).total_seconds())
    assert 0 <= min(dues) < 60
    assert 540 < max(dues) <= tokens.KEY_SPREAD_SECONDS


def test_the_next_look_is_at_the_renewal_when_the_key_is_right() -> None:
    assert tokens.due_at(WANTED, SECRET) == tokens.time_of(SECRET, common.ANNOTATION_RENEWS_AT)


def test_nobody_is_left_to_issue_tokens_for() -> None:
    assert tokens.why_issue(replace(WANTED, identities=()), None, NOW) is None


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        (NOW, False),
        (SECRET.annotations[common.ANNOTATION_RENEWS_AT], True),
        (NOW + timedelta(days=1), True),
    ],
    ids=["issued", "due", "ended"],
)
def test_tokens_that_end_soon(now: datetime | str, *, is_due: bool) -> None:
    moment = datetime.fromisoformat(now) if isinstance(now, str) else now
    expected = "the tokens expire soon" if is_due else None
    assert tokens.expiry_is_near(WANTED, SECRET, moment) == expected
    if is_due:
        assert tokens.expiry_is_near(WANTED, SECRET, moment - timedelta(days=1)) is None


@pytest.mark.parametrize("value", [None, "", "soon", "2026-13-01T00:00:00Z", "2999-01-01T00:00:00"])
def test_a_due_time_that_nobody_can_read_is_due(value: str | None) -> None:
    assert tokens.expiry_is_near(WANTED, annotated(renews_at=value), NOW) == "the tokens expire soon"


def test_the_first_reason_is_told() -> None:
    secret = replace(SECRET, data_keys=frozenset(), content_hash="another", annotations={})
    for repaired, reason in [
        (secret, "the Secret lacks LIVEKIT_IDENTITY"),
        (replace(secret, data_keys=SECRET.data_keys), "the Secret was edited"),
        (annotated(grants_hash="x", renews_at=None), "the grants differ"),
        (annotated(renews_at=None), "the tokens expire soon"),
    ]:
        assert (tokens.why_issue(WANTED, repaired, NOW) or "").startswith(reason)
