"""What is issued: claims, Secrets, and the time of renewal."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.api import common
from roomkeeper.api.role import Role
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import claims, rooms, token_secret, tokens
from roomkeeper.domain.objects import TokenSecret
from tests.unit.domain.builders import NAME, NOW, UID, WorldBuilder, a_world, config, written

TTLS = st.integers(600, 86_400)


@st.composite
def validities(draw: st.DrawFn) -> tuple[int, int | None]:
    """Draw what the CRD allows: ttlSeconds, and renewBeforeSeconds at least 60 less."""
    ttl = draw(TTLS)
    return ttl, draw(st.none() | st.integers(60, ttl - 60))


def role_of(world: WorldBuilder) -> tokens.RoleTokens:
    return rooms.role_tokens(world.build())[0]


@given(validity=validities(), uid=st.text(max_size=5), microseconds=st.integers(0, 999_999))
def test_tokens_are_renewed_strictly_between_issue_and_expiry(
    validity: tuple[int, int | None], uid: str, microseconds: int
) -> None:
    ttl, renew_before = validity
    role = {"ttlSeconds": ttl, "renewBeforeSeconds": renew_before}
    now = NOW + timedelta(microseconds=microseconds)
    issue = tokens.issue(role_of(a_world().with_role("host", **role)), reason="", owner_uid=uid, now=now)
    assert issue.not_before <= now < issue.renews_at < issue.expires_at
    assert issue.expires_at - issue.not_before == timedelta(seconds=ttl)
    assert issue.expires_at - issue.renews_at >= timedelta(seconds=60)
    assert {issue.not_before.microsecond, issue.expires_at.microsecond, issue.renews_at.microsecond} == {0}


@given(validity=validities(), seconds=st.integers(0, 100_000))
def test_what_was_just_issued_is_right_until_it_is_due(
    validity: tuple[int, int | None], seconds: int
) -> None:
    ttl, renew_before = validity
    world = a_world().with_role("host", ttlSeconds=ttl, renewBeforeSeconds=renew_before).build()
    [wanted] = rooms.role_tokens(world)
    secret = written(wanted, room=world.room, now=NOW)
    assert tokens.why_issue(wanted, secret, NOW) is None
    due = tokens.time_of(secret, common.ANNOTATION_RENEWS_AT)
    assert due is not None
    later = NOW + timedelta(seconds=seconds)
    assert tokens.why_issue(wanted, secret, later) == ("the tokens expire soon" if later >= due else None)


def test_rooms_that_are_created_together_are_not_renewed_together() -> None:
    wanted = role_of(a_world().with_role("host"))
    times = {
        tokens.issue(wanted, reason="", owner_uid=f"uid-{number}", now=NOW).renews_at for number in range(50)
    }
    assert len(times) > 30
    assert max(times) - min(times) <= timedelta(seconds=360)
    assert max(times) <= NOW + timedelta(seconds=2400)


@pytest.mark.parametrize(
    ("ttl", "renew_before", "soonest", "latest"),
    [(86_400, 86_340, 60, 60), (86_400, 80_000, 6_400, 6_400), (600, 540, 60, 60), (3600, 1200, 2040, 2400)],
)
def test_a_declared_renewal_is_kept_however_soon_it_is(
    ttl: int, renew_before: int, soonest: int, latest: int
) -> None:
    wanted = role_of(a_world().with_role("host", ttlSeconds=ttl, renewBeforeSeconds=renew_before))
    for number in range(20):
        due = tokens.issue(wanted, reason="", owner_uid=f"uid-{number}", now=NOW).renews_at - NOW
        assert soonest <= due.total_seconds() <= latest


def test_every_identity_gets_a_token_for_this_room_alone() -> None:
    world = a_world().with_role("host", identities=["alice", "bob"], grants={"canPublish": True})
    issue = tokens.issue(role_of(world), reason="", owner_uid=UID, now=NOW)
    assert [said.identity for said in issue.claims()] == ["alice", "bob"]
    for said in issue.claims():
        assert said.video["room"] == NAME
        assert (said.not_before, said.expires_at) == (NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ({}, {"canSubscribe": True}),
        ({"canSubscribe": False}, {}),
        ({"canPublish": True}, {"canSubscribe": True, "canPublish": True}),
        (
            {"canPublish": True, "canPublishSources": ["microphone", "camera"]},
            {"canSubscribe": True, "canPublish": True, "canPublishSources": ["camera", "microphone"]},
        ),
        ({"roomAdmin": True, "hidden": True}, {"canSubscribe": True, "roomAdmin": True, "hidden": True}),
    ],
)
def test_what_is_not_granted_is_said_to_be_false(grants: dict[str, object], said: dict[str, object]) -> None:
    video = claims.video_grants(Role.model_validate({"name": "r", "grants": grants}))
    assert {name: value for name, value in video.items() if value} == {"roomJoin": True, **said}
    off = {
        "canPublish",
        "canPublishData",
        "canUpdateOwnMetadata",
        "roomAdmin",
        "hidden",
        "agent",
    } - said.keys()
    assert {name: video[name] for name in off} == dict.fromkeys(off, False)


def test_a_token_carries_what_a_room_born_by_a_join_needs() -> None:
    given_config = config(max_participants=9)
    assert claims.room_configuration(RoomSpec(), given_config) == {
        "emptyTimeout": 86_400,
        "departureTimeout": 20,
        "maxParticipants": 9,
    }
    assert "maxParticipants" not in claims.room_configuration(RoomSpec(), config())


def test_an_edit_of_metadata_issues_nothing_anew() -> None:
    plain = a_world().with_role("host")
    assert role_of(plain).annotations() == role_of(plain.declaring(metadata={"a": 1})).annotations()


def test_the_secret_is_owned_labelled_and_complete() -> None:
    world = a_world().with_role("host", identities=["älice", "bob"]).build()
    [wanted] = rooms.role_tokens(world)
    issue = tokens.issue(wanted, reason="", owner_uid=UID, now=NOW)
    body = token_secret.body(issue, {"älice": "t1", "bob": "t2"}, room=world.room)
    data = {name: base64.b64decode(value).decode() for name, value in body["data"].items()}
    assert json.loads(data.pop("tokens.json")) == {"älice": "t1", "bob": "t2"}
    assert data == {
        "LIVEKIT_URL": "wss://livekit.example.com",
        "LIVEKIT_ROOM": NAME,
        "LIVEKIT_IDENTITY": "älice",
        "LIVEKIT_TOKEN": "t1",
    }
    assert body["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "roomkeeper",
        "roomkeeper.dev/room": "standup",
        "roomkeeper.dev/role": "host",
    }
    [owner] = body["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["kind"], owner["controller"]) == (UID, "Room", True)
    assert (body["metadata"]["namespace"], body["metadata"]["name"]) == ("team-a", "standup.host")
    read = TokenSecret.from_body(
        {**body, "metadata": {**body["metadata"], "uid": "u", "resourceVersion": "1"}}
    )
    assert read.annotations[common.ANNOTATION_CONTENT_HASH] == read.content_hash
    assert "t1" not in repr(read)


@pytest.mark.parametrize(
    ("ttl", "max_ttl", "lives"),
    [(3600, None, 3600), (3600, 7200, 3600), (3600, 900, 900), (86_400, 600, 600)],
)
def test_the_policy_clamps_what_is_issued_and_issues_nothing_anew(
    ttl: int, max_ttl: int | None, lives: int
) -> None:
    world = a_world().with_role("host", ttlSeconds=ttl, renewBeforeSeconds=500)
    wanted = replace(role_of(world), max_ttl=max_ttl)
    secret = written(role_of(world), room=world.build().room, now=NOW)
    assert tokens.why_issue(wanted, secret, NOW) is None
    issue = tokens.issue(wanted, reason="", owner_uid=UID, now=NOW)
    assert issue.expires_at - NOW == timedelta(seconds=lives)
    assert NOW < issue.renews_at < issue.expires_at
    assert issue.expires_at - issue.renews_at >= timedelta(seconds=60)


def test_everybody_gets_what_the_role_says_but_what_is_denied_to_them() -> None:
    world = (
        a_world()
        .declaring(moderation={"deniedSources": [{"identity": "bob", "sources": ["camera", "microphone"]}]})
        .with_role(
            "host",
            identities=["alice", "bob"],
            grants={"canPublish": True, "canPublishSources": ["camera"]},
            displayName="Host",
            metadata={"a": 1},
            attributes={"team": "a"},
        )
    )
    alice, bob = tokens.issue(role_of(world), reason="", owner_uid=UID, now=NOW).claims()
    assert (alice.video["canPublish"], alice.video["canPublishSources"]) == (True, ["camera"])
    assert bob.video["canPublish"] is False
    assert "canPublishSources" not in bob.video
    for said in (alice, bob):
        assert (said.name, said.metadata, said.attributes) == ("Host", '{"a":1}', {"team": "a"})


def test_a_count_of_identities_is_numbered_without_those_who_are_blocked() -> None:
    world = a_world().declaring(moderation={"blockedIdentities": ["host-1"]}).with_role("host", count=3)
    assert role_of(world).identities == ("host-0", "host-2")


TEMPLATE = {"labels": {"app": "x"}, "annotations": {"note": "y"}}


def test_the_template_adds_to_the_secret_and_ours_wins() -> None:
    trick = {"labels": {common.LABEL_ROLE: "admin", "app": "x"}, "annotations": {common.ANNOTATION_URL: "u"}}
    world = a_world().with_role("host", secretTemplate={"name": "mine", **trick})
    body = token_secret.body(
        tokens.issue(role_of(world), reason="", owner_uid=UID, now=NOW),
        {"host": "t"},
        room=world.build().room,
    )
    assert body["metadata"]["name"] == "mine"
    assert body["metadata"]["labels"]["app"] == "x"
    assert body["metadata"]["labels"][common.LABEL_ROLE] == "host"
    assert body["metadata"]["annotations"][common.ANNOTATION_URL] == "wss://livekit.example.com"


@pytest.mark.parametrize(
    ("template", "gone"),
    [
        (TEMPLATE, {}),
        ({"labels": {"app": "other"}, "annotations": {"note": "y"}}, {}),
        ({}, {"labels": {"app": None}, "annotations": {"note": None}}),
        ({"labels": {"app": "x"}}, {"annotations": {"note": None}}),
    ],
)
def test_what_the_template_no_longer_names_is_removed(
    template: dict[str, object], gone: dict[str, object]
) -> None:
    world = a_world().with_role("host", secretTemplate=TEMPLATE)
    secret = written(role_of(world), room=world.build().room, now=NOW)
    after = a_world().with_role("host", secretTemplate=template)
    issue = tokens.issue(role_of(after), reason="", owner_uid=UID, now=NOW)
    body = token_secret.body(issue, {"host": "t"}, room=after.build().room)
    assert token_secret.removed_keys(body, secret) == gone


def test_a_secret_has_the_shard_of_its_room() -> None:
    world = a_world().with_role("host", secretTemplate=TEMPLATE)
    room = replace(world.build().room, shard="a")
    issue = tokens.issue(role_of(world), reason="", owner_uid=UID, now=NOW)
    body = token_secret.body(issue, {"host": "t"}, room=room)
    assert body["metadata"]["labels"][common.LABEL_SHARD] == "a"
    known = written(role_of(world), room=room, now=NOW)
    assert known.shard == "a"
    assert token_secret.removed_keys(body, known) == {}
    without = token_secret.body(issue, {"host": "t"}, room=replace(room, shard=None))
    assert common.LABEL_SHARD not in without["metadata"]["labels"]
    assert token_secret.removed_keys(without, known) == {"labels": {common.LABEL_SHARD: None}}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"labels":1}', '{"labels":[1]}', '{"labels":["roomkeeper.dev/role"]}']
)
def test_nothing_of_ours_is_removed_by_an_edited_template(text: str) -> None:
    world = a_world().with_role("host")
    secret = written(role_of(world), room=world.build().room, now=NOW)
    edited = replace(secret, annotations={**secret.annotations, common.ANNOTATION_TEMPLATE: text})
    issue = tokens.issue(role_of(world), reason="", owner_uid=UID, now=NOW)
    body = token_secret.body(issue, {"host": "t"}, room=world.build().room)
    assert token_secret.removed_keys(body, edited) == {}


def test_a_secret_that_the_api_server_would_refuse_is_told_before() -> None:
    world = a_world().with_role("host", identities=[f"{number:03}{'x' * 253}" for number in range(200)])
    issue = tokens.issue(role_of(world), reason="", owner_uid=UID, now=NOW)
    body = token_secret.body(
        issue, dict.fromkeys(issue.tokens.identities, "t" * 2000), room=world.build().room
    )
    assert token_secret.too_large(body) is None
    body["metadata"]["annotations"]["note"] = "x" * token_secret.MAX_ANNOTATION_BYTES
    assert "annotations" in (token_secret.too_large(body) or "")
    body["data"]["more"] = "x" * token_secret.MAX_BYTES
    assert "in one Secret" in (token_secret.too_large(body) or "")
