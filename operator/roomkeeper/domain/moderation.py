"""Who has to leave a room, and whose permissions have to be put right: what the spec says, at every join.

Nobody is touched whom the Room does not name: those belong to the application, agents and egress workers to LiveKit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roomkeeper.api.role import POWERS, PermissionsPolicy
from roomkeeper.domain import claims, dynamic, revocations
from roomkeeper.domain.livekit import ParticipantKind, ParticipantUpdate
from roomkeeper.domain.revocations import PERMISSION, PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from roomkeeper.api.role import Role
    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.livekit import Participant, Permission
    from roomkeeper.domain.revocations import Revocation
    from roomkeeper.domain.rooms import World


@dataclass(frozen=True, slots=True)
class RemoveParticipant:
    """Disconnect somebody."""

    name: str
    identity: str
    sid: str


@dataclass(frozen=True, slots=True)
class UpdateParticipant:
    """Put somebody right. With `mark` this join is then done with; an update without anything in it is no call."""

    name: str
    identity: str
    sid: str
    update: ParticipantUpdate
    mark: str = ""


Action = RemoveParticipant | UpdateParticipant


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a Room says of people, looked up by identity."""

    room: str
    blocked: frozenset[str]
    denied: Mapping[str, frozenset[str]]
    roles: Mapping[str, Role]
    dynamic: tuple[Role, ...]
    revoked: Mapping[str, Revocation]
    revoked_prefixes: Mapping[str, datetime]
    attributes: frozenset[str]  # keys that tokens of the Room have given
    corrected: frozenset[str]


def plan(world: World) -> tuple[Action, ...]:
    """Return what has to happen to those who are in the room; nothing when nobody asked who is there."""
    if world.participants is None or world.live is None or not _is_moderated(world):
        return ()
    rules = _rules(world)
    people = (person for person in world.participants if person.kind is ParticipantKind.PERSON)
    return tuple(action for person in people if (action := _judge(person, rules)))


def needs_people(world: World) -> bool:
    """Tell whether to ask who is in the room though no webhook told of anybody.

    After an edit too, unless the session is new: whom it concerns is known only when the tokens are issued, and the
    counts of a list lag.
    """
    spec = world.spec
    if spec is None or world.live is None or not _is_moderated(world):
        return False
    rules = spec.moderation
    enforced = any(role.permissions_policy is PermissionsPolicy.ENFORCE for role in spec.roles)
    is_revoked = bool(revocations.entries(world) or dynamic.revoked(world))
    named = bool(rules.blocked_identities or rules.denied_sources or enforced or is_revoked)
    status = world.room.status
    if status.get("sid") == world.live.sid and world.room.generation != status.get("observedGeneration"):
        return named or bool(spec.roles)
    return named and (world.live.num_participants or world.room.status.get("numParticipants", 0)) > 0


def _is_moderated(world: World) -> bool:
    return world.spec is not None and not world.spec.suspend and world.room.deleted_at is None


def _rules(world: World) -> _Rules:
    spec: RoomSpec | None = world.spec
    return _Rules(
        room=world.room_name,
        blocked=frozenset(spec.moderation.blocked_identities if spec else ()),
        denied=claims.denied_sources(spec) if spec else {},
        roles={name: role for role in (spec.roles if spec else ()) for name in role.effective_identities},
        dynamic=tuple(role for role in (spec.roles if spec else ()) if role.dynamic),
        revoked=revocations.entries(world),
        revoked_prefixes=dynamic.revoked(world),
        attributes=_attributes(world),
        corrected=world.corrected,
    )


def _attributes(world: World) -> frozenset[str]:
    ours = (secret for secret in world.secrets.values() if secret.owner_uid == world.room.uid)
    return frozenset(key for secret in ours for key in revocations.attribute_keys(secret))


