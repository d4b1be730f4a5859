"""A Room's nouns: the World that is known of it, and the actions that change it.

`room_plan.plan` turns a World into actions; the engine executes them, puts what came back into the World and asks
again, until nothing is left. `room_status.conclude` then says what status shows. Both are pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.domain import agents, moderation, names, tokens
from roomkeeper.domain.livekit import RoomConfig
from roomkeeper.domain.once import once

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.livekit import Dispatch, LiveRoom, Participant
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
    namespace: str = ""  # of the LiveKitServer; "": the operator's environment, a stranger to every namespace
    room_name_template: str = names.DEFAULT_TEMPLATE
    credentials_since: datetime | None = None  # when the signing key came; None: nobody knows
    auto_create: bool | None = None  # whether a join creates its room; None: nobody knows yet
    ref: Mapping[str, str] | None = None  # what status.serverRef keeps; None: the operator's environment


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
    server: Server | None  # None: there is none, or none that this namespace may use
    now: datetime
    names_server: bool = False  # by spec.serverRef
    is_terminating: bool = False  # its namespace is being deleted: nothing new can be made there
    live: LiveRoom | None = None
    is_doubted: bool = False  # listed, but the node that held the room may be dead
    absence: Absence = Absence.CERTAIN
    people: People | None = None  # None: nobody asked
    participants: tuple[Participant, ...] | None = None  # agents and egress included; None: nobody asked
    secrets: Mapping[str, TokenSecret] = field(default_factory=dict)  # by name
    foreign_secrets: frozenset[str] = frozenset()
    older_claim: Key | None = None
    rooms_before: int | None = None  # older Rooms of this namespace on this server; None: nobody counted
    nobody_ever_joined: bool = False  # surely: empty for longer than LiveKit keeps a room that people left
    overwritten: int = 0  # how often in the last ten minutes the metadata had to be put right
    sent: RoomConfig | None = None  # of the CreateRoom of this reconcile
    failure: Finding | None = None  # LiveKit did not do what this reconcile asked
    orphan: str = ""  # a room that was left behind when the object went
    refusals: Mapping[str, Finding] = field(default_factory=dict)  # by role: what cannot be issued, and why
    corrected: frozenset[str] = frozenset()  # marks of joins that were put right, see moderation
    dispatches: tuple[Dispatch, ...] | None = None  # None: nobody asked
    removed: frozenset[str] = frozenset()  # identities that this reconcile has disconnected
    answers: dict[object, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )  # see once.py


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Hold the object before anything is made on its behalf."""

    finalizer: str = common.FINALIZER


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Let the object go. `orphan` names the room that could not be deleted, "" when there is none.

    Until `buried_until` a token can bring the deleted room back; None: there is nothing to look after.
    """

    orphan: str = ""
    finalizer: str = common.FINALIZER
    buried_until: datetime | None = None


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
    is_correction: bool = False  # somebody has overwritten what was as declared


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
    AddFinalizer
    | RemoveFinalizer
    | CreateRoom
    | UpdateMetadata
    | DeleteRoom
    | IssueTokens
    | DeleteSecret
    | moderation.Action
    | agents.Action
)


def is_usable(world: World) -> bool:
    """Tell whether the server answers and accepts the credentials."""
    return world.server is not None and world.server.state is ServerState.ACCEPTED


def config(spec: RoomSpec, *, policy: Policy | None = None) -> RoomConfig:
    """Return the create-only fields with their defaults; a Room that names no limit of people has the policy's."""
    limit = policy.max_participants if policy else None
    return RoomConfig(
        empty_timeout_seconds=spec.effective_empty_timeout_seconds,
        departure_timeout_seconds=spec.departure_timeout_seconds,
        max_participants=spec.max_participants or limit or 0,
        min_playout_delay_milliseconds=spec.min_playout_delay_milliseconds,
        max_playout_delay_milliseconds=spec.max_playout_delay_milliseconds,
        sync_streams=spec.sync_streams,
    )


def declared_config(world: World, spec: RoomSpec) -> RoomConfig:
    """Return what the room is to be created with on its server."""
    return config(spec, policy=limits(world))


def limits(world: World) -> Policy | None:
    """Return the policy that the Room is under; None: the server is of its own namespace, or there is none."""
    return limits_of(world.server, world.room.key.namespace) if world.server else None


def limits_of(server: Server, namespace: str) -> Policy | None:
    """Return the policy that objects of a namespace are under on a server; None: it is of their own namespace."""
    return None if server.namespace == namespace else server.policy


@once
def role_tokens(world: World) -> tuple[tokens.RoleTokens, ...]:
    """Return what the Secret of every declared role has to say."""
    if world.spec is None or world.server is None:
        return ()
    policy = limits(world)
    return tuple(
        tokens.for_role(
            role,
            spec=world.spec,
            room=world.room,
            room_name=world.room_name,
            url=world.server.url,
            config=declared_config(world, world.spec),
            signing_key=world.server.signing_key,
            credentials_since=world.server.credentials_since,
            max_ttl=policy.max_token_ttl_seconds if policy else None,
        )
        for role in world.spec.roles
    )


def withdrawn_secrets(world: World, kept: Iterable[tokens.RoleTokens] = ()) -> list[TokenSecret]:
    """Return the Room's Secrets of roles that have tokens no more."""
    names_kept = {wanted.secret_name for wanted in kept if wanted.identities}
    return [
        secret
        for name, secret in world.secrets.items()
        if name not in names_kept and secret.owner_uid == world.room.uid
    ]


def was_there_before(world: World) -> bool:
    """Tell whether the live room is older than the object, so that somebody else made it."""
    return world.live is not None and world.live.created_at < world.room.created_at - CLOCK_TOLERANCE


def revive(world: World, listed: LiveRoom) -> CreateRoom:
    """Have some node hold a room whose own may be dead; it keeps its SID, and one that is alive does not notice.

    Such a room stays listed for ever, and nothing but CreateRoom or a join works on it (livekit issue 3766).
    """
    asked = declared_config(world, world.spec) if world.spec else listed.config
    return CreateRoom(world.room_name, asked, listed.metadata)
