"""LiveKit's webhooks: is it really theirs, and what does it tell?

The Authorization header is a token, without the word Bearer, whose claim `sha256` is the hash of the raw body
(livekit: protocol/webhook/verifier.go). The body is protobuf JSON with whitespace at random, so only the bytes
as they came can be hashed.

Order, as measured on livekit-server 1.13.5 with Redis: room_started and CreateRoom's answer tell the same SID, within
milliseconds of each other. room_finished is sent before the record is removed (pkg/service/roommanager.go,
OnClose), so a room that closed by a timeout may be listed, with its old SID, for some milliseconds after it; one
that DeleteRoom closed is not. Who joined is listed when participant_joined comes, who left is not when
participant_left comes; a client that died leaves only after some twenty seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
from google.protobuf import json_format
from livekit.protocol import webhook as pb

from roomkeeper.domain.livekit import Credentials, WebhookEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEEWAY_SECONDS = 60
"""Clock skew that LiveKit itself tolerates (livekit: protocol/auth/verifier.go)."""

KNOWN_EVENTS = frozenset({
    "room_started", "room_finished", "participant_joined", "participant_left", "participant_connection_aborted",
    "track_published", "track_unpublished", "egress_started", "egress_updated", "egress_ended",
    "ingress_started", "ingress_ended",
})  # fmt: skip
"""The names of events (livekit: package protocol/webhook, the constants Event...)."""

MAX_NAME_LENGTH = 128
"""Characters of an event's id or name, or of an egress's id: all are remembered, and LiveKit's have some thirty at most."""

# What the libraries raise on hostile input: RecursionError and OverflowError come from deep or huge JSON values,
# ValueError from text that is not Unicode.
_HOSTILE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
_UNREADABLE = (
    json_format.ParseError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    OSError,
    RecursionError,
)


class ForgedWebhookError(Exception):
    """Not signed, or not by a key we know, or expired, or for another body: HTTP 401."""


class UnreadableWebhookError(Exception):
    """Signed by a known key, but not a webhook event: HTTP 400."""


@dataclass(frozen=True, slots=True)
class Verified:
    """An event, and the very credentials that signed it.

    Servers of two tenants may name the same key: only those whose secret is this one have been told anything.
    """

    event: WebhookEvent
    credentials: Credentials


def verify(body: bytes, authorization: str, keys: Mapping[str, Sequence[str]]) -> Verified:
    """Return the event that `body` tells, if a secret in `keys` (API key → candidates) has signed it.

    Raise ForgedWebhookError or UnreadableWebhookError, and nothing else whatever comes in.
    """
    token = authorization.removeprefix("Bearer ").strip()
    claims, credentials = _signed_claims(token, keys)
    expected = base64.b64encode(hashlib.sha256(body).digest())
    if not hmac.compare_digest(expected, _text(claims.get("sha256"))):
        raise ForgedWebhookError("the signature is for another body")
    return Verified(_read(body, api_key=credentials.api_key), credentials)


def _signed_claims(token: str, keys: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], Credentials]:
    """Try every secret of the key that the token names; one that can sign nothing must not hide the others."""
    issuer = _issuer(token)
    for secret in keys.get(issuer, ()):
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss"]},
            )
        except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
            continue
        except _HOSTILE:
            raise ForgedWebhookError("the token is expired or malformed") from None
        return claims, Credentials(issuer, secret)
    raise ForgedWebhookError("no known key has signed this")


def _issuer(token: str) -> str:
    """Read the API key that the token claims to be from, before anything is trusted."""
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except _HOSTILE:
        raise ForgedWebhookError("the Authorization header is not a token") from None
    if not isinstance(issuer, str):
        raise ForgedWebhookError("the token names no API key")
    return issuer


def _text(claim: object) -> bytes:
    return claim.encode(errors="replace") if isinstance(claim, str) else b""


def _read(body: bytes, *, api_key: str) -> WebhookEvent:
    try:
        event = json_format.Parse(body, pb.WebhookEvent(), ignore_unknown_fields=True)
        created_at = datetime.fromtimestamp(event.created_at, UTC)
    except _UNREADABLE:
        raise UnreadableWebhookError("the body is not a webhook event") from None
    if not event.event:
        raise UnreadableWebhookError("the body names no event")
    if max(map(len, (event.id, event.event, event.egress_info.egress_id))) > MAX_NAME_LENGTH:
        raise UnreadableWebhookError(
            "the event's id or name, or its egress's id, is longer than LiveKit's ever are"
        )
    return WebhookEvent(
        id=event.id,
        event=event.event,
        # egress events carry no room before livekit-server 1.13.11
        room_name=event.room.name or event.egress_info.room_name,
        room_sid=event.room.sid or event.egress_info.room_id,
        api_key=api_key,
        created_at=created_at,
        egress_id=event.egress_info.egress_id,
    )
