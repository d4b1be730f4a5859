"""Whose old tokens say more, or something else, than is declared now, and until when they work.

LiveKit cannot revoke a token, so these people are corrected whenever they join. The record is in the Secret, written
in one request with the tokens that replace the old ones: no crash can come between. A Secret that goes leaves it in
status.revokedIdentities first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.room_status import MAX_REVOKED
from roomkeeper.domain import names
from roomkeeper.domain.claims import POWERS
from roomkeeper.domain.objects import format_time, read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.api.role import Role
    from roomkeeper.domain.objects import TokenSecret
    from roomkeeper.domain.rooms import World
    from roomkeeper.domain.tokens import RoleTokens

PERMISSION = "permission"
PROFILE = "profile"  # name, metadata, attributes

# LiveKit hands everybody who is connected a token of ten more minutes (livekit: roommanager.go, tokenDefaultTTL), and
# takes one for a minute after its end (protocol: auth/verifier.go).
REFRESHED = timedelta(minutes=10)
LEEWAY = timedelta(minutes=1)

MAX_BYTES = 96 * 1024  # of the record of one Secret; all its annotations together have 256 KiB
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


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


def entries(world: World) -> dict[str, Revocation]:
    """Return everybody who has to be corrected at every join.

    What a Secret says of an identity is exact; status knows only that there is something.
    """
    found: dict[str, Revocation] = {}
    for secret in _owned(world):
        _merge(found, _recorded(secret))
        if _is_going(world, secret):
            _merge(found, _outstanding(world, secret))
    found = _valid(found, world.now)
    for identity, until in _saved(world).items():
        if until > (found[identity].until if identity in found else world.now):  # of a Secret that is gone
            _merge(found, {identity: Revocation(until, _LONG_AGO, frozenset({PERMISSION, PROFILE}))})
    return found


def current(world: World) -> dict[str, datetime]:
    """Return until when each of them has to be corrected."""
    return {identity: entry.until for identity, entry in entries(world).items()}


def status(world: World) -> list[dict[str, str]]:
    """Return what status shows: at most MAX_REVOKED, those whose tokens end last.

    The others are corrected as long as the Secret that names them is there, and no longer.
    """
    last = sorted(current(world).items(), key=lambda item: (item[1], item[0]))[-MAX_REVOKED:]
    return [{"identity": identity, "until": format_time(until)} for identity, until in sorted(last)]


def unsaved(world: World, secret: TokenSecret) -> bool:
    """Tell whether status has yet to name somebody whom only this Secret, which is about to go, remembers."""
    shown = {entry["identity"] for entry in status(world)}
    saved = _saved(world)
    going = dict(_recorded(secret))
    _merge(going, _outstanding(world, secret))
    return any(
        identity in shown and entry.until > world.now and saved.get(identity, _LONG_AGO) < entry.until
        for identity, entry in going.items()
    )


def next_end(world: World) -> datetime | None:
    """Return when the first of those that status names can be forgotten."""
    return min(current(world).values(), default=None)


def past(world: World, wanted: RoleTokens) -> Past:
    """Return what the Secret with these tokens has to remember of the tokens before them."""
    revoked: dict[str, Revocation] = {}
    attributes: set[str] = set()
    before = [
        secret for secret in _owned(world) if wanted.role == secret.role or wanted.secret_name == secret.name
    ]
    for secret in before:
        _merge(revoked, _recorded(secret))
        _merge(revoked, _replaced(wanted, secret, world.now))
        attributes |= attribute_keys(secret)
    standing = entries(world)  # of another role, or of one that is about to go
    _merge(revoked, {name: standing[name] for name in wanted.identities if name in standing})
    revoked = {identity: entry for identity, entry in revoked.items() if entry.said}
    revoked = _valid(revoked, world.now)
    ends = [end for secret in before if (end := _end(secret)) and end > world.now]
    return Past(revoked, max(ends, default=None), frozenset(attributes) if revoked else frozenset())


def attribute_keys(secret: TokenSecret) -> frozenset[str]:
    """Return the attributes that tokens of this role, which may still work, have given."""
    return frozenset(read_object(secret.annotations.get(common.ANNOTATION_ATTRIBUTES)))


def record(revoked: Mapping[str, Revocation]) -> str:
    """Return the annotation. Beyond MAX_BYTES those whose tokens end first are left out."""
    lines: list[str] = []
    size = 2
    for identity, entry in sorted(revoked.items(), key=lambda item: (-item[1].until.timestamp(), item[0])):
        value = [format_time(entry.until), format_time(entry.since), *sorted(entry.said)]
        line = f"{_json(identity)}:{_json(value)}"
        size += len(line.encode()) + 1
        if size > MAX_BYTES:
            break
        lines.append(line)
    return "{" + ",".join(sorted(lines)) + "}"


def _owned(world: World) -> Iterator[TokenSecret]:
    return (secret for secret in world.secrets.values() if secret.owner_uid == world.room.uid)


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
    until = _until(_end(secret), now)
    changes = wanted.annotations()
    everybody = {
        word
        for word, annotation in (
            (PERMISSION, common.ANNOTATION_GRANTS_HASH),
            (PROFILE, common.ANNOTATION_PROFILE_HASH),
        )
        if secret.annotations.get(annotation) != changes[annotation]
    }
    had = _powers(secret)
    if had - wanted.powers:
        everybody |= had
    found = {}
    for identity, denied in _identities(secret).items():
        said = set(everybody)
        if identity not in wanted.identities:
            said = {PERMISSION, PROFILE, *had}
        elif denied != ",".join(wanted.denied.get(identity, ())):
            said.add(PERMISSION)
        if said:
            found[identity] = Revocation(until, now.replace(microsecond=0), frozenset(said))
    return found


def _outstanding(world: World, secret: TokenSecret) -> dict[str, Revocation]:
    """Return everybody with a token in a Secret that is going. What status already says of them stays.

    Where only the Secret's name is another nobody has to be corrected, but nobody may be forgotten either.
    """
    end, saved = _end(secret), _saved(world)
    least = end + LEEWAY if end else _LONG_AGO
    said = frozenset() if _role(world, secret) else frozenset({PERMISSION, PROFILE, *_powers(secret)})
    found = {}
    for identity in _identities(secret):
        known = saved.get(identity)
        until = known if known and known >= least else _until(end, world.now)
        found[identity] = Revocation(until, _LONG_AGO, said)
    return found


def _until(end: datetime | None, now: datetime) -> datetime:
    refreshed = now.replace(microsecond=0) + REFRESHED
    return (max(end, refreshed) if end else refreshed) + LEEWAY


def _end(secret: TokenSecret) -> datetime | None:
    """Return when the last token of the Secret's role ends."""
    names = (common.ANNOTATION_LAST_EXPIRES_AT, common.ANNOTATION_EXPIRES_AT)
    ends = [end for name in names if (end := read_time(secret.annotations.get(name)))]
    return max(ends, default=None)


