"""Whose old tokens say more, or something else, than is declared now, and until when they work.

LiveKit cannot revoke a token, so these people are corrected whenever they join. The record is in the Secret, written
in one request with the tokens that replace the old ones: no crash can come between. A Secret that goes leaves it in
status.revokedIdentities first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.api.role import POWERS
from roomkeeper.api.room_status import MAX_REVOKED
from roomkeeper.domain import names, secret_annotations
from roomkeeper.domain.objects import read_object, read_time
from roomkeeper.domain.once import once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.api.role import Role
    from roomkeeper.domain.objects import TokenSecret
    from roomkeeper.domain.rooms import World
    from roomkeeper.domain.tokens import RoleTokens

PERMISSION = "permission"
PROFILE = "profile"  # name, metadata, attributes
_WORDS = frozenset({PERMISSION, PROFILE, *POWERS})

# LiveKit hands everybody who is connected a token of ten more minutes (livekit: roommanager.go, tokenDefaultTTL), and
# takes one for a minute after its end (protocol: auth/verifier.go).
REFRESHED = timedelta(minutes=10)
LEEWAY = timedelta(minutes=1)

MAX_BYTES = 96 * 1024  # of the record of one Secret; all its annotations together have 256 KiB
MAX_JUDGED = (
    64  # Secrets that no role declares, at a time: more than any Room leaves behind, whoever made them
)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Revocation:
    """What the old tokens of one identity say otherwise than is declared: PERMISSION, PROFILE, or a power they gave."""

    until: datetime
    since: datetime  # of the last edit: who was corrected before it is corrected again
    said: frozenset[str]


@dataclass(frozen=True, slots=True)
class Past:
    """What was issued for a role before, as far as it still works."""

    revoked: Mapping[str, Revocation] = field(default_factory=dict)
    last_expires_at: datetime | None = None
    attributes: frozenset[str] = frozenset()  # keys


@once
def entries(world: World) -> Mapping[str, Revocation]:
    """Return everybody who has to be corrected at every join.

    What a Secret says of an identity is exact; status knows only that there is something.
    """
    found, saved = dict[str, Revocation](), _saved(world)
    for secret in _judged(world):
        _merge(found, _recorded(secret))
        if _is_going(world, secret):
            _merge(found, _outstanding(world, secret, saved))
    found = _valid(found, world.now)
    for identity, until in saved.items():
        if until > (found[identity].until if identity in found else world.now):  # of a Secret that is gone
            _merge(found, {identity: Revocation(until, LONG_AGO, frozenset({PERMISSION, PROFILE}))})
    return found


def current(world: World) -> dict[str, datetime]:
    """Return until when each of them has to be corrected."""
    return {identity: entry.until for identity, entry in entries(world).items()}


def status(world: World) -> list[dict[str, str]]:
    """Return what status shows: at most MAX_REVOKED, those whose tokens end last.

    The others are corrected as long as the Secret that names them is there, and no longer.
    """
    last = sorted(current(world).items(), key=lambda item: (item[1], item[0]))[-MAX_REVOKED:]
    return [{"identity": identity, "until": rfc3339(until)} for identity, until in sorted(last)]


def unsaved(world: World, secret: TokenSecret) -> bool:
    """Tell whether status has yet to name somebody whom only this Secret, which is about to go, remembers."""
    return secret.name in unsaved_names(world)


def unsaved_names(world: World) -> frozenset[str]:
    """Return the Secrets that may not go yet; those beyond MAX_JUDGED wait until others have gone."""
    shown = {entry["identity"] for entry in status(world)}
    saved, judged = _saved(world), _judged(world)
    waiting = {secret.name for secret in _owned(world)} - {secret.name for secret in judged}
    for secret in judged:
        going = dict(_recorded(secret))
        _merge(going, _outstanding(world, secret, saved))
        if any(
            identity in shown and entry.until > world.now and saved.get(identity, LONG_AGO) < entry.until
            for identity, entry in going.items()
        ):
            waiting.add(secret.name)
    return frozenset(waiting)


def next_end(world: World) -> datetime | None:
    """Return when the first of those that status names can be forgotten."""
    return min(current(world).values(), default=None)


def past(world: World, wanted: RoleTokens) -> Past:
    """Return what the Secret with these tokens has to remember of the tokens before them."""
    revoked: dict[str, Revocation] = {}
    attributes: set[str] = set()
    before = [
        secret for secret in _judged(world) if wanted.role == secret.role or wanted.secret_name == secret.name
    ]
    for secret in before:
        _merge(revoked, _recorded(secret))
        _merge(revoked, _replaced(wanted, secret, world.now))
        attributes |= attribute_keys(secret)
    standing = entries(world)  # of another role, or of one that is about to go
    _merge(revoked, {name: standing[name] for name in wanted.identities if name in standing})
    revoked = _valid({identity: entry for identity, entry in revoked.items() if entry.said}, world.now)
    ends = [end for secret in before if (end := secret_annotations.last_end(secret)) and end > world.now]
    return Past(revoked, max(ends, default=None), frozenset(attributes) if revoked else frozenset())


def attribute_keys(secret: TokenSecret) -> frozenset[str]:
    """Return the attributes that tokens of this role, which may still work, have given."""
    return secret_annotations.attribute_keys(secret)


def record(revoked: Mapping[str, Revocation]) -> str:
    """Return the annotation. Beyond MAX_BYTES those whose tokens end first are left out."""
    lines: list[str] = []
    size = 2
    for identity, entry in sorted(revoked.items(), key=lambda item: (-item[1].until.timestamp(), item[0])):
        value = [rfc3339(entry.until), rfc3339(entry.since), *sorted(entry.said)]
        line = f"{_json(identity)}:{_json(value)}"
        size += len(line.encode()) + 1
        if size > MAX_BYTES:
            break
        lines.append(line)
    return "{" + ",".join(sorted(lines)) + "}"


def _owned(world: World) -> Iterator[TokenSecret]:
    return (secret for secret in world.secrets.values() if secret.owner_uid == world.room.uid)


def _judged(world: World) -> list[TokenSecret]:
    """Return the Secrets of the roles, and the first of the others: anybody can make some that carry the Room's uid."""
    room = world.room.key.name
    declared = {
        names.secret_name(room, role.name, role.secret_template.name)
        for role in (world.spec.roles if world.spec else ())
    }
    owned = sorted(_owned(world), key=lambda secret: secret.name)
    others = [secret for secret in owned if secret.name not in declared]
    return [*(secret for secret in owned if secret.name in declared), *others[:MAX_JUDGED]]


