"""What has to happen so that LiveKit and the Secrets are as a Room declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.domain import (
    agents,
    changes,
    checks,
    deletion,
    lifecycle,
    metadata,
    moderation,
    revocations,
    rooms,
    tokens,
)
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import (
    Action,
    AddFinalizer,
    CreateRoom,
    DeleteRoom,
    DeleteSecret,
    IssueTokens,
    ServerState,
    UpdateMetadata,
    World,
)

if TYPE_CHECKING:
    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.livekit import LiveRoom
    from roomkeeper.domain.objects import TokenSecret


def plan(world: World) -> tuple[Action, ...]:
    """Return what to do next; nothing: the world is as declared, or something stands in the way."""
    if world.room.deleted_at:
        return deletion.plan(world)
    if world.is_terminating or world.failure:
        return _plan_despite(world, world.failure)
    if lifecycle.is_finished(world):
        return (*_plan_end(world), *map(DeleteSecret, rooms.withdrawn_secrets(world)))
    if checks.obstacle(world):
        return _renew_tokens(world) if world.room.is_held and checks.is_only_renewed(world) else ()
    if not world.room.is_held:
        return (AddFinalizer(),) if rooms.is_usable(world) else ()
    return (*_plan_room(world), *_plan_tokens(world))


def _plan_despite(world: World, failure: Finding | None) -> tuple[Action, ...]:
    """Return the tokens that are due although LiveKit has failed: it has no part in them, but for a refused key.

    In a namespace that is being deleted nothing is due any more.
    """
    is_refused = failure is not None and failure.reason is Reason.INVALID_CREDENTIALS
    if world.is_terminating or is_refused or not world.room.is_held:
        return ()
    if lifecycle.is_finished(world) or checks.obstacle(world):
        return ()
    return _renew_tokens(world)


def _plan_room(world: World) -> tuple[Action, ...]:
    spec = world.spec
    if spec is None or spec.suspend or not rooms.is_usable(world):
        return ()
    if world.live is None:
        if not lifecycle.is_absent(world) or lifecycle.is_healthy_without_room(world):
            return ()
        return (CreateRoom(world.room_name, rooms.declared_config(world, spec), metadata.initial(spec)),)
    if world.is_doubted:
        return (rooms.revive(world, world.live),)
    return changes.plan(world) or (
        *moderation.plan(world),
        *_plan_metadata(world, spec, world.live),
        *agents.plan(world),
    )


def _plan_metadata(world: World, spec: RoomSpec, live: LiveRoom) -> tuple[Action, ...]:
    if world.overwritten >= metadata.CONTESTED:
        return ()
    status = world.room.status
    is_new = status.get("sid") != live.sid
    wanted = metadata.desired(
        spec,
        live=live.metadata,
        kept=status.get("metadataKeys", ()),
        is_newborn=is_new and not rooms.was_there_before(world),
    )
    if wanted is None:
        return ()
    was_right = not is_new and status.get("observedGeneration") == world.room.generation
    return (UpdateMetadata(world.room_name, wanted, is_correction=was_right),)


def _plan_end(world: World) -> tuple[Action, ...]:
    """Close a room that somebody has brought back to life after it existed Once."""
    is_suspended = world.spec is None or world.spec.suspend
    if is_suspended or not world.room.is_held or not rooms.is_usable(world):
        return ()
    if world.older_claim is not None or checks.room_name_is_not_ours(world):
        return ()
    if world.live is None or not lifecycle.is_resurrected(world):
        return ()
    return (rooms.revive(world, world.live),) if world.is_doubted else (DeleteRoom(world.room_name),)


def _renew_tokens(world: World) -> tuple[Action, ...]:
    """Return the tokens that replace some which are there; a new one would have to be as declared."""
    return tuple(
        action for action in _plan_tokens(world) if isinstance(action, IssueTokens) and action.existing
    )


def _plan_tokens(world: World) -> tuple[Action, ...]:
    declared = rooms.role_tokens(world)
    issues = [action for wanted in declared if (action := _plan_role(world, wanted))]
    withdrawn = rooms.withdrawn_secrets(world, kept=declared)
    unsaved = (
        revocations.unsaved_names(world) if withdrawn else ()
    )  # status names first whom only they remember
    gone = [DeleteSecret(secret) for secret in withdrawn if secret.name not in unsaved]
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
