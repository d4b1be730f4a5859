"""Tokens that are signed when somebody asks, of roles whose people nobody knows beforehand.

Nothing is written for a token, so nobody knows who has one. Before the first is signed, status says what those of a role
allow and for how long (`status.dynamicTokens`). Where the role is another one later, everybody whose identity begins like
theirs is corrected at every join, until the last of the old tokens has ended (`status.revokedPrefixes`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import rfc3339
from roomkeeper.api.room_status import MAX_REVOKED_PREFIXES
from roomkeeper.domain import claims, conditions, revocations
from roomkeeper.domain.objects import read_time
from roomkeeper.domain.once import once
from roomkeeper.domain.revocations import Revocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from roomkeeper.api.role import Role
    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.domain.rooms import World


@dataclass(frozen=True, slots=True)
class Standing:
    """What the tokens of a dynamic role say: an entry of status.dynamicTokens."""

    role: str
    prefix: str
    hash: str
    ttl: int

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Standing:
        """Read an entry."""
        return cls(entry["role"], entry["identityPrefix"], entry["hash"], entry["ttlSeconds"])

    def rendered(self) -> dict[str, Any]:
        """Return the entry."""
        return {
            "role": self.role,
            "identityPrefix": self.prefix,
            "hash": self.hash,
            "ttlSeconds": self.ttl,
        }


def standing(role: Role) -> Standing | None:
    """Return what tokens of the role say; None: it is not dynamic."""
    if role.dynamic is None:
        return None
    profile = claims.profile(role)
    said = repr(
        (claims.video_grants(role), profile.name, profile.metadata, sorted(profile.attributes.items()))
    )
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    return Standing(role.name, role.dynamic.identity_prefix, digest, role.dynamic.max_ttl_seconds)


def role_of(roles: Iterable[Role], identity: str) -> Role | None:
    """Return the dynamic role to which an identity belongs."""
    return next(
        (role for role in roles if role.dynamic and identity.startswith(role.dynamic.identity_prefix)), None
    )


def ambiguous(spec: RoomSpec) -> tuple[str, str] | None:
    """Return a prefix, and an identity or a prefix of another role that begins so; None: all are told apart."""
    for role in spec.roles:
        if role.dynamic is None:
            continue
        prefix = role.dynamic.identity_prefix
        for other in spec.roles:
            names = other.effective_identities
            if other.dynamic and other.name != role.name:
                names = (other.dynamic.identity_prefix,)
            found = next((name for name in names if name.startswith(prefix)), None)
            if found is not None:
                return prefix, found
    return None


def declared(world: World) -> tuple[Standing, ...]:
    """Return what may be signed, by what is declared."""
    if world.spec is None or world.room.deleted_at:
        return ()
    return tuple(found for role in world.spec.roles if (found := standing(role)))


def may_be_signed(room: CustomObject, role: Role, signing_key: str) -> bool:
    """Tell whether status says of the Room as it is declared that tokens of the role are signed with this key.

    Only then is it known what they allow when the role is another one.
    """
    status = room.status
    issued = conditions.find(status.get("conditions", ()), "TokensIssued")
    if room.deleted_at or issued is None or issued["status"] != "True":
        return False
    wanted = standing(role)
    return issued.get("observedGeneration") == room.generation and any(
        Standing.read(entry) == wanted and entry.get("signingKey") == signing_key
        for entry in status.get("dynamicTokens", ())
    )


def recorded(status: Mapping[str, Any]) -> tuple[Standing, ...]:
    """Return what status says that may be signed."""
    return tuple(Standing.read(entry) for entry in status.get("dynamicTokens", ()))


@once
def revoked(world: World) -> Mapping[str, datetime]:
    """Return by prefix until when tokens work that say something else than is declared."""
    found = {
        entry["identityPrefix"]: until
        for entry in world.room.status.get("revokedPrefixes", ())
        if (until := read_time(entry.get("until"))) and until > world.now
    }
    if world.spec is None and not world.room.deleted_at:
        return found  # what is declared cannot be read: nothing is signed, and nothing is forgotten
    kept = {(one.prefix, one.hash): one.ttl for one in declared(world)}
    for old in recorded(world.room.status):
        if kept.get((old.prefix, old.hash), 0) < old.ttl:
            until = _end(old, world.now)
            found[old.prefix] = max(until, found.get(old.prefix, until))
    return found


def _end(old: Standing, now: datetime) -> datetime:
    """Return when the last token ends that was signed before: by a replica that has not heard of the edit, in a moment."""
    lives = max(timedelta(seconds=old.ttl), revocations.REFRESHED)
    return now.replace(microsecond=0) + lives + revocations.LEEWAY


def revocation(prefixes: Mapping[str, datetime], identity: str) -> Revocation | None:
    """Return what the old token of somebody may say otherwise than is declared; None: they have none."""
    ends = [until for prefix, until in prefixes.items() if identity.startswith(prefix)]
    if not ends:
        return None
    return Revocation(
        max(ends), revocations.LONG_AGO, frozenset({revocations.PERMISSION, revocations.PROFILE})
    )


def next_end(world: World) -> datetime | None:
    """Return when the first of the prefixes can be forgotten."""
    return min(revoked(world).values(), default=None)


def status(world: World) -> dict[str, Any]:
    """Return what status shows: what may be signed, and what is corrected. Of too many those stay that end last."""
    shown: dict[str, Any] = {}
    key = {"signingKey": world.server.signing_key} if world.server else {}
    signed = [one.rendered() | key for one in declared(world)]
    if world.spec is None:
        signed = list(world.room.status.get("dynamicTokens", ()))
    if signed:
        shown["dynamicTokens"] = signed
    last = sorted(revoked(world).items(), key=lambda item: (item[1], item[0]))[-MAX_REVOKED_PREFIXES:]
    if last:
        shown["revokedPrefixes"] = [
            {"identityPrefix": prefix, "until": rfc3339(until)} for prefix, until in sorted(last)
        ]
    return shown
