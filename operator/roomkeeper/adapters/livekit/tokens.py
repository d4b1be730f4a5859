"""JSON Web Tokens as LiveKit reads them: for participants, and for the operator's own API calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.domain.livekit import Credentials, TokenClaims

MAX_TOKEN_BYTES = 6_000
"""Clients send the token in the query of the join request, and many proxies cut requests at 8 KiB."""

LEEWAY_SECONDS = 60
"""By how much a server's clock may differ from ours: it takes a token so long before and after its time."""
API_TOKEN_SECONDS = 60
"""Lifetime of the operator's own tokens."""

_HEADER = b'{"alg":"HS256","typ":"JWT"}'
_KEY_DIGITS, _SECRET_DIGITS = 8, 16


class TokenTooLargeError(ValueError):
    """The token would exceed MAX_TOKEN_BYTES. The message tells the size, never the token."""


def mint(credentials: Credentials, claims: TokenClaims) -> str:
    """Sign a participant token; raise TokenTooLargeError when it would not fit into a join request.

    The SDK's AccessToken is not used: it takes the time from the wall clock, so a validity cannot be given, and
    its dataclasses.asdict makes it many times as costly. A test proves that both make the same token.
    """
    payload: dict[str, Any] = {
        "iss": credentials.api_key,
        "sub": claims.identity,
        "nbf": int(claims.not_before.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "video": dict(claims.video),
    }
    if claims.name:
        payload["name"] = claims.name
    if claims.metadata:
        payload["metadata"] = claims.metadata
    if claims.attributes:
        payload["attributes"] = dict(claims.attributes)
    if claims.room_config:
        payload["roomConfig"] = dict(claims.room_config)
    token = _sign(credentials, payload)
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenTooLargeError(
            f"a token has {len(token)} bytes, {MAX_TOKEN_BYTES} are possible: "
            "shorten the display name, the identity, the metadata, the attributes or the grants"
        )
    return token


def mint_for_api(credentials: Credentials, video: Mapping[str, Any], *, now: datetime) -> str:
    """Sign a token for one API call that grants just `video` and lives API_TOKEN_SECONDS."""
    starts = int(now.timestamp())
    payload = {
        "iss": credentials.api_key,
        "nbf": starts,
        "exp": starts + API_TOKEN_SECONDS,
        "video": dict(video),
    }
    return _sign(credentials, payload)


def sign_webhook(credentials: Credentials, body: bytes, *, now: datetime) -> str:
    """Return the Authorization header of a webhook, as LiveKit signs one (livekit: protocol/webhook/notifier.go)."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    starts = int(now.timestamp())
    claims = {"iss": credentials.api_key, "nbf": starts, "exp": starts + API_TOKEN_SECONDS, "sha256": digest}
    return _sign(credentials, claims)


def fingerprint(credentials: Credentials) -> str:
    """Tell what changed without telling the secret: "<8 hex digits of the key>.<16 of the secret>".

    A new key changes the first part (SHA-256 of the key), so it can be told from a new secret under the old key,
    which changes only the second (HMAC-SHA256 of the key, keyed with the secret).
    """
    key = hashlib.sha256(credentials.api_key.encode()).hexdigest()
    secret = hmac.new(credentials.api_secret.encode(), credentials.api_key.encode(), hashlib.sha256)
    return f"{key[:_KEY_DIGITS]}.{secret.hexdigest()[:_SECRET_DIGITS]}"


def _sign(credentials: Credentials, payload: dict[str, Any]) -> str:
    """Sign as RFC 7515 says. PyJWT takes more than twice as long: it judges the key anew for each token."""
    said = _base64(_HEADER) + b"." + _base64(json.dumps(payload, separators=(",", ":")).encode())
    signature = hmac.digest(credentials.api_secret.encode(), said, hashlib.sha256)
    return (said + b"." + _base64(signature)).decode()


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
