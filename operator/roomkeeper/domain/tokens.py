"""The tokens of a role: what they say, and whether its Secret has to be issued (again)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.domain import claims, names, revocations
from roomkeeper.domain.claims import Profile
from roomkeeper.domain.livekit import TokenClaims
from roomkeeper.domain.objects import FIXED_KEYS, read_time
from roomkeeper.domain.once import once
from roomkeeper.domain.revocations import Past

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roomkeeper.api.role import Role
    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.livekit import RoomConfig
    from roomkeeper.domain.objects import CustomObject, TokenSecret

SPREAD = 0.1  # of the ttl: rooms created together are not renewed together
KEY_SPREAD_SECONDS = (
    600  # a new key that LiveKit has beside the old one replaces the tokens of it one after another
)
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
# Made once: json.dumps makes an encoder for each call, which takes as long as encoding.
_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_sorted_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Template:
    """What the owner of a Room adds to a Secret."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def annotation(self) -> str:
        """Return the keys, by which they are removed when they go, and a hash of all of it."""
        keys = {"labels": sorted(self.labels), "annotations": sorted(self.annotations)}
        return _json({**keys, "hash": _hash([dict(self.labels), dict(self.annotations)])})


@dataclass(frozen=True, slots=True)
class RoleTokens:
    """What the Secret of one role has to say; durations are seconds."""

    role: str
    secret_name: str
    identities: tuple[str, ...]  # without those who are blocked; nobody: there is no Secret
    room: str
    url: str
    video: Mapping[str, Any]
    room_config: Mapping[str, Any]
    ttl: int
    renew_before: int
    signing_key: str  # fingerprint of the API key and its secret: "<of the key>.<of both>"
    profile: Profile = field(default_factory=Profile)
    denied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # sources, by identity
    template: Template = Template()
    owner_uid: str = ""
    max_ttl: int | None = None  # of the server's policy: it counts when the tokens are next issued
    credentials_since: datetime | None = None  # when the signing key came; None: nobody knows
    shard: str | None = None  # the Room's label
    answers: dict[object, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )  # see once.py

    @property
    def powers(self) -> frozenset[str]:
        """What a token lets its holder do besides being in the room."""
        return claims.powers(self.video)

    @once
    def annotations(self) -> Mapping[str, str]:
        """Return what is compared on the Secret to tell whether its tokens are still right."""
        profile = self.profile
        validity = [self.ttl, self.renew_before]
        denied = {identity: ",".join(self.denied.get(identity, ())) for identity in self.identities}
        return {
            common.ANNOTATION_ROOM_NAME: self.room,
            common.ANNOTATION_URL: self.url,
            common.ANNOTATION_GRANTS_HASH: _hash(self.video),
            common.ANNOTATION_PROFILE_HASH: _hash([profile.name, profile.metadata, dict(profile.attributes)]),
            common.ANNOTATION_IDENTITIES_HASH: _hash(self.identities),
            common.ANNOTATION_IDENTITIES: _json(denied),
            common.ANNOTATION_POWERS: ",".join(sorted(self.powers)),
            common.ANNOTATION_CONFIG_HASH: _hash([self.room_config, validity]),
            common.ANNOTATION_TEMPLATE: self.template.annotation(),
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
    past: Past = field(default_factory=Past)

    def claims(self) -> list[TokenClaims]:
        """Return what each identity's token says."""
        wanted = self.tokens
        return [
            TokenClaims(
                identity=identity,
                name=wanted.profile.name,
                video={**claims.deny(wanted.video, wanted.denied.get(identity, ())), "room": wanted.room},
                room_config=wanted.room_config,
                not_before=self.not_before,
                expires_at=self.expires_at,
                metadata=wanted.profile.metadata,
                attributes=wanted.profile.attributes,
            )
            for identity in wanted.identities
        ]

    def annotations(self) -> dict[str, str]:
        """Return what the Secret remembers of tokens that cannot be called back."""
        last = max(self.expires_at, self.past.last_expires_at or self.expires_at)
        keys = sorted(self.past.attributes | self.tokens.profile.attributes.keys())
        return {
            common.ANNOTATION_REVOKED: revocations.record(self.past.revoked),
            common.ANNOTATION_LAST_EXPIRES_AT: rfc3339(last),
            common.ANNOTATION_ATTRIBUTES: _json(dict.fromkeys(keys, "")),
        }


def for_role(
    role: Role,
    *,
    spec: RoomSpec,
    room: CustomObject,
    room_name: str,
    url: str,
    config: RoomConfig,
    signing_key: str,
    credentials_since: datetime | None = None,
    max_ttl: int | None = None,
) -> RoleTokens:
    """Return what the role's Secret has to say."""
    blocked = set(spec.moderation.blocked_identities)
    identities = tuple(identity for identity in role.effective_identities if identity not in blocked)
    video = claims.video_grants(role)
    return RoleTokens(
        role=role.name,
        secret_name=names.secret_name(room.key.name, role.name, role.secret_template.name),
        identities=identities,
        room=room_name,
        url=url,
        video=video,
        room_config=claims.room_configuration(spec, config),
        ttl=role.ttl_seconds,
        renew_before=role.effective_renew_before_seconds,
        signing_key=signing_key,
        profile=claims.profile(role),
        denied=_denied(spec, identities, video),
        template=Template(role.secret_template.labels, role.secret_template.annotations),
        owner_uid=room.uid,
        max_ttl=max_ttl,
        credentials_since=credentials_since,
        shard=room.shard,
    )


def _denied(
    spec: RoomSpec, identities: tuple[str, ...], video: Mapping[str, Any]
) -> dict[str, tuple[str, ...]]:
    """Return what is taken from whom, of what the role would give them."""
    allowed = claims.allowed_sources(claims.permission(video))
    denied = claims.denied_sources(spec)
    taken = {name: tuple(sorted(denied[name] & allowed)) for name in identities if name in denied}
    return {identity: sources for identity, sources in taken.items() if sources}


def issue(
    tokens: RoleTokens, *, reason: str, owner_uid: str, now: datetime, past: Past | None = None
) -> Issue:
    """Return the issuing of these tokens at this moment; `past` is what their Secret has to remember."""
    ttl, renew_before = tokens.ttl, tokens.renew_before
    if tokens.max_ttl is not None and tokens.max_ttl < ttl:
        ttl, renew_before = tokens.max_ttl, min(renew_before, tokens.max_ttl // 3)
    start = now.replace(microsecond=0)
    expires_at = start + timedelta(seconds=ttl)
    early = renew_before + ttl * SPREAD * _fraction(f"{owner_uid}/{tokens.role}")
    # The spread alone must not renew what was just issued; what is declared may be as soon as it likes.
    soonest = start + timedelta(seconds=min(ttl // 10, ttl - renew_before))
    renews_at = max(expires_at - timedelta(seconds=early), soonest)
    return Issue(tokens, reason, start, expires_at, renews_at.replace(microsecond=0), past or Past())


def why_issue(tokens: RoleTokens, secret: TokenSecret | None, now: datetime) -> str | None:
    """Return why the Secret has to be written, in words for people; None: it is right and not due."""
    if not tokens.identities:
        return None
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
        common.ANNOTATION_IDENTITIES: "the denied sources differ",
        common.ANNOTATION_PROFILE_HASH: "the name, the metadata or the attributes differ",
        common.ANNOTATION_ROOM_NAME: "the room differs",
        common.ANNOTATION_URL: "the URL differs",
        common.ANNOTATION_CONFIG_HASH: "the room's configuration or the validity differs",
        common.ANNOTATION_TEMPLATE: "the template of the Secret differs",
    }
    wanted = tokens.annotations()
    return next((text for name, text in said.items() if secret.annotations.get(name) != wanted[name]), None)


def shard_differs(tokens: RoleTokens, secret: TokenSecret, _: datetime) -> str | None:
    """Check that whoever works on the Room sees the Secret too."""
    return "the shard differs" if secret.shard != tokens.shard else None


def signing_key_differs(tokens: RoleTokens, secret: TokenSecret, now: datetime) -> str | None:
    """Check who signed the tokens, and whether it is their turn to be signed anew."""
    due = rotation_due(tokens, secret)
    return "the signing key differs" if due is not None and now >= due else None


def rotation_due(tokens: RoleTokens, secret: TokenSecret) -> datetime | None:
    """Return when tokens of another signing key are replaced; None: they are of this one.

    Another secret under the same key makes them void at once. Another key may well work beside the old one, so they
    are replaced spread over KEY_SPREAD_SECONDS.
    """
    signed_by = secret.annotations.get(common.ANNOTATION_SIGNING_KEY, "")
    if signed_by == tokens.signing_key:
        return None
    since = tokens.credentials_since
    if since is None or _key(signed_by) == _key(tokens.signing_key):
        return _AT_ONCE
    share = _fraction(f"{tokens.owner_uid}/{tokens.role}/{tokens.signing_key}")
    return since + timedelta(seconds=KEY_SPREAD_SECONDS * share)


EXPIRE_SOON = "the tokens expire soon"


def expiry_is_near(_: RoleTokens, secret: TokenSecret, now: datetime) -> str | None:
    """Check that the tokens are not due for renewal."""
    due = time_of(secret, common.ANNOTATION_RENEWS_AT)
    return EXPIRE_SOON if due is None or now >= due else None


CHECKS: tuple[Callable[[RoleTokens, TokenSecret, datetime], str | None], ...] = (
    keys_are_missing,
    content_was_edited,
    annotations_differ,
    shard_differs,
    signing_key_differs,
    expiry_is_near,
)


def time_of(secret: TokenSecret, annotation: str) -> datetime | None:
    """Return the time an annotation holds; None when it is missing or unreadable."""
    return read_time(secret.annotations.get(annotation))


def due_at(tokens: RoleTokens, secret: TokenSecret) -> datetime | None:
    """Return when the Secret has to be looked at again; None: that is overdue since ever."""
    moments = [time_of(secret, common.ANNOTATION_RENEWS_AT), rotation_due(tokens, secret)]
    return min((moment for moment in moments if moment is not None), default=None)


def _key(signing_key: str) -> str:
    return signing_key.partition(".")[0]


def _hash(value: Any) -> str:
    return hashlib.sha256(_sorted_json(value).encode()).hexdigest()[:16]


def _fraction(seed: str) -> float:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) / 2**32
