"""How sound and pictures are encoded: one of LiveKit's presets, or each number by itself."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from roomkeeper.api.common import Model


class EncodingPreset(StrEnum):
    """LiveKit's own presets, all of H.264."""

    H264_720P_30 = "H264_720P_30"
    H264_720P_60 = "H264_720P_60"
    H264_1080P_30 = "H264_1080P_30"
    H264_1080P_60 = "H264_1080P_60"
    PORTRAIT_H264_720P_30 = "PORTRAIT_H264_720P_30"
    PORTRAIT_H264_720P_60 = "PORTRAIT_H264_720P_60"
    PORTRAIT_H264_1080P_30 = "PORTRAIT_H264_1080P_30"
    PORTRAIT_H264_1080P_60 = "PORTRAIT_H264_1080P_60"


class AudioCodec(StrEnum):
    """LiveKit's own names of audio codecs."""

    OPUS = "OPUS"
    AAC = "AAC"
    AC_MP3 = "AC_MP3"


class VideoCodec(StrEnum):
    """LiveKit's own names of the video codecs that Egress can encode."""

    H264_BASELINE = "H264_BASELINE"
    H264_MAIN = "H264_MAIN"
    H264_HIGH = "H264_HIGH"


class AdvancedEncoding(Model):
    """LiveKit's EncodingOptions; what is absent is left to Egress."""

    width: int | None = Field(
        default=None,
        ge=16,
        le=7680,
        multiple_of=2,
        description="The width in pixels: even, 16 to 7680. Default: 1280. LiveKit: `width`.",
    )
    height: int | None = Field(
        default=None,
        ge=16,
        le=7680,
        multiple_of=2,
        description="The height in pixels: even, 16 to 7680. Default: 720. LiveKit: `height`.",
    )
    depth: int | None = Field(
        default=None,
        ge=8,
        le=24,
        multiple_of=8,
        description="The depth of colours of the browser's screen, in bits: 8, 16 or 24. Default: 24. LiveKit: `depth`.",
    )
    framerate: int | None = Field(
        default=None,
        ge=1,
        le=120,
        description="Pictures per second: 1 to 120. Default: 30. LiveKit: `framerate`.",
    )
    video_codec: VideoCodec | None = Field(
        default=None,
        description="H264_BASELINE, H264_MAIN or H264_HIGH. Default: H264_MAIN. LiveKit: `videoCodec`.",
    )
    video_bitrate_kbps: int | None = Field(
        default=None,
        ge=50,
        le=100_000,
        description="The rate of the video, in kilobits per second: 50 to 100000. Default: 3000. LiveKit: `videoBitrate`.",
    )
    key_frame_interval_seconds: int | None = Field(
        default=None,
        ge=1,
        le=60,
        description="How long from one key frame to the next, in seconds: 1 to 60; with hls, segmentSeconds counts. Default: 4 "
        "for streams, else the encoder's own. LiveKit: `keyFrameInterval`.",
    )
    audio_codec: AudioCodec | None = Field(
        default=None,
        description="OPUS, for files of type MP4 and OGG; AAC, for MP4, hls and stream; AC_MP3, for MP3. Default: what the "
        "output takes. LiveKit: `audioCodec`.",
    )
    audio_bitrate_kbps: int | None = Field(
        default=None,
        ge=8,
        le=512,
        description="The rate of the sound, in kilobits per second: 8 to 512. Default: 128. LiveKit: `audioBitrate`.",
    )
    audio_frequency_hertz: int | None = Field(
        default=None,
        ge=8000,
        le=96_000,
        description="The sampling rate of the sound, in hertz: 8000 to 96000. Default: 44100. LiveKit: `audioFrequency`.",
    )


class EncodingSpec(Model):
    """Exactly one of preset and advanced."""

    preset: EncodingPreset | None = Field(
        default=None,
        description="Size, frames per second and rate of the video, by LiveKit's names: 720P is 1280 x 720, 1080P is 1920 x "
        "1080, PORTRAIT turns it. Default: none. LiveKit: `preset`.",
    )
    advanced: AdvancedEncoding | None = Field(
        default=None,
        description="Each number by itself. Default: none. LiveKit: `EncodingOptions`.",
    )