def _valid(found: Mapping[str, Revocation], now: datetime) -> dict[str, Revocation]:
    return {identity: entry for identity, entry in found.items() if entry.until > now}


def _merge(found: dict[str, Revocation], more: Mapping[str, Revocation]) -> None:
    for identity, entry in more.items():
        other = found.get(identity, entry)
        found[identity] = Revocation(
            max(other.until, entry.until), max(other.since, entry.since), other.said | entry.said
        )


def _recorded(secret: TokenSecret) -> dict[str, Revocation]:
    """Read the annotation; what somebody made unreadable is left out."""
    found = {}
    for identity, value in read_object(secret.annotations.get(common.ANNOTATION_REVOKED)).items():
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            continue
        until, since = (read_time(text) for text in (*value, "", "")[:2])
        if until and since:
            said = frozenset(value[2:]) & {PERMISSION, PROFILE, *POWERS}
            found[identity] = Revocation(until, since, said)
    return found


def _saved(world: World) -> dict[str, datetime]:
    return {
        entry["identity"]: until
        for entry in world.room.status.get("revokedIdentities", ())
        if (until := read_time(entry.get("until")))
    }


def _identities(secret: TokenSecret) -> dict[str, Any]:
    return read_object(secret.annotations.get(common.ANNOTATION_IDENTITIES))


def _powers(secret: TokenSecret) -> frozenset[str]:
    return frozenset(secret.annotations.get(common.ANNOTATION_POWERS, "").split(",")) & POWERS


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