def _is_going(world: World, secret: TokenSecret) -> bool:
    """Tell whether nothing will be written over it: its role is gone, or has another name and no Secret of it yet."""
    if world.spec is None:
        return False
    role = _role(world, secret)
    if role is None:
        return True
    name = names.secret_name(world.room.key.name, role.name, role.secret_template.name)
    others = [other for other in _owned(world) if other.role == role.name and other.name == name]
    return secret.name != name and not others


def _role(world: World, secret: TokenSecret) -> Role | None:
    """Return the role of the Secret, if somebody has tokens of it."""
    blocked = set(world.spec.moderation.blocked_identities if world.spec else ())
    for role in world.spec.roles if world.spec else ():
        if role.name == secret.role:
            return None if blocked.issuperset(role.effective_identities) else role
    return None


def _replaced(wanted: RoleTokens, secret: TokenSecret, now: datetime) -> dict[str, Revocation]:
    """Return whose tokens in this Secret say something else than the ones that are wanted."""
    until = _until(secret_annotations.last_end(secret), now)
    changes = wanted.annotations()
    everybody = {
        word
        for word, annotation in (
            (PERMISSION, common.ANNOTATION_GRANTS_HASH),
            (PROFILE, common.ANNOTATION_PROFILE_HASH),
        )
        if secret.annotations.get(annotation) != changes[annotation]
    }
    had = secret_annotations.powers(secret)
    if had - wanted.powers:
        everybody |= had
    found = {}
    for identity, denied in secret_annotations.identities(secret).items():
        said = set(everybody)
        if identity not in wanted.identities:
            said = {PERMISSION, PROFILE, *had}
        elif denied != ",".join(wanted.denied.get(identity, ())):
            said.add(PERMISSION)
        if said:
            found[identity] = Revocation(until, now.replace(microsecond=0), frozenset(said))
    return found


def _outstanding(world: World, secret: TokenSecret, saved: Mapping[str, datetime]) -> dict[str, Revocation]:
    """Return everybody with a token in a Secret that is going. What status already says of them stays.

    Where only the Secret's name is another nobody has to be corrected, but nobody may be forgotten either.
    """
    end = secret_annotations.last_end(secret)
    least = end + LEEWAY if end else LONG_AGO
    said = (
        frozenset()
        if _role(world, secret)
        else frozenset({PERMISSION, PROFILE, *secret_annotations.powers(secret)})
    )
    found = {}
    for identity in secret_annotations.identities(secret):
        known = saved.get(identity)
        until = known if known and known >= least else _until(end, world.now)
        found[identity] = Revocation(until, LONG_AGO, said)
    return found


def _until(end: datetime | None, now: datetime) -> datetime:
    refreshed = now.replace(microsecond=0) + REFRESHED
    return (max(end, refreshed) if end else refreshed) + LEEWAY


def _valid(found: Mapping[str, Revocation], now: datetime) -> dict[str, Revocation]:
    return {identity: entry for identity, entry in found.items() if entry.until > now}


def _merge(found: dict[str, Revocation], more: Mapping[str, Revocation]) -> None:
    for identity, entry in more.items():
        other = found.get(identity)
        if other is None:
            found[identity] = entry
            continue
        found[identity] = Revocation(
            max(other.until, entry.until), max(other.since, entry.since), other.said | entry.said
        )


def _recorded(secret: TokenSecret) -> Mapping[str, Revocation]:
    return _read_record(secret_annotations.bounded(secret, common.ANNOTATION_REVOKED, MAX_BYTES))


@lru_cache(maxsize=secret_annotations.REMEMBERED)
def _read_record(text: str) -> Mapping[str, Revocation]:
    """Read the annotation; what somebody made unreadable is left out. What is returned is shared."""
    found = {identity: _entry(value) for identity, value in read_object(text).items()}
    return MappingProxyType({identity: entry for identity, entry in found.items() if entry})


def _entry(value: Any) -> Revocation | None:
    try:
        until, since, *words = value
        said = frozenset(words)
    except (TypeError, ValueError):
        return None
    ends, edited = read_time(until), read_time(since)
    return Revocation(ends, edited, _shared(said & _WORDS)) if ends and edited else None


@lru_cache
def _shared(words: frozenset[str]) -> frozenset[str]:
    """Return one set for all entries that say the same; there may be thousands."""
    return words


def _saved(world: World) -> dict[str, datetime]:
    return {
        entry["identity"]: until
        for entry in world.room.status.get("revokedIdentities", ())
        if (until := read_time(entry.get("until")))
    }


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
