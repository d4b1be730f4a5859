from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from livekit import api

from roomkeeper.adapters.livekit import tokens
from roomkeeper.domain.livekit import Credentials, TokenClaims

CREDENTIALS = Credentials("APIkey", "a-secret-of-at-least-thirty-two-characters")
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
GRANTS = {
    "roomJoin": True,
    "room": "team-a_standup",
    "canPublish": True,
    "canSubscribe": True,
    "canPublishData": False,
    "canPublishSources": ["camera", "microphone"],
}


def claims(**changes: Any) -> TokenClaims:
    fields: dict[str, Any] = {
        "identity": "alice",
        "name": "Alice",
        "metadata": '{"team": "a"}',
        "attributes": {"shift": "early"},
        "video": GRANTS,
        "room_config": {"emptyTimeout": 300, "departureTimeout": 20, "maxParticipants": 50},
        "not_before": NOW,
        "expires_at": NOW + HOUR,
    }
    return TokenClaims(**{**fields, **changes})


def read(token: str) -> dict[str, Any]:
    return jwt.decode(
        token,
        CREDENTIALS.api_secret,
        algorithms=["HS256"],
        options={"verify_exp": False, "verify_nbf": False},
    )


def test_a_token_equals_the_sdks_own_claim_by_claim() -> None:
    theirs = (
        api.AccessToken(CREDENTIALS.api_key, CREDENTIALS.api_secret)
        .with_identity("alice")
        .with_name("Alice")
        .with_metadata('{"team": "a"}')
        .with_attributes({"shift": "early"})
        .with_ttl(HOUR)
        .with_grants(
            api.VideoGrants(
                room_join=True,
                room="team-a_standup",
                can_publish_data=False,
                can_publish_sources=["camera", "microphone"],
            )
        )
        .with_room_config(api.RoomConfiguration(empty_timeout=300, departure_timeout=20, max_participants=50))
        .to_jwt()
    )
    starts = datetime.fromtimestamp(read(theirs)["nbf"], UTC)
    ours = tokens.mint(CREDENTIALS, claims(not_before=starts, expires_at=starts + HOUR))
    # The SDK reads the clock twice; its exp may be of the next second.
    expected = {**read(theirs), "exp": read(theirs)["nbf"] + 3600}
    assert read(ours) == expected
    assert jwt.get_unverified_header(ours) == jwt.get_unverified_header(theirs)


def test_the_sdks_verifier_accepts_a_token() -> None:
    verifier = api.TokenVerifier(CREDENTIALS.api_key, CREDENTIALS.api_secret)
    verified = verifier.verify(tokens.mint(CREDENTIALS, claims()))
    assert verified.identity == "alice"
    assert verified.name == "Alice"
    assert verified.metadata == '{"team": "a"}'
    assert verified.attributes == {"shift": "early"}
    assert verified.video is not None
    assert verified.video.room == "team-a_standup"
    assert verified.video.can_publish_sources == ["camera", "microphone"]
    assert verified.room_config is not None
    assert verified.room_config.max_participants == 50


def test_what_is_empty_is_left_out() -> None:
    bare = claims(name="", metadata="", attributes={}, room_config={})
    assert set(read(tokens.mint(CREDENTIALS, bare))) == {"iss", "sub", "nbf", "exp", "video"}


def test_the_validity_is_exactly_the_one_given() -> None:
    starts = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    token = read(tokens.mint(CREDENTIALS, claims(not_before=starts, expires_at=starts + HOUR)))
    assert token["nbf"] == starts.timestamp()
    assert token["exp"] - token["nbf"] == 3600


def test_a_token_of_the_greatest_size_is_signed_and_a_larger_one_is_refused_without_being_shown() -> None:
    def length_of(name: str) -> int:
        return len(tokens.mint(CREDENTIALS, claims(name=name)))

    name = "n" * ((tokens.MAX_TOKEN_BYTES - length_of("n")) * 3 // 4)
    assert tokens.MAX_TOKEN_BYTES - 8 <= length_of(name) <= tokens.MAX_TOKEN_BYTES
    with pytest.raises(tokens.TokenTooLargeError, match="shorten") as refused:
        length_of(name + "n" * 16)
    assert "eyJ" not in str(refused.value)


def test_an_api_token_lives_a_minute_and_grants_only_what_is_asked() -> None:
    assert read(tokens.mint_for_api(CREDENTIALS, {"roomList": True}, now=NOW)) == {
        "iss": "APIkey",
        "nbf": NOW.timestamp(),
        "exp": NOW.timestamp() + 60,
        "video": {"roomList": True},
    }


def test_the_fingerprint_tells_a_new_key_from_a_new_secret_but_not_the_secret() -> None:
    same = Credentials(CREDENTIALS.api_key, CREDENTIALS.api_secret)
    other_key = Credentials("other", CREDENTIALS.api_secret)
    other_secret = Credentials(CREDENTIALS.api_key, CREDENTIALS.api_secret + "x")
    key, secret = tokens.fingerprint(CREDENTIALS).split(".")
    assert tokens.fingerprint(same) == f"{key}.{secret}"
    assert tokens.fingerprint(other_secret).split(".")[0] == key
    assert tokens.fingerprint(other_secret).split(".")[1] != secret
    assert tokens.fingerprint(other_key).split(".")[0] != key
    assert (len(key), len(secret)) == (8, 16)
    assert set(key + secret) <= set("0123456789abcdef")


@pytest.mark.parametrize("secret", ["short", "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----"])
def test_a_secret_of_any_shape_signs_and_the_server_judges_it(secret: str) -> None:
    said, _, signature = tokens.mint_for_api(Credentials("APIkey", secret), {}, now=NOW).rpartition(".")
    expected = hmac.digest(secret.encode(), said.encode(), "sha256")
    assert base64.urlsafe_b64decode(signature + "=") == expected
