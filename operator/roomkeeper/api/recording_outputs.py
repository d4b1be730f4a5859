"""Where the media of a Recording go: files, playlists, images, streams; at least one of them.

Keys of objects have variables, and no default in the CRD: a web page has no room to name them after.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import Model
from roomkeeper.api.references import SecretRef

MAX_KEY: Final = 512  # leaves prefix, marker and the values of variables below the 1024 bytes of S3
MAX_FILE_NAME: Final = 128
MAX_STREAM_URLS: Final = 16  # of the Secret
WEBSOCKET_URL: Final = "url"  # the entry of the Secret
DEFAULT_IMAGE_INTERVAL_SECONDS: Final = 10
DEFAULT_SEGMENT_SECONDS: Final = 4

KeyTemplate = Annotated[str, Field(min_length=1, max_length=MAX_KEY)]
SegmentPrefix = Annotated[
    str, Field(min_length=1, max_length=MAX_FILE_NAME, pattern=r"^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$")
]
PlaylistName = Annotated[
    str, Field(min_length=1, max_length=MAX_FILE_NAME, pattern=r"^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]m3u8$")
]
ImageSize = Annotated[int, Field(ge=16, le=7680)]

_VARIABLES: Final = (
    "variables {room_name}, {room_id}, {time} and {utc}, for a participant or tracks {publisher_identity}, for a track "
    "{track_id}, {track_type} and {track_source}; for web only {time} and {utc}"
)


class FileType(StrEnum):
    """The containers that Egress can be told to write, in LiveKit's own words."""

    MP4 = "MP4"
    OGG = "OGG"
    MP3 = "MP3"


class SegmentSuffix(StrEnum):
    """What tells the segments of a playlist apart."""

    INDEX = "Index"
    TIMESTAMP = "Timestamp"


class StreamProtocol(StrEnum):
    """How media are streamed, in LiveKit's own words."""

    RTMP = "RTMP"
    SRT = "SRT"


class FileOutput(Model):
    """One file."""

    filepath: KeyTemplate | None = Field(
        default=None,
        description=f"The key of the object, at most 512 characters, with the {_VARIABLES}. Never `..`, a leading `/` or a `\\`. "
        "The prefix of the storage stands before it, and the operator adds a short token, so that no two recordings meet, and "
        "the extension of the type. Default: `recordings/{room_name}-{time}`, for web `recordings/web-{time}`. LiveKit: "
        "`filepath`.",
    )
    type: FileType | None = Field(
        default=None,
        description="MP4, or for sound alone OGG (Opus) or MP3; Egress before 1.11 knows no MP3 and writes OGG. Not "
        "for a track, whose codec decides: OGG, MP4 or WebM. Default: MP4; for sound alone what its codec and the other outputs "
        "leave, OGG first. LiveKit: `fileType`.",
    )


class HLSOutput(Model):
    """A playlist with segments, for HTTP Live Streaming."""

    directory: KeyTemplate | None = Field(
        default=None,
        description=f"Where playlists and segments are put, at most 512 characters, with the {_VARIABLES}. Never `..`, a "
        "leading `/` or a `\\`. The prefix of the storage stands before it, and the operator adds a short token, so that no two "
        "recordings meet. Default: `hls/{room_name}-{time}`, for web `hls/web-{time}`. LiveKit: the path in `playlistName`.",
    )
    segment_prefix: SegmentPrefix = Field(
        default="segment",
        description="How the names of segments begin: at most 128 letters, digits, `.`, `_` and `-`. Default: segment. LiveKit: "
        "`filenamePrefix`.",
    )
    playlist_name: PlaylistName = Field(
        default="index.m3u8",
        description="The playlist of all segments: at most 128 letters, digits, `.`, `_` and `-`, ending in .m3u8. Default: index.m3u8. LiveKit: "
        "`playlistName`.",
    )
    live_playlist_name: PlaylistName | None = Field(
        default=None,
        description="A playlist of the last segments only, for those who watch while it records: at most 128 letters, digits, "
        "`.`, `_` and `-`, ending in .m3u8; another name than playlistName. Default: none. LiveKit: `livePlaylistName`.",
    )
    segment_seconds: int = Field(
        default=DEFAULT_SEGMENT_SECONDS,
        ge=1,
        le=60,
        description="How long a segment is, in seconds: 1 to 60. Default: 4. LiveKit: `segmentDuration`.",
    )
    filename_suffix: SegmentSuffix = Field(
        default=SegmentSuffix.INDEX,
        description="What tells segments apart. Index: their number. Timestamp: when they began. Default: Index. LiveKit: "
        "`filenameSuffix`.",
    )


