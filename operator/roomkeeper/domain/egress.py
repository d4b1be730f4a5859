"""LiveKit's Egress as plain values: what is asked of a worker, and what LiveKit tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.api.recording_encoding import EncodingSpec
    from roomkeeper.api.recording_source import RecordingSourceSpec


class EgressState(StrEnum):
    """Where an egress is (livekit: protobuf EgressStatus)."""

    STARTING = "Starting"
    ACTIVE = "Active"
    ENDING = "Ending"
    COMPLETE = "Complete"
    FAILED = "Failed"
    ABORTED = "Aborted"
    LIMIT_REACHED = "LimitReached"

    @property
    def is_live(self) -> bool:
        """Tell whether it has not ended; what has ended stays so."""
        return self in (EgressState.STARTING, EgressState.ACTIVE, EgressState.ENDING)


@dataclass(frozen=True, slots=True)
class Carried:
    """What of a request LiveKit shows again, and where it is shown: there a marker is looked for."""

    paths: tuple[str, ...] = ()  # file paths and prefixes, as they were asked for
    metadata: tuple[Mapping[str, str], ...] = ()  # of the objects in S3
    webhooks: tuple[str, ...] = ()  # the URLs of this egress alone


@dataclass(frozen=True, slots=True)
class EgressResult:
    """One thing that was recorded; "" and 0 where LiveKit tells nothing."""

    type: str  # File, HLS, Images, Stream
    filename: str = ""
    location: str = ""
    size_bytes: int = 0
    duration_seconds: float = 0.0
    playlist_location: str = ""
    live_playlist_location: str = ""
    segment_count: int = 0
    image_count: int = 0


@dataclass(frozen=True, slots=True)
class Egress:
    """An egress as LiveKit lists it. The text of its error stays in the adapter: it may quote a URL with a key."""

    id: str
    room_name: str  # "" of source web
    state: EgressState
    room_sid: str = ""  # the session that it records; "" of source web
    started_at: datetime | None = None
    recording_since: datetime | None = None  # a room composite waits for the first track before it records
    ended_at: datetime | None = None
    changed_at: datetime | None = None  # when its state changed last
    error_code: int = 0  # like HTTP's: 400 upload, 404 track, 412 never began, 413 limit, 500
    has_error: bool = False
    backup_storage_used: bool = False
    carried: Carried = Carried()
    results: tuple[EgressResult, ...] = ()


@dataclass(frozen=True, slots=True)
class FileOutput:
    """One file; `type` is LiveKit's EncodedFileType, "" leaves it to the codecs."""

    path: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class HLSOutput:
    """Segments and the playlists that list them; names of playlists are relative to the prefix's folder."""

    prefix: str
    playlist_name: str
    live_playlist_name: str = ""
    segment_seconds: int = 0
    suffix: str = "Index"


@dataclass(frozen=True, slots=True)
class ImagesOutput:
    """A picture every so often; 0 leaves a size to LiveKit."""

    prefix: str
    interval_seconds: int
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class StreamOutput:
    """Media sent live to addresses, which may hold keys."""

    protocol: str
    urls: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class S3Target:
    """A bucket that speaks S3; without a key, the worker's own identity is used."""

    bucket: str
    region: str = ""
    endpoint: str = ""
    force_path_style: bool = False
    assume_role_arn: str = ""
    access_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GCPTarget:
    """A bucket of Google's; `credentials` is the JSON of a service account."""

    bucket: str
    credentials: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AzureTarget:
    """A container of Azure's."""

    container: str
    account_name: str = field(default="", repr=False)
    account_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AliOSSTarget:
    """A bucket of Alibaba's."""

    bucket: str
    region: str = ""
    endpoint: str = ""
    access_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


Target = S3Target | GCPTarget | AzureTarget | AliOSSTarget


@dataclass(frozen=True, slots=True)
class EgressRequest:
    """A start in all its detail: rendered paths, resolved tracks, credentials in place.

    Of source trackComposite and track, `audio_track` and `video_track` are the SIDs; track has one of the two.
    """

    source: RecordingSourceSpec
    room_name: str = ""  # "" of source web
    audio_track: str = ""
    video_track: str = ""
    file: FileOutput | None = None
    hls: HLSOutput | None = None
    images: ImagesOutput | None = None
    stream: StreamOutput | None = None
    websocket_url: str = field(default="", repr=False)
    encoding: EncodingSpec | None = None
    disable_manifest: bool = False
    target: Target | None = None  # None: the worker's own
    metadata: Mapping[str, str] = field(default_factory=dict)  # of objects in S3
    webhook_url: str = ""  # "": none for this egress alone
    signing_key: str = (
        ""  # the name of a key that the server knows; an unknown or empty one stops its webhooks
    )
