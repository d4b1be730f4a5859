"""What the Recordings of other namespaces may do on a LiveKitServer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import LIST_TYPE, MAX_URL, Model

MAX_URL_PATTERNS: Final = 32


class RecordingSource(StrEnum):
    """What a Recording records, as its `spec.source` names it."""

    ROOM_COMPOSITE = "roomComposite"
    PARTICIPANT = "participant"
    TRACK_COMPOSITE = "trackComposite"
    TRACK = "track"
    WEB = "web"


class StreamPolicy(StrEnum):
    """Whether media may be sent to addresses outside."""

    FORBIDDEN = "Forbidden"
    ALLOWED = "Allowed"


class InlineStoragePolicy(StrEnum):
    """Whether a Recording may bring its own storage."""

    FORBIDDEN = "Forbidden"
    WITH_CREDENTIALS = "WithCredentials"


class WorkerStoragePolicy(StrEnum):
    """Whether a Recording may use the storage that the Egress worker is configured with."""

    FORBIDDEN = "Forbidden"
    PREFIXED = "Prefixed"


SAFE_SOURCES: Final = frozenset(RecordingSource) - {RecordingSource.WEB}

HTTPURL = Annotated[str, Field(min_length=1, max_length=MAX_URL, pattern=r"^https?://[!-~]+$")]


class RecordingPolicySpec(Model):
    """The limits of Recordings in other namespaces than the LiveKitServer's."""

    max_active_per_namespace: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="How many Recordings of one namespace may run at once: 0 to 10000. Default: no limit. LiveKit has no such "
        "notion.",
    )
    max_seconds: int | None = Field(
        default=None,
        ge=1,
        le=2_592_000,
        description="How long a Recording may run, over all its attempts, in seconds: 1 to 2592000. Default: no limit. "
        "LiveKit has no such notion.",
    )
    sources: tuple[RecordingSource, ...] | None = Field(
        default=None,
        max_length=len(RecordingSource),
        json_schema_extra={LIST_TYPE: "set"},
        description="What may be recorded. web opens any page in a browser inside the provider's network. Default: "
        "roomComposite, participant, trackComposite, track; an empty list allows none. LiveKit: the kinds of egress.",
    )
    custom_base_urls: tuple[HTTPURL, ...] = Field(
        default=(),
        alias="customBaseURLs",
        max_length=MAX_URL_PATTERNS,
        json_schema_extra={LIST_TYPE: "set"},
        description="The pages that may lay out a room composite, at most 32 exact http or https URLs; such a page gets a "
        "token for the room. Default: none but LiveKit's own. LiveKit: `customBaseUrl`.",
    )
    web_urls: tuple[HTTPURL, ...] = Field(
        default=(),
        alias="webURLs",
        max_length=MAX_URL_PATTERNS,
        json_schema_extra={LIST_TYPE: "set"},
        description="The pages that source web may record, at most 32 exact http or https URLs. Default: none. LiveKit: `url` "
        "of a web egress.",
    )
    streams: StreamPolicy = Field(
        default=StreamPolicy.FORBIDDEN,
        description="Whether media may be streamed to addresses of the tenant's choice. Forbidden, Allowed. Default: "
        "Forbidden. LiveKit: `StreamOutput`, `websocketUrl`.",
    )
    inline_storage: InlineStoragePolicy = Field(
        default=InlineStoragePolicy.WITH_CREDENTIALS,
        description="Whether Recordings may bring their own bucket: inline, or as a RecordingStorage that is neither of this "
        "namespace nor `--default-storage`. Forbidden, WithCredentials: only with credentials of its own, never with the worker's "
        "identity. Whoever brings one chooses an address that the Egress worker calls. Default: WithCredentials. LiveKit: "
        "`S3Upload`, `GCPUpload`, `AzureBlobUpload`, `AliOSSUpload`.",
    )
    worker_storage: WorkerStoragePolicy = Field(
        default=WorkerStoragePolicy.FORBIDDEN,
        description="Whether a Recording may use the storage that the Egress worker is configured with. Forbidden, Prefixed: "
        "below a prefix of its namespace. Default: Forbidden. LiveKit: `storage` of the Egress configuration.",
    )

    @property
    def effective_sources(self) -> frozenset[RecordingSource]:
        """What may be recorded: the declared sources, or all that see the tenant's own room only."""
        return SAFE_SOURCES if self.sources is None else frozenset(self.sources)
