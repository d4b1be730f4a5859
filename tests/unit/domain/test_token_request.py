"""What clients may ask the token endpoint for, and what they get."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.api.role import Dynamic
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import token_request
from roomkeeper.domain.token_request import BadRequestError, RefusedError, TokenRequest
from roomkeeper.domain.tokens import RoleTokens

if TYPE_CHECKING:
    from roomkeeper.api.role import Role
    from roomkeeper.domain.livekit import TokenClaims

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = RoomSpec.model_validate(
    {
        "roles": [
            {"name": "viewer", "dynamic": {"identityPrefix": "viewer-", "maxTTLSeconds": 600}},
            {"name": "host", "identities": ["alice", "viewerx"]},
        ],
        "moderation": {
            "blockedIdentities": ["viewer-mallory"],
            "deniedSources": [{"identity": "viewer-bob", "sources": ["camera"]}],
        },
    }
)
ROLE: Role = SPEC.roles[0]
DYNAMIC = Dynamic.model_validate({"identityPrefix": "viewer-", "maxTTLSeconds": 600})
VIDEO = {"roomJoin": True, "canPublish": True}


def wanted(**more: Any) -> RoleTokens:
    return RoleTokens(
        role="viewer", secret_name="", identities=(), room="team-a_x", url="wss://x", video=VIDEO, room_config={},
        ttl=600, renew_before=0, signing_key="", **more,
    )  # fmt: skip


def claims(**asked: Any) -> TokenClaims:
    request = token_request.read(asked)
    return token_request.answer(request, ROLE, SPEC, wanted(), own="7", ttl=600, now=NOW)


def test_the_names_are_those_of_protobuf_and_of_json() -> None:
    snake = {"participant_identity": "vera", "participant_attributes": {"a": "b", "none": ""}}
    camel = {"participantIdentity": "vera", "participantAttributes": {"a": "b"}}
    assert token_request.read(snake) == token_request.read(camel)
    assert token_request.read({"room_config": {}, "whatever": 1, "participant_name": None}) == TokenRequest()


@pytest.mark.parametrize("body", [[], "x", None, 1])
def test_what_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(BadRequestError, match="JSON object"):
        token_request.read(body)


def test_grants_come_from_the_role_and_moderation() -> None:
    assert claims(participant_identity="vera").video == {**VIDEO, "room": "team-a_x"}
    assert "camera" not in claims(participant_identity="bob").video["canPublishSources"]
    assert claims().identity == "viewer-7"
    with pytest.raises(RefusedError):
        claims(participant_identity="mallory")


@given(st.text(max_size=300))
def test_whatever_is_asked_for_is_of_this_role_or_refused(identity: str) -> None:
    try:
        said = claims(participant_identity=identity)
    except (BadRequestError, RefusedError):
        return
    assert said.identity.startswith("viewer-")
    assert said.identity not in {"viewer-mallory", "alice", "viewerx"}
    assert len(said.identity) <= 256
    assert not any(part in said.identity for part in ("/", "..", "\n"))


@pytest.mark.parametrize(
    ("asked", "limit", "seconds"),
    [
        (None, None, 600),
        (60, None, 60),
        (None, 300, 300),
        (600, None, 600),
        (601, None, 0),
        (301, 300, 0),
        (0, None, 0),
    ],
)
def test_a_token_lives_no_longer_than_role_and_policy_say(
    asked: int | None, limit: int | None, seconds: int
) -> None:
    if not seconds:
        with pytest.raises(BadRequestError, match="ttl"):
            token_request.ttl_seconds(DYNAMIC, asked, limit)
    else:
        assert token_request.ttl_seconds(DYNAMIC, asked, limit) == seconds
