"""What a client asks of the token endpoint, in LiveKit's words, and what the role makes of it.

The request is LiveKit's standard (protocol: livekit_token_source.proto, TokenSourceRequest) as JSON. Grants come from the
role, never from the request; what a request may say besides who joins is bounded, and what the role says stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api.role import (
    MAX_ATTRIBUTE,
    MAX_ATTRIBUTE_KEY,
    MAX_ATTRIBUTES,
    MAX_DISPLAY_NAME,
    MAX_IDENTITY,
)
from roomkeeper.domain import claims, dynamic, names
from roomkeeper.domain.livekit import TokenClaims

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.api.role import Dynamic, Role
    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.tokens import RoleTokens

MAX_METADATA_BYTES = 1024  # it travels in the token, and everybody in the room gets it
_TEXTS = {
    "room_name": MAX_IDENTITY,
    "participant_identity": MAX_IDENTITY,
    "participant_name": MAX_DISPLAY_NAME,
    "participant_metadata": MAX_METADATA_BYTES,
}
_CLOCKS_DIFFER = timedelta(seconds=10)  # LiveKit's may be behind ours by so much


class BadRequestError(ValueError):
    """The request is not what LiveKit's clients send, or asks for too much; the message names the field."""


class RefusedError(Exception):
    """Nobody gets such a token."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A TokenSourceRequest; "" is what it does not say."""

    room_name: str = ""
    participant_identity: str = ""
    participant_name: str = ""
    participant_metadata: str = ""
    participant_attributes: Mapping[str, str] = field(default_factory=dict)


def read(body: Any) -> TokenRequest:
    """Read a request; BadRequestError names the field that is wrong. Names may be in snake_case or camelCase."""
    if not isinstance(body, dict):
        raise BadRequestError("the request must be a JSON object")
    if _get(body, "room_config"):
        raise BadRequestError("room_config: the Room declares what its room is and which agents it has")
    texts = {name: _text(name, _get(body, name), most) for name, most in _TEXTS.items()}
    return TokenRequest(**texts, participant_attributes=_attributes(_get(body, "participant_attributes")))


def _get(body: Mapping[str, Any], name: str) -> Any:
    first, *others = name.split("_")
    return body.get(name, body.get(first + "".join(map(str.capitalize, others))))


def _text(name: str, value: Any, most: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequestError(f"{name}: must be text")
    if len(value.encode(errors="replace")) > most or not names.is_text(value):
        raise BadRequestError(f"{name}: must be at most {most} bytes without control characters")
    return value


def _attributes(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_ATTRIBUTES:
        raise BadRequestError(f"participant_attributes: must be an object of at most {MAX_ATTRIBUTES} keys")
    for key, text in value.items():
        if not key:
            raise BadRequestError("participant_attributes: a key is empty")
        _text("a key of participant_attributes", key, MAX_ATTRIBUTE_KEY)
        _text("a value of participant_attributes", text, MAX_ATTRIBUTE)
    return {key: text for key, text in value.items() if text}


def ttl_seconds(dynamic: Dynamic, asked: int | None, limit: int | None) -> int:
    """Return for how long a token is valid; `limit` is the policy's. BadRequestError: longer than it may be."""
    most = min(dynamic.max_ttl_seconds, limit or dynamic.max_ttl_seconds)
    if asked is not None and not 0 < asked <= most:
        raise BadRequestError(f"ttl: must be 1 to {most} seconds")
    return asked or most


def answer(
    request: TokenRequest,
    role: Role,
    spec: RoomSpec,
    wanted: RoleTokens,
    *,
    own: str,
    ttl: int,
    now: datetime,
) -> TokenClaims:
    """Return what the token says. `own` is the identity of somebody who names none, without the prefix.

    BadRequestError: the identity or the room cannot be; RefusedError: nobody may be that.
    """
    if request.room_name and request.room_name != wanted.room:
        raise BadRequestError("room_name: is not the name of this Room's room; leave it out")
    identity = _identity(request, role, spec, own)
    denied = claims.denied_sources(spec).get(identity, frozenset())
    start = now.replace(microsecond=0)
    profile = wanted.profile
    return TokenClaims(
        identity=identity,
        name=profile.name or request.participant_name,
        video={**claims.deny(wanted.video, denied), "room": wanted.room},
        room_config=wanted.room_config,
        not_before=start - _CLOCKS_DIFFER,
        expires_at=start + timedelta(seconds=ttl),
        metadata=profile.metadata or request.participant_metadata,
        attributes={**request.participant_attributes, **profile.attributes},
    )


def _identity(request: TokenRequest, role: Role, spec: RoomSpec, own: str) -> str:
    prefix = role.dynamic.identity_prefix if role.dynamic else ""
    identity = prefix + (request.participant_identity or own)
    if len(identity) > MAX_IDENTITY or "/" in identity or ".." in identity:
        raise BadRequestError(
            f'participant_identity: must be at most {MAX_IDENTITY - len(prefix)} characters without "/" and ".."'
        )
    others = {name for other in spec.roles for name in other.effective_identities}
    if identity in spec.moderation.blocked_identities or identity in others:
        raise RefusedError("this identity gets no token")
    if dynamic.role_of(spec.roles, identity) is not role:
        raise RefusedError("this identity gets no token")
    return identity
