"""The Room: a LiveKit room that is kept as declared, and the tokens of those who may join it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from roomkeeper.api.common import LIST_MAP_KEYS, LIST_TYPE, MAX_NAME, Model
from roomkeeper.api.kind import Column, Kind, Rule
from roomkeeper.api.role import DEFAULT_TTL_SECONDS, Role
from roomkeeper.api.room_status import MAX_METADATA_KEYS, RoomStatus

MAX_ROLES: Final = 20
MAX_METADATA_BYTES: Final = 64 * 1024
MAX_ROOM_NAME_BYTES: Final = 256

PERSISTENT_EMPTY_TIMEOUT_SECONDS: Final = 86_400


class Lifecycle(StrEnum):
    """How long the LiveKit room lives."""

    PERSISTENT = "Persistent"


class MetadataPolicy(StrEnum):
    """What happens to metadata that the spec does not declare."""

    MERGE = "Merge"
    ENFORCE = "Enforce"


class DeletionPolicy(StrEnum):
    """What happens to the LiveKit room when the object is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class RoomSpec(Model):
    """The part of a Room that people write."""

    room_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ROOM_NAME_BYTES,
        description="The name of the room in LiveKit, at most 256 bytes, without `|`, `/`, `..` and control characters. "
        "Immutable. Default: `<namespace>_<name>`. LiveKit: `name`.",
    )
    lifecycle: Lifecycle = Field(
        default=Lifecycle.PERSISTENT,
        description="How long the room lives. Persistent: as long as this object; created again when LiveKit closes or loses "
        "it, each time as a new session with a new SID. Immutable. Default: Persistent. LiveKit has no such notion.",
    )
    empty_timeout_seconds: int | None = Field(
        default=None,
        ge=10,
        le=2_592_000,
        description="How long LiveKit keeps a room that nobody ever joined, in seconds: 10 to 2592000. A Persistent room is "
        "then created again. Only set at creation. Default: 86400 (Persistent). LiveKit: `emptyTimeout`.",
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
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
        description="Any object of at most 256 keys, stored in the room as JSON of at most 64 KiB. Everybody in the room can "
        "read it. Changes reach the room while it is in use. Default: none. LiveKit: `metadata`.",
    )
    metadata_policy: MetadataPolicy = Field(
        default=MetadataPolicy.MERGE,
        description="Merge: the keys declared in `metadata` are kept true, keys that the application sets stay, keys that are "
        "no longer declared go. Enforce: the room's metadata is exactly `metadata`. Default: Merge. LiveKit has no such notion.",
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
    roles: tuple[Role, ...] = Field(
        default=(),
        max_length=MAX_ROLES,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["name"]},
        description="Who may join, at most 20 roles: for each, one Secret with `LIVEKIT_URL`, `LIVEKIT_ROOM`, "
        "`LIVEKIT_IDENTITY`, `LIVEKIT_TOKEN` and `tokens.json`. Default: none. LiveKit: access tokens.",
    )

    @property
    def effective_empty_timeout_seconds(self) -> int:
        """How long LiveKit is told to keep a room that nobody joined, in seconds."""
        declared = self.empty_timeout_seconds
        return PERSISTENT_EMPTY_TIMEOUT_SECONDS if declared is None else declared


class Room(Model):
    """A LiveKit room that Roomkeeper keeps as declared, and the tokens of those who may join it."""

    spec: RoomSpec = Field(description="What is declared.")
    status: RoomStatus = Field(
        default=RoomStatus(), description="What Roomkeeper has seen and done. Written by it alone."
    )


_CONTROL_CHARACTERS: Final = r"[\\x00-\\x1f\\x7f-\\x9f]"

RULES: Final = (
    Rule(
        at="",
        rule=f"size(self.metadata.name) <= {MAX_NAME}",
        message=f"metadata.name must be no more than {MAX_NAME} characters: it becomes the value of a label",
        field_path=".metadata.name",
    ),
    Rule(
        at="spec",
        rule="has(self.roomName) == has(oldSelf.roomName)"
        " && (!has(self.roomName) || self.roomName == oldSelf.roomName)",
        message="roomName is immutable: delete this Room and create another one, or leave it as it was",
        field_path=".roomName",
    ),
    Rule(
        at="spec",
        rule="has(self.lifecycle) == has(oldSelf.lifecycle)"
        " && (!has(self.lifecycle) || self.lifecycle == oldSelf.lifecycle)",
        message="lifecycle is immutable: delete this Room and create another one, or leave it as it was",
        field_path=".lifecycle",
    ),
    Rule(
        at="spec.roomName",
        rule="!self.contains('|') && !self.contains('/') && !self.contains('..')",
        message='roomName must not contain "|", "/" or ".."',
    ),
    Rule(
        at="spec.roomName",
        rule=f"!self.matches('{_CONTROL_CHARACTERS}')",
        message="roomName must not contain control characters",
    ),
    Rule(
        at="spec.roles[].identities[]",
        rule="!self.contains('/') && !self.contains('..')",
        message='an identity must not contain "/" or ".."',
    ),
    Rule(
        at="spec.roles[].identities[]",
        rule=f"!self.matches('{_CONTROL_CHARACTERS}')",
        message="an identity must not contain control characters",
    ),
    Rule(
        at="spec.roles[].grants",
        rule="!has(self.canPublishSources) || (has(self.canPublish) && self.canPublish)",
        message="canPublishSources needs canPublish: true",
        field_path=".canPublishSources",
    ),
    Rule(
        at="spec.roles[]",
        rule="!has(self.renewBeforeSeconds)"
        f" || self.renewBeforeSeconds + 60 <= (has(self.ttlSeconds) ? self.ttlSeconds : {DEFAULT_TTL_SECONDS})",
        message=f"renewBeforeSeconds must be at least 60 less than ttlSeconds (default {DEFAULT_TTL_SECONDS}):"
        " a token that is due at once would be minted without end",
        field_path=".renewBeforeSeconds",
    ),
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
        Column("SID", ".status.sid", wide=True),
        Column("STATUS", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        Column("AGE", ".metadata.creationTimestamp", type="date"),
    ),
    selectable_fields=(".spec.roomName",),
)
