"""Token Secrets: what a role's Secret must hold, and whether it has to be issued (again)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.domain import names
from roomkeeper.domain.livekit import TokenClaims
from roomkeeper.domain.objects import FIXED_KEYS, content_hash, format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roomkeeper.api.role import Role
    from roomkeeper.domain.livekit import RoomConfig
    from roomkeeper.domain.objects import CustomObject, TokenSecret

MAX_SECRET_BYTES = 900 * 1024  # the API server takes 1 MiB in all
SPREAD = 0.1  # of the ttl: rooms created together are not renewed together


@dataclass(frozen=True, slots=True)
class RoleTokens:
    """What the Secret of one role has to say; durations are seconds."""

    role: str
    secret_name: str
    identities: tuple[str, ...]
    room: str
    url: str
    video: Mapping[str, Any]
    room_config: Mapping[str, Any]
    ttl: int
    renew_before: int
    signing_key: str  # fingerprint of the API key and its secret

    def annotations(self) -> dict[str, str]:
        """Return what is compared on the Secret to tell whether its tokens are still right."""
        validity = [self.ttl, self.renew_before]
        return {
            common.ANNOTATION_ROOM_NAME: self.room,
            common.ANNOTATION_URL: self.url,
            common.ANNOTATION_GRANTS_HASH: _hash(self.video),
            common.ANNOTATION_IDENTITIES_HASH: _hash(self.identities),
            common.ANNOTATION_CONFIG_HASH: _hash([self.room_config, validity]),
            common.ANNOTATION_SIGNING_KEY: self.signing_key,
        }


@dataclass(frozen=True, slots=True)
class Issue:
    """One issuing of a role's tokens: everything but the signatures."""

    tokens: RoleTokens
    reason: str
    not_before: datetime
    expires_at: datetime
    renews_at: datetime

    def claims(self) -> list[TokenClaims]:
        """Return what each identity's token says."""
        return [
            TokenClaims(
                identity=identity,
                name="",
                video={**self.tokens.video, "room": self.tokens.room},
                room_config=self.tokens.room_config,
                not_before=self.not_before,
                expires_at=self.expires_at,
            )
            for identity in self.tokens.identities
        ]


def for_role(
    role: Role, *, room: CustomObject, room_name: str, url: str, config: RoomConfig, signing_key: str
) -> RoleTokens:
    """Return what the role's Secret has to say."""
    return RoleTokens(
        role=role.name,
        secret_name=names.secret_name(room.key.name, role.name),
        identities=role.effective_identities,
        room=room_name,
        url=url,
        video=video_grants(role),
        room_config=room_configuration(config),
        ttl=role.ttl_seconds,
        renew_before=role.effective_renew_before_seconds,
        signing_key=signing_key,
    )


def video_grants(role: Role) -> dict[str, Any]:
    """Return LiveKit's VideoGrants for a role, without the room: whatever is not granted is said to be false.

    An empty canPublishSources would mean all sources to LiveKit (protocol: auth/grants.go), so it is left out.
    """
    grants = role.grants.model_dump(mode="json", exclude_none=True)
    sources = grants.pop("canPublishSources", None)
    return {"roomJoin": True, **grants, **({"canPublishSources": sorted(sources)} if sources else {})}


def room_configuration(config: RoomConfig) -> dict[str, Any]:
    """Return the RoomConfiguration a token carries, so that a room born by a join is born as declared.

    Metadata is not in it: every holder can read a token, and an edit would have to re-issue them all.
    """
    fields = {
        "emptyTimeout": config.empty_timeout_seconds,
        "departureTimeout": config.departure_timeout_seconds,
        "maxParticipants": config.max_participants,
    }
    return {name: value for name, value in fields.items() if value}


