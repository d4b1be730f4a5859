"""What has to happen so that LiveKit and the Secrets are as a Room declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.domain import checks, deletion, metadata, revocations, rooms, tokens
from roomkeeper.domain.rooms import (
    Absence,
    Action,
    AddFinalizer,
    CreateRoom,
    DeleteSecret,
    IssueTokens,
    ServerState,
    UpdateMetadata,
    World,
)

if TYPE_CHECKING:
    from roomkeeper.domain.objects import TokenSecret


def plan(world: World) -> tuple[Action, ...]:
    """Return what to do next; nothing: the world is as declared, or something stands in the way."""
    if world.room.deleted_at:
        return deletion.plan(world)
    if world.failure or checks.obstacle(world):
        return ()
    if not world.room.is_held:
        return (AddFinalizer(),) if rooms.is_usable(world) else ()
    return (*_plan_room(world), *_plan_tokens(world))


def _plan_room(world: World) -> tuple[Action, ...]:
    spec = world.spec
    if spec is None or not rooms.is_usable(world):
        return ()
    if world.live is None:
        if world.absence is not Absence.CERTAIN:
            return ()
        return (CreateRoom(world.room_name, rooms.config(spec), metadata.initial(spec)),)
    if world.is_doubted:
        return (rooms.revive(world, world.live),)
    wanted = metadata.desired(spec, live=world.live.metadata, kept=world.room.status.get("metadataKeys", ()))
    return () if wanted is None else (UpdateMetadata(world.room_name, wanted),)


def _plan_tokens(world: World) -> tuple[Action, ...]:
    declared = rooms.role_tokens(world)
    issues = [action for wanted in declared if (action := _plan_role(world, wanted))]
    names = {wanted.secret_name for wanted in declared}
    gone = [
        DeleteSecret(secret)
        for name, secret in world.secrets.items()
        if name not in names and secret.owner_uid == world.room.uid
    ]
    return (*issues, *gone)


def _plan_role(world: World, wanted: tokens.RoleTokens) -> IssueTokens | None:
    secret = world.secrets.get(wanted.secret_name)
    if wanted.secret_name in world.foreign_secrets or (secret and secret.owner_uid != world.room.uid):
        return None
    if wanted.role in world.refusals or not _may_sign(world, wanted, secret):
        return None
    reason = tokens.why_issue(wanted, secret, world.now)
    if reason is None:
        return None
    past = revocations.past(world, wanted)
    issue = tokens.issue(wanted, reason=reason, owner_uid=world.room.uid, now=world.now, past=past)
    return IssueTokens(issue, secret)


def _may_sign(world: World, wanted: tokens.RoleTokens, secret: TokenSecret | None) -> bool:
    """Sign only with a key that the server has accepted: from us, or when it signed what is in the Secret.

    So tokens are renewed while LiveKit is down, and a wrong key never replaces tokens that work.
    """
    if world.server is None or world.server.state is ServerState.REFUSED:
        return False
    signed_by = secret.annotations.get(common.ANNOTATION_SIGNING_KEY) if secret else None
    return world.server.key_was_accepted or signed_by == wanted.signing_key