class ImagesOutput(Model):
    """A picture every so many seconds."""

    directory: KeyTemplate | None = Field(
        default=None,
        description=f"Where the images are put, at most 512 characters, with the {_VARIABLES}. Never `..`, a leading `/` or a "
        "`\\`. The prefix of the storage stands before it, and the operator adds a short token, so that no two recordings meet. "
        "Default: `images/{room_name}-{time}`, for web `images/web-{time}`. LiveKit: the path in `filenamePrefix`.",
    )
    interval_seconds: int = Field(
        default=DEFAULT_IMAGE_INTERVAL_SECONDS,
        ge=1,
        le=3600,
        description="How long from one image to the next, in seconds: 1 to 3600. Default: 10. LiveKit: `captureInterval`.",
    )
    width: ImageSize | None = Field(
        default=None,
        description="The width in pixels: 16 to 7680. Default: that of the recording. LiveKit: `width`.",
    )
    height: ImageSize | None = Field(
        default=None,
        description="The height in pixels: 16 to 7680. Default: that of the recording. LiveKit: `height`.",
    )


class StreamOutput(Model):
    """Live streams to other services."""

    protocol: StreamProtocol = Field(
        default=StreamProtocol.RTMP,
        description="RTMP (rtmp, rtmps, mux and twitch addresses) or SRT; all streams of a recording have the same one. "
        "Default: RTMP. LiveKit: `protocol`.",
    )
    urls_secret_ref: SecretRef = Field(
        description="The Secret with the addresses, at most 16: each entry is one, stream key included, under any name. It is "
        "read again at every resync, so streams come and go while it records. LiveKit keeps an SRT address readable in what it "
        "stores; of an RTMP address it hides the key. LiveKit: `urls`.",
    )


class WebsocketOutput(Model):
    """The raw sound of one track, sent to an application."""

    url_secret_ref: SecretRef = Field(
        description="The Secret with the address, ws or wss, in the entry `url`. LiveKit: `websocketUrl`.",
    )


class OutputsSpec(Model):
    """At least one output; which ones a source takes is said at each."""

    file: FileOutput | None = Field(
        default=None,
        description="One file. Every source takes it. Default: none. LiveKit: `EncodedFileOutput`, `DirectFileOutput`.",
    )
    hls: HLSOutput | None = Field(
        default=None,
        description="A playlist with segments, for HTTP Live Streaming. Every source but track takes it. Default: none. "
        "LiveKit: `SegmentedFileOutput`.",
    )
    images: ImagesOutput | None = Field(
        default=None,
        description="A picture every so many seconds. Every source but track takes it, if it has video. Default: none. "
        "LiveKit: `ImageOutput`.",
    )
    stream: StreamOutput | None = Field(
        default=None,
        description="Live streams to other services, as the server's policy allows it. Every source but track takes it. "
        "Default: none. LiveKit: `StreamOutput`.",
    )
    websocket: WebsocketOutput | None = Field(
        default=None,
        description="The raw sound of one track, sent to an application, as the server's policy allows streams. Only source "
        "track takes it, instead of file. Default: none. LiveKit: `websocketUrl`.",
    )