def issue(tokens: RoleTokens, *, reason: str, owner_uid: str, now: datetime) -> Issue:
    """Return the issuing of these tokens at this moment."""
    start = now.replace(microsecond=0)
    expires_at = start + timedelta(seconds=tokens.ttl)
    early = tokens.renew_before + tokens.ttl * SPREAD * _fraction(f"{owner_uid}/{tokens.role}")
    renews_at = max(expires_at - timedelta(seconds=early), start + timedelta(seconds=tokens.ttl // 10))
    return Issue(tokens, reason, start, expires_at, renews_at.replace(microsecond=0))


def why_issue(tokens: RoleTokens, secret: TokenSecret | None, now: datetime) -> str | None:
    """Return why the Secret has to be written, in words for people; None: it is right and not due."""
    if secret is None:
        return "the Secret is missing"
    for check in CHECKS:
        reason = check(tokens, secret, now)
        if reason:
            return reason
    return None


def keys_are_missing(_: RoleTokens, secret: TokenSecret, __: datetime) -> str | None:
    """Check that every key is there."""
    missing = [key for key in FIXED_KEYS if key not in secret.data_keys]
    return f"the Secret lacks {', '.join(missing)}" if missing else None


def content_was_edited(_: RoleTokens, secret: TokenSecret, __: datetime) -> str | None:
    """Check that the data is what was written."""
    written = secret.annotations.get(common.ANNOTATION_CONTENT_HASH)
    return "the Secret was edited" if secret.content_hash != written else None


def annotations_differ(tokens: RoleTokens, secret: TokenSecret, _: datetime) -> str | None:
    """Check what the tokens say, by the hashes written beside them."""
    said = {
        common.ANNOTATION_GRANTS_HASH: "the grants differ",
        common.ANNOTATION_IDENTITIES_HASH: "the identities differ",
        common.ANNOTATION_ROOM_NAME: "the room differs",
        common.ANNOTATION_URL: "the URL differs",
        common.ANNOTATION_CONFIG_HASH: "the room's configuration or the validity differs",
        common.ANNOTATION_SIGNING_KEY: "the signing key differs",
    }
    wanted = tokens.annotations()
    return next((text for name, text in said.items() if secret.annotations.get(name) != wanted[name]), None)


def expiry_is_near(_: RoleTokens, secret: TokenSecret, now: datetime) -> str | None:
    """Check that the tokens are not due for renewal."""
    due = time_of(secret, common.ANNOTATION_RENEWS_AT)
    return "the tokens expire soon" if due is None or now >= due else None


CHECKS: tuple[Callable[[RoleTokens, TokenSecret, datetime], str | None], ...] = (
    keys_are_missing,
    content_was_edited,
    annotations_differ,
    expiry_is_near,
)


def time_of(secret: TokenSecret, annotation: str) -> datetime | None:
    """Return the time an annotation holds; None when it is missing or unreadable."""
    try:
        return parse_time(secret.annotations.get(annotation, ""))
    except ValueError:
        return None


def secret_body(issue: Issue, signed: Mapping[str, str], *, room: CustomObject) -> dict[str, Any]:
    """Return the Secret as it is sent; `signed` holds the token of each identity."""
    tokens = issue.tokens
    first = tokens.identities[0]
    data = {
        "LIVEKIT_URL": tokens.url.encode(),
        "LIVEKIT_ROOM": tokens.room.encode(),
        "LIVEKIT_IDENTITY": first.encode(),
        "LIVEKIT_TOKEN": signed[first].encode(),
        "tokens.json": json.dumps(signed, separators=(",", ":"), ensure_ascii=False).encode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "namespace": room.key.namespace,
            "name": tokens.secret_name,
            "labels": {
                common.LABEL_MANAGED_BY: common.MANAGED_BY,
                common.LABEL_ROOM: room.key.name,
                common.LABEL_ROLE: tokens.role,
            },
            "annotations": {
                **tokens.annotations(),
                common.ANNOTATION_EXPIRES_AT: format_time(issue.expires_at),
                common.ANNOTATION_RENEWS_AT: format_time(issue.renews_at),
                common.ANNOTATION_CONTENT_HASH: content_hash(data),
            },
            "ownerReferences": [_owner(room)],
        },
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }


def _owner(room: CustomObject) -> dict[str, Any]:
    return {
        "apiVersion": common.API_VERSION,
        "kind": room.key.kind,
        "name": room.key.name,
        "uid": room.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fraction(seed: str) -> float:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) / 2**32
