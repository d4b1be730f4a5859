"""Reconciles of one Room's Secrets, and the people in its room, without a plan around them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roomkeeper.domain import claims, revocations, rooms, tokens
from roomkeeper.domain.livekit import Participant
from tests.unit.domain.builders import a_world, received

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.domain.rooms import World


def declare(world: World, **spec: Any) -> World:
    """Return the world with another spec."""
    return replace(world, spec=a_world().declaring(**spec).build().spec)


def at(world: World, now: datetime) -> World:
    """Return the world at another moment."""
    return replace(world, now=now)


def reconcile(world: World) -> tuple[World, list[tokens.Issue]]:
    """Issue what is due, delete what may go, write status; as often as that has to be done."""
    issues: list[tokens.Issue] = []
    for _ in range(3):
        wanted = rooms.role_tokens(world)
        for role in wanted:
            reason = tokens.why_issue(role, world.secrets.get(role.secret_name), world.now)
            if reason:
                past = revocations.past(world, role)
                uid = world.room.uid
                issue = tokens.issue(role, reason=reason, owner_uid=uid, now=world.now, past=past)
                issues.append(issue)
                secret = received(issue, room=world.room)
                world = replace(world, secrets={**world.secrets, secret.name: secret})
        names = {role.secret_name for role in wanted if role.identities}
        kept = {
            name: secret
            for name, secret in world.secrets.items()
            if name in names or revocations.unsaved(world, secret)
        }
        status = {**world.room.status, "revokedIdentities": revocations.status(world)}
        world = replace(world, secrets=kept, room=replace(world.room, status=status))
    return world, issues


def joined(issue: tokens.Issue, identity: str, sid: str = "PA_1") -> Participant:
    """Return somebody as they are after joining with one of these tokens."""
    [said] = [said for said in issue.claims() if said.identity == identity]
    return Participant(
        identity=identity,
        sid=sid,
        permission=claims.permission(said.video),
        name=said.name,
        metadata=said.metadata,
        attributes=dict(said.attributes),
    )
