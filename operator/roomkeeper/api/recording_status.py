"""The status of a Recording: every attempt, and where the media are."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import (
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAX_CONDITIONS,
    MAX_INT32,
    MAX_ROOM_NAME_BYTES,
    MAX_SAFE_INTEGER,
    Condition,
    Model,
    Time,
)
from roomkeeper.api.recording_outputs import MAX_STREAM_URLS
from roomkeeper.api.recording_source import MAX_LAYOUT
from roomkeeper.api.references import ResolvedServerRef, ResolvedStorageRef
from roomkeeper.api.status import Status

MAX_ATTEMPTS: Final = 11  # the first one, and the largest backoffLimit
MAX_EGRESS_ID: Final = 64
MAX_ROOM_SID: Final = 256
MAX_MARKER: Final = 64
MAX_CODE: Final = 256
MAX_HASH: Final = 64
MAX_OBJECT_KEY: Final = 2048
MAX_LOCATION: Final = 8192  # with the signature of an address that Egress has signed

StreamHash = Annotated[str, Field(max_length=MAX_HASH)]


class RecordingState(StrEnum):
    """How far a Recording, or one of its attempts, is."""

    ARMED = "Armed"
    STARTING = "Starting"
    ACTIVE = "Active"
    ENDING = "Ending"
    COMPLETE = "Complete"
    FAILED = "Failed"
    ABORTED = "Aborted"
    LIMIT_REACHED = "LimitReached"
    STOPPED = "Stopped"
    UNKNOWN = "Unknown"


class StopReason(StrEnum):
    """Why the operator asked LiveKit to end a Recording."""

    REQUESTED = "Requested"
    DEADLINE = "Deadline"
    EMPTY = "Empty"
    ROOM_CLOSED = "RoomClosed"
    DELETED = "Deleted"
    UNRESPONSIVE = "Unresponsive"


class ResultType(StrEnum):
    """Which output a result is of."""

    FILE = "File"
    HLS = "HLS"
    IMAGES = "Images"


MAX_RESULTS: Final = MAX_ATTEMPTS * len(ResultType)


class Attempt(Model):
    """One egress, from the intent to start it to its end."""

    number: int = Field(ge=1, le=MAX_ATTEMPTS, description="1 for the first.")
    marker: str = Field(
        min_length=1,
        max_length=MAX_MARKER,
        description="The token in the keys of its objects, by which its egress is found whatever answer was lost.",
    )
    requested_at: Time | None = Field(
        default=None,
        description="When StartEgress may have been sent last (RFC 3339); absent: it records, or has ended. LiveKit: "
        "`StartEgress`.",
    )
    egress_id: str | None = Field(
        default=None,
        alias="egressID",
        max_length=MAX_EGRESS_ID,
        description="LiveKit's id of it. LiveKit: `egressId`.",
    )
    room_sid: str | None = Field(
        default=None,
        alias="roomSID",
        max_length=MAX_ROOM_SID,
        description="Of a page that is recorded beside a room: LiveKit's id of the room's session, with which it ends. LiveKit: "
        "`sid`.",
    )
    state: RecordingState = Field(
        default=RecordingState.STARTING, description="How far it is. LiveKit: `status`."
    )
    started_at: Time | None = Field(
        default=None, description="When media began to flow (RFC 3339). LiveKit: `startedAt`."
    )
    ended_at: Time | None = Field(default=None, description="When it ended (RFC 3339). LiveKit: `endedAt`.")
    error: str | None = Field(
        default=None, max_length=MAX_CODE, description="Why it failed: a code. LiveKit: `error`."
    )
    error_code: int | None = Field(
        default=None, ge=0, le=MAX_INT32, description="LiveKit's number for it. LiveKit: `errorCode`."
    )


class Gap(Model):
    """A time in which nothing was recorded, between two attempts."""

    from_: Time = Field(alias="from", description="When the earlier attempt ended (RFC 3339).")
    to: Time = Field(description="When the later one began to record (RFC 3339).")


class Result(Model):
    """What one output of one attempt has left behind."""

    attempt: int = Field(ge=1, le=MAX_ATTEMPTS, description="The number of the attempt.")
    type: ResultType = Field(description="Which output it is of: File, HLS or Images.")
    filename: str | None = Field(
        default=None,
        max_length=MAX_OBJECT_KEY,
        description="The key of the file, of the playlist, or how those of the images begin. LiveKit: `filename`, "
        "`playlistName`, `filenamePrefix`.",
    )
    location: str | None = Field(
        default=None, max_length=MAX_LOCATION, description="The address of the file. LiveKit: `location`."
    )
    size_bytes: int | None = Field(
        default=None, ge=0, le=MAX_SAFE_INTEGER, description="How large it is, in bytes. LiveKit: `size`."
    )
    duration_seconds: int | None = Field(
        default=None, ge=0, le=MAX_INT32, description="How long it plays, in seconds. LiveKit: `duration`."
    )
    playlist_location: str | None = Field(
        default=None,
        max_length=MAX_LOCATION,
        description="The address of the playlist. LiveKit: `playlistLocation`.",
    )
    live_playlist_location: str | None = Field(
        default=None,
        max_length=MAX_LOCATION,
        description="The address of the playlist of the last segments. LiveKit: `livePlaylistLocation`.",
    )
    segment_count: int | None = Field(
        default=None, ge=0, le=MAX_INT32, description="How many segments there are. LiveKit: `segmentCount`."
    )
    image_count: int | None = Field(
        default=None, ge=0, le=MAX_INT32, description="How many images there are. LiveKit: `imageCount`."
    )
    backup_storage_used: bool = Field(
        default=False,
        description="Whether the storage refused it, and the backup of the Egress worker has it. LiveKit: "
        "`backupStorageUsed`.",
    )


class RecordingStatus(Status):
    """The part of a Recording that the operator writes."""

    state: RecordingState | None = Field(
        default=None,
        description="Armed: it waits for what it needs. Starting, Active, Ending: it records, or is about to, or uploads. "
        "Complete, Stopped (as asked), LimitReached (activeDeadlineSeconds, the server's policy, the Egress worker): it is over, "
        "and results has what there is. Failed, "
        "Aborted: nothing more comes, conditions say why. Unknown: LiveKit has forgotten it.",
    )
    room_name: str | None = Field(
        default=None,
        max_length=MAX_ROOM_NAME_BYTES,
        description="The name of the room in LiveKit, fixed when the Recording is first handled. LiveKit: `roomName`.",
    )
    server_ref: ResolvedServerRef | None = Field(
        default=None,
        description="The LiveKitServer that records it, fixed when the Recording is first handled; absent where it is the one "
        "of the operator's own environment.",
    )
    storage_ref: ResolvedStorageRef | None = Field(
        default=None,
        description="The RecordingStorage that it is put on, fixed before the first attempt; absent for inline storage and for "
        "the Egress worker's own.",
    )
    egress_id: str | None = Field(
        default=None,
        alias="egressID",
        max_length=MAX_EGRESS_ID,
        description="LiveKit's id of the last attempt. LiveKit: `egressId`.",
    )
    applied_layout: str | None = Field(
        default=None,
        max_length=MAX_LAYOUT,
        description="The layout that the running attempt was told last. LiveKit: `UpdateLayout`.",
    )
    applied_streams: tuple[StreamHash, ...] = Field(
        default=(),
        max_length=MAX_STREAM_URLS,
        json_schema_extra={LIST_TYPE: "set"},
        description="Short hashes of the addresses that the running attempt streams to: the addresses are secret. LiveKit: "
        "`UpdateStream`.",
    )
    stop_reason: StopReason | None = Field(
        default=None,
        description="Why the operator asks LiveKit to end it, written before it asks. Requested: desiredState. Deadline: "
        "activeDeadlineSeconds. Empty: stopWhenEmptySeconds. RoomClosed: the room beside which a page was recorded is over. "
        "Deleted: this object. Unresponsive: the egress has left the room. LiveKit: `StopEgress`.",
    )
    attempts: tuple[Attempt, ...] = Field(
        default=(),
        max_length=MAX_ATTEMPTS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["number"]},
        description="Every attempt. Once there is one, most of the spec is frozen.",
    )
    started_at: Time | None = Field(
        default=None, description="When the first attempt began to record (RFC 3339)."
    )
    ended_at: Time | None = Field(default=None, description="When the last attempt ended (RFC 3339).")
    recorded_seconds: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="How long was recorded over all attempts, in seconds, gaps not counted.",
    )
    gaps: tuple[Gap, ...] = Field(
        default=(),
        max_length=MAX_ATTEMPTS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="The times between attempts in which nothing was recorded.",
    )
    results: tuple[Result, ...] = Field(
        default=(),
        max_length=MAX_RESULTS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="What there is to watch or to hear, of every attempt. LiveKit: `fileResults`, `segmentResults`, "
        "`imageResults`.",
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=MAX_CONDITIONS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]},
        description="Ready: it waits, records or has ended as it should. Complete, Failed: it is over. EgressResponsive: the "
        "egress is in the room. Reconciling and Stalled are there only while true: Stalled means that somebody must act.",
    )
