"""What a Recording records: exactly one of LiveKit's five kinds of egress."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from roomkeeper.api.common import Model
from roomkeeper.api.recording_policy import HTTPURL, RecordingSource
from roomkeeper.api.role import Identity, TrackSource

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LAYOUT: Final = 128
MAX_TRACK_ID: Final = 64

TrackID = Annotated[str, Field(min_length=1, max_length=MAX_TRACK_ID, pattern=r"^TR_[A-Za-z0-9_]+$")]


class AudioMixing(StrEnum):
    """How the voices of an audio-only room composite are put on two channels."""

    DEFAULT = "Default"
    DUAL_CHANNEL_AGENT = "DualChannelAgent"
    DUAL_CHANNEL_ALTERNATE = "DualChannelAlternate"


class AudioSource(StrEnum):
    """LiveKit's own names of what an audio track comes from."""

    MICROPHONE = "microphone"
    SCREEN_SHARE_AUDIO = "screen_share_audio"


class VideoSource(StrEnum):
    """LiveKit's own names of what a video track comes from."""

    CAMERA = "camera"
    SCREEN_SHARE = "screen_share"


class RoomCompositeSpec(Model):
    """The whole room, laid out by a web page."""

    layout: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_LAYOUT,
        description="How the page arranges the participants; LiveKit's own page knows grid, speaker and single-speaker, each "
        "also with -dark or -light. May be changed while it records: a page of your own hears of it, LiveKit's own stays as it began. Default: the page's own. LiveKit: "
        "`layout`.",
    )
    audio_only: bool = Field(
        default=False,
        description="Whether only sound is recorded; without layout and customBaseURL no browser is needed for it. Default: "
        "false. LiveKit: `audioOnly`.",
    )
    video_only: bool = Field(
        default=False,
        description="Whether only pictures are recorded. Not together with audioOnly. Default: false. LiveKit: `videoOnly`.",
    )
    audio_mixing: AudioMixing = Field(
        default=AudioMixing.DEFAULT,
        description="How voices are put on the two channels, for audioOnly without layout and customBaseURL. Default: all on "
        "both. DualChannelAgent: agents on one, everybody else on the other. DualChannelAlternate: each new voice on the other "
        "channel. Default: Default. LiveKit: `audioMixing`.",
    )
    custom_base_url: HTTPURL | None = Field(
        default=None,
        alias="customBaseURL",
        description="The page that lays out the room, http or https, at most 2048 characters; it gets a token for the room, "
        "and the server's policy must name it. Default: LiveKit's own page. LiveKit: `customBaseUrl`.",
    )


class ParticipantSpec(Model):
    """The camera and microphone of one participant, or the screen that they share."""

    identity: Identity = Field(
        description="The participant, 1 to 256 characters without `/`, `..` and control characters; the recording waits for "
        "them. LiveKit: `identity`.",
    )
    screen_share: bool = Field(
        default=False,
        description="Whether the screen that they share is recorded, not their camera and microphone. Default: false. LiveKit: "
        "`screenShare`.",
    )


class TrackCompositeSpec(Model):
    """One audio and one video track, or one of both."""

    identity: Identity | None = Field(
        default=None,
        description="Whose tracks they are, 1 to 256 characters without `/`, `..` and control characters; with audioSource, "
        "videoSource or both. The recording waits for them. Default: none, the tracks are given by audioTrackID and "
        "videoTrackID. LiveKit: `identity` of a participant.",
    )
    audio_source: AudioSource | None = Field(
        default=None,
        description="The audio track of identity: microphone or screen_share_audio. Default: no audio. LiveKit: `source` of a "
        "track.",
    )
    video_source: VideoSource | None = Field(
        default=None,
        description="The video track of identity: camera or screen_share. Default: no video. LiveKit: `source` of a track.",
    )
    audio_track_id: TrackID | None = Field(
        default=None,
        alias="audioTrackID",
        description="The audio track by LiveKit's id, TR_ and at most 61 letters and digits, instead of identity; a track that "
        "is published again has another id. Default: no audio. LiveKit: `audioTrackId`.",
    )
    video_track_id: TrackID | None = Field(
        default=None,
        alias="videoTrackID",
        description="The video track by LiveKit's id, TR_ and at most 61 letters and digits, instead of identity; a track that "
        "is published again has another id. Default: no video. LiveKit: `videoTrackId`.",
    )

    @property
    def has_audio(self) -> bool:
        """Whether sound is recorded."""
        return self.audio_source is not None or self.audio_track_id is not None

    @property
    def has_video(self) -> bool:
        """Whether pictures are recorded."""
        return self.video_source is not None or self.video_track_id is not None


