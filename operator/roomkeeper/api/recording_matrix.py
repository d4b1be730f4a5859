"""Which source takes which output and encoding, as LiveKit's Egress decides it (its pkg/config and pkg/types).

What Egress would refuse a minute later, or take and ignore, the API server refuses at once and says why.
"""

from __future__ import annotations

from typing import Final

from roomkeeper.api.kind import Rule

_PAGES: Final = ("roomComposite", "web")
_VIDEO_NUMBERS: Final = (
    "width",
    "height",
    "depth",
    "framerate",
    "videoCodec",
    "videoBitrateKbps",
    "keyFrameIntervalSeconds",
)
_AUDIO_NUMBERS: Final = ("audioCodec", "audioBitrateKbps", "audioFrequencyHertz")


def _page_has(only: str) -> str:
    return " || ".join(
        f"(has(self.source.{page}) && has(self.source.{page}.{only}) && self.source.{page}.{only})"
        for page in _PAGES
    )


def _no_track(kind: str) -> str:
    return (
        f"(has(self.source.trackComposite) && !has(self.source.trackComposite.{kind}Source)"
        f" && !has(self.source.trackComposite.{kind}TrackID))"
    )


_AUDIO_ONLY: Final = f"({_page_has('audioOnly')} || {_no_track('video')})"
_VIDEO_ONLY: Final = f"({_page_has('videoOnly')} || {_no_track('audio')})"


def _file_type(*types: str) -> str:
    listed = ", ".join(f"'{one}'" for one in types)
    return f"(has(self.outputs.file) && has(self.outputs.file.type) && self.outputs.file.type in [{listed}])"


def _advanced(*fields: str) -> str:
    any_of = " || ".join(f"has(self.encoding.advanced.{field})" for field in fields)
    return f"(has(self.encoding) && has(self.encoding.advanced) && ({any_of}))"


def _codec(codec: str) -> str:
    return (
        "(has(self.encoding) && has(self.encoding.advanced) && has(self.encoding.advanced.audioCodec)"
        f" && self.encoding.advanced.audioCodec == '{codec}')"
    )


_PRESET: Final = "(has(self.encoding) && has(self.encoding.preset))"
_AAC_NEEDED: Final = "(has(self.outputs.hls) || has(self.outputs.stream))"  # what hls and stream are made of


def matrix_rules(at: str) -> tuple[Rule, ...]:
    """Render the matrix for a RecordingSpec that stands at `at`."""
    return (*_track_rules(at), *_media_rules(at), *_codec_rules(at))


def _track_rules(at: str) -> tuple[Rule, ...]:
    return (
        Rule(
            at=at,
            rule="!has(self.source.track) || (has(self.outputs.file) != has(self.outputs.websocket)"
            " && !has(self.outputs.hls) && !has(self.outputs.images) && !has(self.outputs.stream))",
            message="source track takes exactly one output, file or websocket: use trackComposite for the others",
            field_path=".outputs",
        ),
        Rule(
            at=at,
            rule="has(self.source.track) || !has(self.outputs.websocket)",
            message="websocket is an output of source track only: it carries the raw sound of one track",
            field_path=".outputs.websocket",
        ),
        Rule(
            at=at,
            rule="!has(self.outputs.websocket) || !has(self.source.track) || !has(self.source.track.source)"
            " || self.source.track.source in ['microphone', 'screen_share_audio']",
            message="websocket carries sound only: source must be microphone or screen_share_audio",
            field_path=".outputs.websocket",
        ),
        Rule(
            at=at,
            rule="!has(self.source.track) || !has(self.encoding)",
            message="encoding is not for source track, which is not encoded again: remove it, or use trackComposite",
            field_path=".encoding",
        ),
        Rule(
            at=at,
            rule="!has(self.source.track) || !has(self.outputs.file) || !has(self.outputs.file.type)",
            message="type is not for source track, whose codec decides it: remove it, or use trackComposite",
            field_path=".outputs.file.type",
        ),
    )


def _media_rules(at: str) -> tuple[Rule, ...]:
    return (
        Rule(
            at=at,
            rule=f"!has(self.outputs.images) || !{_AUDIO_ONLY}",
            message="images need video, and this source has sound alone",
            field_path=".outputs.images",
        ),
        Rule(
            at=at,
            rule=f"!{_file_type('OGG', 'MP3')} || has(self.source.track) || {_AUDIO_ONLY}",
            message="type OGG and MP3 are for sound alone: set audioOnly: true, or give a trackComposite without video",
            field_path=".outputs.file.type",
        ),
        Rule(
            at=at,
            rule=f"!{_AUDIO_ONLY} || (!{_PRESET} && !{_advanced(*_VIDEO_NUMBERS)})",
            message="this source has sound alone: of encoding, only audioCodec, audioBitrateKbps and audioFrequencyHertz of"
            " advanced count",
            field_path=".encoding",
        ),
        Rule(
            at=at,
            rule=f"!{_VIDEO_ONLY} || !{_advanced(*_AUDIO_NUMBERS)}",
            message="this source has no sound: of encoding, audioCodec, audioBitrateKbps and audioFrequencyHertz do not count",
            field_path=".encoding",
        ),
    )


def _codec_rules(at: str) -> tuple[Rule, ...]:
    return (
        Rule(
            at=at,
            rule=f"!{_file_type('OGG', 'MP3')} || !{_AAC_NEEDED}",
            message="type OGG and MP3 do not go with hls and stream, which need AAC: use MP4, or another Recording",
            field_path=".outputs.file.type",
        ),
        Rule(
            at=at,
            rule=f"!{_codec('OPUS')} || !({_AAC_NEEDED} || {_file_type('MP3')})",
            message="audioCodec OPUS is for files of type MP4 and OGG: hls and stream need AAC, and MP3 needs AC_MP3",
            field_path=".encoding.advanced.audioCodec",
        ),
        Rule(
            at=at,
            rule=f"!{_codec('AAC')} || !{_file_type('OGG', 'MP3')}",
            message="audioCodec AAC is for hls, stream and files of type MP4: OGG needs OPUS, and MP3 needs AC_MP3",
            field_path=".encoding.advanced.audioCodec",
        ),
        Rule(
            at=at,
            rule=f"!{_codec('AC_MP3')} || ({_file_type('MP3')} && !{_AAC_NEEDED})",
            message="audioCodec AC_MP3 is for files of type MP3 alone: MP4, hls and stream need AAC, and OGG needs OPUS",
            field_path=".encoding.advanced.audioCodec",
        ),
    )
