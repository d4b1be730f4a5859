"""What a Room's status shows of its tokens, what is in their way, and when the next ones are due."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.domain import dynamic, revocations, rooms, tokens
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.domain.rooms import World


def trouble(world: World, *, waits_for: Finding | None) -> Finding | None:
    """Return why the tokens of some role are not as declared; `waits_for` is what LiveKit's part of it waits for."""
    if world.refusals:
        return next(iter(world.refusals.values()))
    for wanted in rooms.role_tokens(world):
        secret = world.secrets.get(wanted.secret_name)
        if wanted.secret_name in world.foreign_secrets:
            return _foreign(wanted)
        if secret and secret.owner_uid != world.room.uid:
            return _not_ours(world, wanted, secret.owner_name)
        if tokens.why_issue(wanted, secret, world.now):
            return waits_for or Finding(
                Reason.WAITING_FOR_LIVEKIT, f"the tokens of role {wanted.role!r} are not issued yet"
            )
    return None


def status(world: World) -> list[dict[str, Any]]:
    """Return a line per role that has its Secret."""
    shown = []
    for wanted in rooms.role_tokens(world):
        secret = world.secrets.get(wanted.secret_name)
        if secret is None or secret.owner_uid != world.room.uid:
            continue
        expires_at = tokens.time_of(secret, common.ANNOTATION_EXPIRES_AT)
        renews_at = tokens.time_of(secret, common.ANNOTATION_RENEWS_AT)
        if expires_at and renews_at:
            shown.append(
                {
                    "role": wanted.role,
                    "secretName": wanted.secret_name,
                    "identities": len(wanted.identities),
                    "expiresAt": rfc3339(expires_at),
                    "renewsAt": rfc3339(renews_at),
                }
            )
    return shown


def due_in(world: World) -> float:
    """Return the seconds until the next tokens have to be renewed; infinity: none have to.

    What is overdue could not be issued now, so it is nothing to come back for.
    """
    due = [
        (moment - world.now).total_seconds()
        for wanted in rooms.role_tokens(world)
        if (secret := world.secrets.get(wanted.secret_name)) and (moment := tokens.due_at(wanted, secret))
    ]
    end = next_end(world)
    if end:
        due.append((end - world.now).total_seconds())
    return min((left for left in due if left > 0), default=math.inf)


def next_end(world: World) -> datetime | None:
    """Return when the first of those can be forgotten who are corrected, by name or by what their names begin with."""
    ends = (revocations.next_end(world), dynamic.next_end(world))
    return min((end for end in ends if end), default=None)


def waits_for_status(world: World) -> bool:
    """Tell whether a Secret can go as soon as status names those whom only it remembers."""
    kept = rooms.role_tokens(world)
    withdrawn = {secret.name for secret in rooms.withdrawn_secrets(world, kept=kept)}
    return bool(withdrawn) and not withdrawn.isdisjoint(revocations.unsaved_names(world))


def _not_ours(world: World, wanted: tokens.RoleTokens, owner: str) -> Finding:
    if owner != world.room.key.name:
        return _foreign(wanted)
    return Finding(
        Reason.WAITING_FOR_GARBAGE_COLLECTION,
        f"Secret {wanted.secret_name!r} still belongs to a deleted Room of this name",
    )


def _foreign(wanted: tokens.RoleTokens) -> Finding:
    return Finding(
        Reason.SECRET_CONFLICT,
        f"Secret {wanted.secret_name!r} of role {wanted.role!r} belongs to somebody else and was left alone",
    )