class TrackSpec(Model):
    """One track as it is sent, without encoding it again."""

    identity: Identity | None = Field(
        default=None,
        description="Whose track it is, 1 to 256 characters without `/`, `..` and control characters; with source. The "
        "recording waits for it. Default: none, the track is given by trackID. LiveKit: `identity` of a participant.",
    )
    source: TrackSource | None = Field(
        default=None,
        description="The track of identity: camera, microphone, screen_share or screen_share_audio. Default: none, the track is "
        "given by trackID. LiveKit: `source` of a track.",
    )
    track_id: TrackID | None = Field(
        default=None,
        alias="trackID",
        description="The track by LiveKit's id, TR_ and at most 61 letters and digits, instead of identity and source; a track "
        "that is published again has another id. Default: none. LiveKit: `trackId`.",
    )


class WebSpec(Model):
    """Any web page, opened by a browser of the Egress worker."""

    url: HTTPURL = Field(
        description="The page, http or https, at most 2048 characters; the server's policy must name it. LiveKit: `url`.",
    )
    audio_only: bool = Field(
        default=False,
        description="Whether only sound is recorded. Default: false. LiveKit: `audioOnly`.",
    )
    video_only: bool = Field(
        default=False,
        description="Whether only pictures are recorded. Not together with audioOnly. Default: false. LiveKit: `videoOnly`.",
    )
    await_start_signal: bool = Field(
        default=False,
        description="Whether it begins only when the page writes START_RECORDING to its console. Default: false. LiveKit: "
        "`awaitStartSignal`.",
    )


class RecordingSourceSpec(Model):
    """Exactly one source."""

    room_composite: RoomCompositeSpec | None = Field(
        default=None,
        description="The whole room, laid out by a web page; one of roomComposite, participant, trackComposite, track and web. "
        "Default: none. LiveKit: `RoomCompositeEgressRequest`.",
    )
    participant: ParticipantSpec | None = Field(
        default=None,
        description="One participant; one of roomComposite, participant, trackComposite, track and web. Default: none. "
        "LiveKit: `ParticipantEgressRequest`.",
    )
    track_composite: TrackCompositeSpec | None = Field(
        default=None,
        description="One audio and one video track, or one of both; one of roomComposite, participant, trackComposite, track "
        "and web. Default: none. LiveKit: `TrackCompositeEgressRequest`.",
    )
    track: TrackSpec | None = Field(
        default=None,
        description="One track as it is sent, without encoding it again; to a file, or a websocket for audio; one of "
        "roomComposite, participant, trackComposite, track and web. Default: none. LiveKit: `TrackEgressRequest`.",
    )
    web: WebSpec | None = Field(
        default=None,
        description="Any web page, in a browser inside the provider's network; one of roomComposite, participant, "
        "trackComposite, track and web. Default: none. LiveKit: `WebEgressRequest`.",
    )

    @property
    def kind(self) -> RecordingSource:
        """Which of the five it is."""
        return next(kind for kind, given in self._by_kind().items() if given is not None)

    @property
    def is_audio_only(self) -> bool:
        """Whether it has no pictures, as far as the spec tells."""
        if self.track_composite is not None:
            return not self.track_composite.has_video
        if self.track is not None:
            return self.track.source in (TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE_AUDIO)
        page = self.room_composite or self.web
        return page is not None and page.audio_only

    def _by_kind(self) -> Mapping[RecordingSource, Model | None]:
        return {
            RecordingSource.ROOM_COMPOSITE: self.room_composite,
            RecordingSource.PARTICIPANT: self.participant,
            RecordingSource.TRACK_COMPOSITE: self.track_composite,
            RecordingSource.TRACK: self.track,
            RecordingSource.WEB: self.web,
        }
