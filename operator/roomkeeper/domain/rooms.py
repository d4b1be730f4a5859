"""What has to happen so that LiveKit and the Secrets are as a Room declares.

`plan` turns everything that was gathered into actions; the engine executes them, puts what came back into the
World and asks again, until nothing is left. `conclude` then says what status shows. Both are pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.api.room import DeletionPolicy
from roomkeeper.domain import checks, metadata, tokens
from roomkeeper.domain.livekit import RoomConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.livekit import LiveRoom
    from roomkeeper.domain.objects import CustomObject, Key, TokenSecret
    from roomkeeper.domain.policy import Policy

# Between the clocks of the API server and of LiveKit. A room older than its object by more was there before it.
CLOCK_TOLERANCE = timedelta(seconds=5)


class ServerState(Enum):
    """What the last look at a server told."""

    UNKNOWN = "not looked at yet"
    ACCEPTED = "reachable, credentials accepted"
    UNREACHABLE = "unreachable"
    REFUSED = "reachable, credentials refused"


@dataclass(frozen=True, slots=True)
class Server:
    """The LiveKit server of an object, as decisions need it."""

    url: str
    signing_key: str  # fingerprint of the API key and its secret
    state: ServerState
    policy: Policy
    key_was_accepted: bool = False  # since this process began, and not refused since


class Absence(Enum):
    """Why a room that is not listed may be there all the same."""

    CERTAIN = "certain"
    TOO_EARLY = "too early"  # created a moment ago, or just being closed: look again


@dataclass(frozen=True, slots=True)
class People:
    """Who is in the room, counted from ListParticipants: without agents and egress workers."""

    participants: int = 0
    publishers: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is known about one Room at one moment."""

    room: CustomObject
    spec: RoomSpec | None  # None: what is stored cannot be read, and `spec_error` says why
    spec_error: str
    room_name: str
    server: Server | None
    now: datetime
    live: LiveRoom | None = None
    is_doubted: bool = False  # listed, but the node that held the room may be dead
    absence: Absence = Absence.CERTAIN
    people: People | None = None  # None: nobody asked
    secrets: Mapping[str, TokenSecret] = field(default_factory=dict)  # by name
    foreign_secrets: frozenset[str] = frozenset()
    older_claim: Key | None = None
    failure: Finding | None = None  # LiveKit did not do what this reconcile asked
    orphan: str = ""  # a room that was left behind when the object went
    refusals: Mapping[str, Finding] = field(default_factory=dict)  # by role: what cannot be issued, and why


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Hold the object before anything is made on its behalf."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Let the object go. `orphan` names the room that could not be deleted, "" when there is none."""

    orphan: str = ""


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Create the room, or get the live one."""

    name: str
    config: RoomConfig
    metadata: str


@dataclass(frozen=True, slots=True)
class UpdateMetadata:
    """Replace a live room's metadata."""

    name: str
    metadata: str


@dataclass(frozen=True, slots=True)
class DeleteRoom:
    """Close the room and disconnect everybody in it."""

    name: str


@dataclass(frozen=True, slots=True)
class IssueTokens:
    """Write a role's Secret: over `existing`, or as a new one."""

    issue: tokens.Issue
    existing: TokenSecret | None


@dataclass(frozen=True, slots=True)
class DeleteSecret:
    """Delete the Secret of a role that is no longer declared."""

    secret: TokenSecret


Action = (
    AddFinalizer | RemoveFinalizer | CreateRoom | UpdateMetadata | DeleteRoom | IssueTokens | DeleteSecret
)


def plan(world: World) -> tuple[Action, ...]:
    """Return what to do next; nothing: the world is as declared, or something stands in the way."""
    if world.room.deleted_at:
        return _plan_deletion(world)
    if world.failure or checks.obstacle(world):
        return ()
    if not world.room.is_held:
        return (AddFinalizer(),) if is_usable(world) else ()
    return (*_plan_room(world), *_plan_tokens(world))


def is_usable(world: World) -> bool:
    """Tell whether the server answers and accepts the credentials."""
    return world.server is not None and world.server.state is ServerState.ACCEPTED


def config(spec: RoomSpec) -> RoomConfig:
    """Return the create-only fields with their defaults."""
    return RoomConfig(
        empty_timeout_seconds=spec.effective_empty_timeout_seconds,
        departure_timeout_seconds=spec.departure_timeout_seconds,
        max_participants=spec.max_participants or 0,
    )


