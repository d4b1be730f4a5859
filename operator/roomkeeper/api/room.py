"""The Room: a LiveKit room that is kept as declared, and the tokens of those who may join it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from roomkeeper.api.agent import MAX_AGENTS, Agent
from roomkeeper.api.common import LIST_MAP_KEYS, LIST_TYPE, MAX_ROOM_NAME_BYTES, PRESERVE_UNKNOWN, Model
from roomkeeper.api.kind import Column, Kind
from roomkeeper.api.moderation import Moderation
from roomkeeper.api.references import ServerRef
from roomkeeper.api.role import Role
from roomkeeper.api.room_rules import RULES
from roomkeeper.api.room_status import MAX_METADATA_BYTES, MAX_METADATA_KEYS, RoomStatus

MAX_ROLES: Final = 20
MAX_PLAYOUT_DELAY_MILLISECONDS: Final = (
    40_950  # what the playout-delay RTP extension can say: 12 bits of 10 ms
)

EMPTY_TIMEOUT_SECONDS: Final = 300
PERSISTENT_EMPTY_TIMEOUT_SECONDS: Final = 86_400


class Lifecycle(StrEnum):
    """How long the LiveKit room lives."""

    PERSISTENT = "Persistent"
    ON_DEMAND = "OnDemand"
    ONCE = "Once"


class MetadataPolicy(StrEnum):
    """What happens to metadata that the spec does not declare."""

    MERGE = "Merge"
    ENFORCE = "Enforce"
    INITIAL = "Initial"


class UpdatePolicy(StrEnum):
    """When the LiveKit room may be replaced because a field changed that it takes only at creation."""

    NEVER = "Never"
    WHEN_EMPTY = "WhenEmpty"
    ALWAYS = "Always"


class AdoptionPolicy(StrEnum):
    """What happens to a LiveKit room that is older than the object."""

    ADOPT = "Adopt"
    REFUSE = "Refuse"


class DeletionPolicy(StrEnum):
    """What happens to the LiveKit room when the object is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class RoomSpec(Model):
    """The part of a Room that people write."""

    server_ref: ServerRef | None = Field(
        default=None,
        description="The LiveKitServer that the room is on. Immutable. Default: the LiveKitServer in this namespace that is "
        'annotated `roomkeeper.dev/is-default-server: "true"`, else `--default-server`, else the one in the operator\'s own '
        "environment; the first that was found stays. LiveKit has no such notion.",
    )
    room_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ROOM_NAME_BYTES,
        description="The name of the room in LiveKit, at most 256 bytes, without `|`, `/`, `..` and control characters. "
        "Immutable. Default: what the server's `roomNameTemplate` makes, `<namespace>_<name>` if it says nothing. LiveKit: "
        "`name`.",
    )
    lifecycle: Lifecycle = Field(
        default=Lifecycle.PERSISTENT,
        description="How long the room lives. Persistent: as long as this object; created again when LiveKit closes or loses "
        "it, each time as a new session with a new SID. OnDemand: it is born when somebody joins, so absence is healthy; needs "
        "`room.auto_create` of LiveKit. Once: created once; when LiveKit closes it, it is finished, and its tokens are deleted. "
        "Immutable, except from Persistent to OnDemand and back. Default: Persistent. LiveKit has no such notion.",
    )
    empty_timeout_seconds: int | None = Field(
        default=None,
        ge=10,
        le=2_592_000,
        description="How long LiveKit keeps a room that nobody ever joined, in seconds: 10 to 2592000. A Persistent room is "
        "then created again. Only set at creation. Default: 300, for lifecycle Persistent 86400. LiveKit: `emptyTimeout`.",
    )
    departure_timeout_seconds: int = Field(
        default=20,
        ge=1,
        le=86_400,
        description="How long LiveKit keeps the room after the last participant has left, in seconds: 1 to 86400. Only set at "
        "creation. Default: 20. LiveKit: `departureTimeout`.",
    )
    max_participants: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="How many participants may be in the room at once, agents and recorders not counted: 1 to 10000. Only set "
        "at creation. Default: no limit. LiveKit: `maxParticipants`, where 0 means no limit.",
    )
    metadata: dict[str, Any] | None = Field(
        default=None,
        max_length=MAX_METADATA_KEYS,
        json_schema_extra={PRESERVE_UNKNOWN: True},
        description="Any object of at most 256 keys, stored in the room as JSON of at most 64 KiB. Everybody in the room can "
        "read it. Changes reach the room while it is in use. Default: none. LiveKit: `metadata`.",
    )
    raw_metadata: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_METADATA_BYTES,
        description="Metadata that is not an object: any string of at most 64 KiB, instead of `metadata`. It has no keys to "
        "merge, so under Merge and Enforce the room's metadata is exactly this. Default: none. LiveKit: `metadata`.",
    )
    metadata_policy: MetadataPolicy = Field(
        default=MetadataPolicy.MERGE,
        description="Merge: the keys declared in `metadata` are kept true, keys that the application sets stay, keys that are "
        "no longer declared go. Enforce: the room's metadata is exactly what is declared. Initial: it is set when the room is "
        "created, and belongs to the application from then on. Default: Merge. LiveKit has no such notion.",
    )
    min_playout_delay_milliseconds: int = Field(
        default=0,
        ge=0,
        le=MAX_PLAYOUT_DELAY_MILLISECONDS,
        description="How long receivers hold media back at least, in milliseconds: 0 to 40950. Only set at creation. Default: "
        "0. LiveKit: `minPlayoutDelay`.",
    )
    max_playout_delay_milliseconds: int = Field(
        default=0,
        ge=0,
        le=MAX_PLAYOUT_DELAY_MILLISECONDS,
        description="How long receivers hold media back at most, in milliseconds: 0 to 40950, not less than "
        "`minPlayoutDelayMilliseconds`; 0 means that LiveKit decides. Only set at creation. Default: 0. LiveKit: "
        "`maxPlayoutDelay`.",
    )
    sync_streams: bool = Field(
        default=False,
        description="Whether audio and video of a participant are kept in step, at the price of delay. Only set at creation. "
        "Default: false. LiveKit: `syncStreams`.",
    )
    agents: tuple[Agent, ...] = Field(
        default=(),
        max_length=MAX_AGENTS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["agentName"]},
        description="The agents that are sent to the room, at most 10, each once per session. Default: none. LiveKit: "
        "`CreateDispatch`.",
    )
    update_policy: UpdatePolicy = Field(
        default=UpdatePolicy.WHEN_EMPTY,
        description="When the room may be replaced because a field changed that is only set at creation. Never: it comes with "
        "a session that begins for another reason. WhenEmpty: when nobody is in it and nothing records it. Always: at once, "
        "and everybody in it is disconnected. Default: WhenEmpty. LiveKit: `DeleteRoom`, `CreateRoom`.",
    )
    adoption_policy: AdoptionPolicy = Field(
        default=AdoptionPolicy.ADOPT,
        description="What happens if a room of that name is there before this object. Adopt: it is kept as declared from then "
        "on. Refuse: it is left alone, and this object is stalled while it is there. Default: Adopt. LiveKit has no such "
        "notion.",
    )
    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="What happens to the room when this object is deleted. Delete: it is deleted, and everybody in it is "
        "disconnected. Retain: it stays until LiveKit closes it. Default: Delete, but Retain for a room that was there "
        "before this object. LiveKit: `DeleteRoom`.",
    )
    deletion_grace_seconds: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="How long a deletion waits for a LiveKit server that does not answer, in seconds: 0 to 86400. After that "
        "and at least one failed attempt, this object goes and the room stays behind; an Event OrphanedRoom says how to "
        "delete it by hand. Default: 300. LiveKit has no such notion.",
    )
    suspend: bool = Field(
        default=False,
        description="Whether the room is left as it is: nothing is written to LiveKit, nobody is moderated. Tokens are still "
        "renewed, and deletion still works. Default: false. LiveKit has no such notion.",
    )
    roles: tuple[Role, ...] = Field(
        default=(),
        max_length=MAX_ROLES,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["name"]},
        description="Who may join, at most 20 roles: for each, one Secret with `LIVEKIT_URL`, `LIVEKIT_ROOM`, "
        "`LIVEKIT_IDENTITY`, `LIVEKIT_TOKEN` and `tokens.json`. Default: none. LiveKit: access tokens.",
    )
    moderation: Moderation = Field(
        default=Moderation(),
        description="Who is kept out, and who may not publish what. Default: nobody. LiveKit: `RemoveParticipant`, "
        "`UpdateParticipant`.",
    )

    @property
    def effective_empty_timeout_seconds(self) -> int:
        """How long LiveKit is told to keep a room that nobody joined, in seconds."""
        if self.empty_timeout_seconds is not None:
            return self.empty_timeout_seconds
        persistent = self.lifecycle is Lifecycle.PERSISTENT
        return PERSISTENT_EMPTY_TIMEOUT_SECONDS if persistent else EMPTY_TIMEOUT_SECONDS


class Room(Model):
    """A LiveKit room that Roomkeeper keeps as declared, and the tokens of those who may join it."""

    spec: RoomSpec = Field(description="What is declared.")
    status: RoomStatus = Field(
        default=RoomStatus(), description="What Roomkeeper has seen and done. Written by it alone."
    )


KIND: Final = Kind(
    kind="Room",
    plural="rooms",
    short_name="lkroom",
    model=Room,
    rules=RULES,
    columns=(
        Column("ROOM", ".status.roomName"),
        Column("READY", '.status.conditions[?(@.type=="Ready")].status'),
        Column("PARTICIPANTS", ".status.numParticipants", type="integer"),
        Column("SERVER", ".status.serverRef.name", wide=True),
        Column("SID", ".status.sid", wide=True),
        Column("STATUS", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        Column("AGE", ".metadata.creationTimestamp", type="date"),
    ),
    selectable_fields=(".spec.roomName",),
)
