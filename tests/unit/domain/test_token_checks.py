"""One table per check of a token Secret; the clock is an argument."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api import common
from roomkeeper.domain import rooms, tokens
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
        (replace(WANTED, signing_key="another"), "the signing key differs"),
    ],
)
def test_tokens_that_say_something_else(wanted: tokens.RoleTokens, reason: str) -> None:
    assert tokens.annotations_differ(wanted, SECRET, NOW) == reason
    assert tokens.why_issue(wanted, SECRET, NOW) == reason


@pytest.mark.parametrize(
    "name", ["grants_hash", "identities_hash", "room_name", "url", "config_hash", "signing_key"]
)
@pytest.mark.parametrize("value", ["edited", None])
def test_annotations_that_somebody_edited(name: str, value: str | None) -> None:
    assert tokens.annotations_differ(WANTED, annotated(**{name: value}), NOW) is not None


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
