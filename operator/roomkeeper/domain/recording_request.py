"""From a Recording to what LiveKit is asked for: paths with their marker, below their prefix, and all in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.domain import markers, object_keys, recording_source
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.egress import (
    EgressRequest,
    FileOutput,
    HLSOutput,
    ImagesOutput,
    S3Target,
    StreamOutput,
)
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.api.recording import RecordingSpec
    from roomkeeper.domain.egress import Target
    from roomkeeper.domain.markers import Marker
    from roomkeeper.domain.recording_source import Tracks


class Keys:
    """Where the media of one attempt go."""

    def __init__(self, spec: RecordingSpec, *, room_name: str, prefix: str, mark: Marker) -> None:
        """Take the prefix that the storage puts before every key."""
        self._known = known_values(spec, room_name)
        self._left = object_keys.left_to_the_worker(spec.source.kind)
        self._prefix = prefix
        self._mark = mark

    def file(self, template: str) -> str:
        """Return the path of a file; KeyTemplateError for one that may not be."""
        return self._checked(markers.mark_file(self._render(template), self._mark))

    def folder(self, template: str) -> str:
        """Return a folder of this attempt alone, below the one that is declared."""
        return self._checked(markers.mark_folder(self._render(template), self._mark))

    def _render(self, template: str) -> str:
        return object_keys.render(template, known=self._known, left=self._left)

    def _checked(self, key: str) -> str:
        object_keys.check(self._prefix + key)
        return self._prefix + key


def templates(spec: RecordingSpec) -> Iterator[tuple[str, str]]:
    """Yield each field that becomes part of a key, with its template."""
    outputs = spec.outputs
    if outputs.file:
        yield "spec.outputs.file.filepath", spec.effective_filepath
    if outputs.hls:
        yield "spec.outputs.hls.directory", spec.effective_hls_directory
    if outputs.images:
        yield "spec.outputs.images.directory", spec.effective_images_directory


def no_url(secret: str, *, key: str = "") -> Finding:
    """Say that a Secret names no address to send to."""
    return Finding(Reason.SECRET_NOT_FOUND, f"Secret {secret!r} has no {key or 'URL in it'}")


def known_values(spec: RecordingSpec, room_name: str) -> Mapping[str, str]:
    """Return what is rendered into keys; an identity only where the spec names it."""
    return object_keys.values(room_name=room_name, identity=recording_source.identity(spec.source))


def build(
    spec: RecordingSpec,
    *,
    room_name: str,
    mark: Marker,
    prefix: str,
    target: Target | None,
    tracks: Tracks,
    stream_urls: tuple[str, ...] = (),
    websocket_url: str = "",
    webhook_url: str = "",
    signing_key: str = "",
) -> EgressRequest:
    """Return the request of one attempt; KeyTemplateError where its media may not go."""
    outputs = spec.outputs
    keys = Keys(spec, room_name=room_name, prefix=prefix, mark=mark)
    return EgressRequest(
        source=spec.source,
        room_name=room_name,
        audio_track=tracks.audio,
        video_track=tracks.video,
        file=_file(spec, keys),
        hls=_hls(spec, keys),
        images=_images(spec, keys),
        stream=StreamOutput(str(outputs.stream.protocol), stream_urls) if outputs.stream else None,
        websocket_url=websocket_url,
        encoding=spec.encoding,
        disable_manifest=spec.disable_manifest,
        target=target,
        metadata={markers.METADATA_KEY: str(mark)} if isinstance(target, S3Target) else {},
        webhook_url=markers.mark_url(webhook_url, mark) if webhook_url else "",
        signing_key=signing_key if webhook_url else "",
    )


def _file(spec: RecordingSpec, keys: Keys) -> FileOutput | None:
    if spec.outputs.file is None:
        return None
    return FileOutput(keys.file(spec.effective_filepath), str(spec.effective_file_type or ""))


def _hls(spec: RecordingSpec, keys: Keys) -> HLSOutput | None:
    hls = spec.outputs.hls
    if hls is None:
        return None
    return HLSOutput(
        prefix=f"{keys.folder(spec.effective_hls_directory)}/{hls.segment_prefix}",
        playlist_name=hls.playlist_name,
        live_playlist_name=hls.live_playlist_name or "",
        segment_seconds=hls.segment_seconds,
        suffix=str(hls.filename_suffix),
    )


def _images(spec: RecordingSpec, keys: Keys) -> ImagesOutput | None:
    images = spec.outputs.images
    if images is None:
        return None
    return ImagesOutput(
        prefix=f"{keys.folder(spec.effective_images_directory)}/image",
        interval_seconds=images.interval_seconds,
        width=images.width or 0,
        height=images.height or 0,
    )