def role_tokens(world: World) -> list[tokens.RoleTokens]:
    """Return what the Secret of every declared role has to say."""
    if world.spec is None or world.server is None:
        return []
    return [
        tokens.for_role(
            role,
            room=world.room,
            room_name=world.room_name,
            url=world.server.url,
            config=config(world.spec),
            signing_key=world.server.signing_key,
        )
        for role in world.spec.roles
    ]


def was_there_before(world: World) -> bool:
    """Tell whether the live room is older than the object, so that somebody else made it."""
    return world.live is not None and world.live.created_at < world.room.created_at - CLOCK_TOLERANCE


def _plan_room(world: World) -> tuple[Action, ...]:
    spec = world.spec
    if spec is None or not is_usable(world):
        return ()
    if world.live is None:
        if world.absence is not Absence.CERTAIN:
            return ()
        return (CreateRoom(world.room_name, config(spec), metadata.initial(spec)),)
    if world.is_doubted:
        return (_revive(world, world.live),)
    wanted = metadata.desired(spec, live=world.live.metadata, kept=world.room.status.get("metadataKeys", ()))
    return () if wanted is None else (UpdateMetadata(world.room_name, wanted),)


def _revive(world: World, listed: LiveRoom) -> CreateRoom:
    """Have some node hold a room whose own may be dead; it keeps its SID, and one that is alive does not notice.

    Such a room stays listed for ever, and nothing but CreateRoom or a join works on it (livekit issue 3766).
    """
    return CreateRoom(world.room_name, config(world.spec) if world.spec else listed.config, listed.metadata)


def _plan_tokens(world: World) -> tuple[Action, ...]:
    declared = role_tokens(world)
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
    return IssueTokens(tokens.issue(wanted, reason=reason, owner_uid=world.room.uid, now=world.now), secret)


def _may_sign(world: World, wanted: tokens.RoleTokens, secret: TokenSecret | None) -> bool:
    """Sign only with a key that the server has accepted: from us, or when it signed what is in the Secret.

    So tokens are renewed while LiveKit is down, and a wrong key never replaces tokens that work.
    """
    if world.server is None or world.server.state is ServerState.REFUSED:
        return False
    signed_by = secret.annotations.get(common.ANNOTATION_SIGNING_KEY) if secret else None
    return world.server.key_was_accepted or signed_by == wanted.signing_key


def _plan_deletion(world: World) -> tuple[Action, ...]:
    if not world.room.is_held:
        return ()
    if not _has_to_delete(world):
        return (RemoveFinalizer(),)
    if is_usable(world) and world.failure is None:
        if world.live and world.is_doubted:
            return (_revive(world, world.live),)
        return (DeleteRoom(world.room_name),)
    return (RemoveFinalizer(orphan=world.room_name),) if grace_is_over(world) else ()


def _has_to_delete(world: World) -> bool:
    """Tell whether a room of ours may still be there: never one that is somebody else's or to be retained."""
    never_made = world.server is None or checks.room_name_is_unusable(world) is not None
    if never_made or world.older_claim is not None or deletion_policy(world) is DeletionPolicy.RETAIN:
        return False
    was_not_seen = world.failure is not None or not is_usable(world)  # nobody knows, so it may be there
    return world.live is not None or was_not_seen or world.absence is not Absence.CERTAIN


def deletion_policy(world: World) -> DeletionPolicy:
    """Return what was declared, else Delete, but Retain for a room that was there before the object."""
    if world.spec is not None and world.spec.deletion_policy is not None:
        return world.spec.deletion_policy
    return DeletionPolicy.RETAIN if was_there_before(world) else DeletionPolicy.DELETE


def grace_is_over(world: World) -> bool:
    """Tell whether a deletion has waited for LiveKit as long as the object says."""
    return grace_left(world) <= 0


def grace_left(world: World) -> float:
    """Return the seconds for which a deletion still waits for LiveKit."""
    declared = world.room.spec.get("deletionGraceSeconds", 300)
    grace = declared if isinstance(declared, int) else 300
    if world.room.deleted_at is None:
        return grace
    return grace - (world.now - world.room.deleted_at).total_seconds()