def _judge(person: Participant, rules: _Rules) -> Action | None:
    role, entry = rules.roles.get(person.identity), rules.revoked.get(person.identity)
    if role is None:
        role = dynamic.role_of(rules.dynamic, person.identity)
        entry = entry or dynamic.revocation(rules.revoked_prefixes, person.identity)
    denied = rules.denied.get(person.identity, frozenset())
    if person.identity in rules.blocked or _lost_place(role, entry):
        return RemoveParticipant(rules.room, person.identity, person.sid)
    if role is None:
        permission = _without(person.permission, denied)
        return _update(person, rules, ParticipantUpdate(permission=_changed(person, permission)))
    mark = _mark(person, role, denied, entry) if entry else ""
    said = entry.said if entry and mark not in rules.corrected else frozenset()
    permission = _permission(person, role, denied, is_due=PERMISSION in said)
    update = ParticipantUpdate(permission=_changed(person, permission))
    if PROFILE in said:
        update = _with_profile(update, person, claims.profile(role), rules.attributes)
    return _update(person, rules, update, mark if said else "")


def _lost_place(role: Role | None, entry: Revocation | None) -> bool:
    """Tell whether somebody with an old token may not be here at all.

    A power is in the token, not in the permission: LiveKit renews the tokens of whoever is connected, so one who keeps
    it must not stay connected, and nobody can tell by which of two tokens somebody has joined.
    """
    if entry is None:
        return False
    return role is None or bool((entry.said & POWERS) - claims.powers(claims.video_grants(role)))


def _permission(person: Participant, role: Role, denied: Iterable[str], *, is_due: bool) -> Permission:
    """Return what the person should be permitted; what the application changed stays, but for what is denied."""
    live = person.permission
    if not is_due and role.permissions_policy is not PermissionsPolicy.ENFORCE:
        return _without(live, frozenset(denied))
    wanted = claims.permission(claims.deny(claims.video_grants(role), denied))
    return replace(
        wanted,
        agent=live.agent,
        recorder=live.recorder,
        can_manage_agent_session=live.can_manage_agent_session,
    )


def _without(permission: Permission, denied: frozenset[str]) -> Permission:
    allowed = claims.allowed_sources(permission)
    if not denied & allowed:
        return permission
    left = allowed - denied
    return replace(permission, can_publish=bool(left), can_publish_sources=left)


def _changed(person: Participant, wanted: Permission) -> Permission | None:
    """Return the permission if it differs in effect: naming every source is as good as naming none."""
    return None if _effect(person.permission) == _effect(wanted) else wanted


def _effect(permission: Permission) -> Permission:
    return replace(permission, can_publish_sources=claims.allowed_sources(permission))


def _with_profile(
    update: ParticipantUpdate, person: Participant, wanted: claims.Profile, known: frozenset[str]
) -> ParticipantUpdate:
    """Add what differs. What is no longer declared of name and metadata stays: LiveKit cannot empty them."""
    attributes = {
        key: value for key, value in wanted.attributes.items() if person.attributes.get(key) != value
    } | {key: "" for key in sorted(known - wanted.attributes.keys()) if person.attributes.get(key)}
    return replace(
        update,
        name=wanted.name if wanted.name and wanted.name != person.name else None,
        metadata=wanted.metadata if wanted.metadata and wanted.metadata != person.metadata else None,
        attributes=attributes or None,
    )


def _update(
    person: Participant, rules: _Rules, update: ParticipantUpdate, mark: str = ""
) -> UpdateParticipant | None:
    if update == ParticipantUpdate() and not mark:
        return None
    return UpdateParticipant(rules.room, person.identity, person.sid, update, mark)


def _mark(person: Participant, role: Role, denied: Iterable[str], entry: Revocation) -> str:
    """Return what stands for "this join was put right after this edit": the SID comes first, up to a slash."""
    wanted = (claims.video_grants(role), claims.profile(role), sorted(denied), entry.since.isoformat())
    return f"{person.sid}/{hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]}"
