"""The Recording: it runs to completion, like a Job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import MAX_ROOM_NAME_BYTES, Model, Time
from roomkeeper.api.kind import Column, Kind
from roomkeeper.api.recording_encoding import AudioCodec, EncodingSpec
from roomkeeper.api.recording_outputs import FileType, OutputsSpec
from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.api.recording_rules import RULES
from roomkeeper.api.recording_source import RecordingSourceSpec
from roomkeeper.api.recording_status import MAX_ATTEMPTS, RecordingStatus
from roomkeeper.api.references import RoomRef, ServerRef, StorageRef
from roomkeeper.api.storage_target import StorageTarget

MAX_BACKOFF_LIMIT: Final = MAX_ATTEMPTS - 1
_THIRTY_DAYS: Final = 2_592_000

Deadline = Annotated[int, Field(ge=1, le=_THIRTY_DAYS)]


class RecordingStart(StrEnum):
    """What a Recording waits for before it starts."""

    IMMEDIATELY = "Immediately"
    WHEN_ROOM_ACTIVE = "WhenRoomActive"
    WHEN_PUBLISHING = "WhenPublishing"


class DesiredState(StrEnum):
    """What somebody wants of a Recording that was declared."""

    STOPPED = "Stopped"


class RecordingSpec(Model):
    """The part of a Recording that people write."""

    room_ref: RoomRef | None = Field(
        default=None,
        description="The Room that is recorded, in this namespace. Immutable. Exactly one of roomRef and roomName; for source "
        "web neither is needed, with one it lives as long as that room. Default: none. LiveKit: `roomName`.",
    )
    room_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ROOM_NAME_BYTES,
        description="The room that is recorded by its name in LiveKit, where the server's policy allows it; at most 256 bytes, "
        "without `|`, `/`, `..` and control characters. Immutable. Default: none. LiveKit: `roomName`.",
    )
    server_ref: ServerRef | None = Field(
        default=None,
        description="The LiveKitServer, for roomName and for web without a room: a Room has its own. Immutable. Default: the "
        'LiveKitServer in this namespace that is annotated `roomkeeper.dev/is-default-server: "true"`, else '
        "`--default-server`, else the one in the operator's own environment; the first that was found stays. LiveKit has no such "
        "notion.",
    )
    source: RecordingSourceSpec = Field(
        description="What is recorded: exactly one of roomComposite, participant, trackComposite, track and web. Frozen once "
        "an attempt has begun, but for layout. LiveKit: the kinds of egress.",
    )
    outputs: OutputsSpec = Field(
        description="Where it goes: at least one of file, hls, images, stream and websocket. Frozen once an attempt has begun. "
        "LiveKit: `fileOutputs`, `segmentOutputs`, `imageOutputs`, `streamOutputs`, `websocketUrl`.",
    )
    encoding: EncodingSpec | None = Field(
        default=None,
        description="How it is encoded: exactly one of preset and advanced. Not for a track, which is not encoded again. Frozen "
        "once an attempt has begun. Default: H264_720P_30. LiveKit: `preset`, `advanced`.",
    )
    storage_ref: StorageRef | None = Field(
        default=None,
        description="The RecordingStorage that it is put on; not together with storage. Frozen once an attempt has begun. "
        'Default: the RecordingStorage in this namespace that is annotated `roomkeeper.dev/is-default-storage: "true"`, else '
        "`--default-storage`, else the storage of the Egress worker, where the server's policy allows it. LiveKit: `S3Upload`, "
        "`GCPUpload`, `AzureBlobUpload`, `AliOSSUpload`.",
    )
    storage: StorageTarget | None = Field(
        default=None,
        description="A store of this Recording's own, where the server's policy allows it: exactly one of s3, gcp, azure and "
        "aliOSS. Frozen once an attempt has begun. Default: none, storageRef counts. LiveKit: `S3Upload`, `GCPUpload`, "
        "`AzureBlobUpload`, `AliOSSUpload`.",
    )
    start: RecordingStart | None = Field(
        default=None,
        description="What it waits for. Immediately: nothing. WhenRoomActive: somebody is in the room, and what the source "
        "needs is there. WhenPublishing: somebody publishes, too. Frozen once an attempt has begun. Default: WhenRoomActive, "
        "for web without a room Immediately. LiveKit has no such notion.",
    )
    start_at: Time | None = Field(
        default=None,
        description="It does not start before (RFC 3339). Frozen once an attempt has begun. Default: none. LiveKit has no such "
        "notion.",
    )
    start_deadline_seconds: Deadline | None = Field(
        default=None,
        description="How long it waits for something to record, from its creation or startAt, in seconds: 1 to 2592000; after "
        "that it has Failed with NothingToRecord. Default: none, it waits as long as it is there. LiveKit has no such notion.",
    )
    stop_when_empty_seconds: int = Field(
        default=0,
        ge=0,
        le=86_400,
        description="How long nobody has to be in the room before it is stopped, in seconds: 0 to 86400; 0: it ends with the "
        "room. Default: 0. LiveKit has no such notion.",
    )
    active_deadline_seconds: Deadline | None = Field(
        default=None,
        description="How long it may record, over all attempts, in seconds: 1 to 2592000; then it is stopped, and is "
        "LimitReached. Default: none, but for the limits of the server's policy and of the Egress worker. LiveKit has no such notion.",
    )
    desired_state: DesiredState | None = Field(
        default=None,
        description="Stopped: it is ended, and what there is is kept; it stays stopped if this is taken away again. Deleting "
        "it stops it, too. Default: none, it records to its end. LiveKit: `StopEgress`.",
    )
    backoff_limit: int = Field(
        default=2,
        ge=0,
        le=MAX_BACKOFF_LIMIT,
        description="How often it is tried again after a failed attempt, while the room lives: 0 to 10. Default: 2. LiveKit "
        "has no such notion.",
    )
    disable_manifest: bool = Field(
        default=False,
        description="Whether Egress leaves out the JSON file that it puts beside the media. Frozen once an attempt has begun. "
        "Default: false. LiveKit: `disableManifest`.",
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        ge=0,
        le=31_536_000,
        description="How long this object stays after its end, in seconds: 0 to 31536000; the media stay. Not for a manifest "
        "in Git: it would be created again, and record again. Default: none, it stays. LiveKit has no such notion.",
    )
    deletion_grace_seconds: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="How long a deletion waits for a LiveKit server that does not answer, in seconds: 0 to 86400. After that "
        "and at least one failed attempt to stop it, this object goes; an Event OrphanedEgress says how to stop it by hand. "
        "Default: 300. LiveKit has no such notion.",
    )

    @property
    def has_room(self) -> bool:
        """Whether it belongs to a room; only a web page may have none."""
        return self.room_ref is not None or self.room_name is not None

    @property
    def effective_start(self) -> RecordingStart:
        """What it waits for: as declared, else for people, if there can be any."""
        if self.start is not None:
            return self.start
        return RecordingStart.WHEN_ROOM_ACTIVE if self.has_room else RecordingStart.IMMEDIATELY

    @property
    def effective_file_type(self) -> FileType | None:
        """What the file is; None: the codec of the track decides."""
        if self.source.kind is RecordingSource.TRACK:
            return None
        declared = None if self.outputs.file is None else self.outputs.file.type
        return declared or self._default_file_type()

    @property
    def effective_filepath(self) -> str:
        """The template of the key of the file."""
        return (self.outputs.file and self.outputs.file.filepath) or self._default_key("recordings")

    @property
    def effective_hls_directory(self) -> str:
        """The template of what stands before the names of playlists and segments."""
        return (self.outputs.hls and self.outputs.hls.directory) or self._default_key("hls")

    @property
    def effective_images_directory(self) -> str:
        """The template of what stands before the names of images."""
        return (self.outputs.images and self.outputs.images.directory) or self._default_key("images")

    def _default_file_type(self) -> FileType:
        """Choose as Egress does: sound alone is OGG, unless it has to be AAC."""
        advanced = None if self.encoding is None else self.encoding.advanced
        codec = None if advanced is None else advanced.audio_codec
        needs_aac = codec is AudioCodec.AAC or self.outputs.hls is not None or self.outputs.stream is not None
        return FileType.OGG if self.source.is_audio_only and not needs_aac else FileType.MP4

    def _default_key(self, directory: str) -> str:
        of_what = "web" if self.source.kind is RecordingSource.WEB else "{room_name}"
        return f"{directory}/{of_what}-{{time}}"


class Recording(Model):
    """A recording of a LiveKit room, a participant, a track or a web page: it runs to completion, like a Job."""

    spec: RecordingSpec = Field(description="What is declared.")
    status: RecordingStatus = Field(
        default=RecordingStatus(), description="What Roomkeeper has seen and done. Written by it alone."
    )


KIND: Final = Kind(
    kind="Recording",
    plural="recordings",
    short_name="lkrec",
    model=Recording,
    rules=RULES,
    columns=(
        Column("ROOM", ".status.roomName"),
        Column("STATE", ".status.state"),
        Column("READY", '.status.conditions[?(@.type=="Ready")].status'),
        Column("EGRESS", ".status.egressID", wide=True),
        Column("STARTED", ".status.startedAt", type="date"),
        Column("DURATION", ".status.recordedSeconds", type="integer"),
        Column("LOCATION", ".status.results[0].location", wide=True),
        Column("STATUS", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        Column("AGE", ".metadata.creationTimestamp", type="date"),
    ),
    selectable_fields=(".spec.roomName", ".spec.roomRef.name", ".status.state"),
)
