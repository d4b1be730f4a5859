"""From a Recording to what LiveKit is asked for: paths with their marker, below their prefix, and all in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.domain import markers, object_keys, recording_source, recordings
from roomkeeper.domain.egress import (
    EgressRequest,
    FileOutput,
    HLSOutput,
    ImagesOutput,
    S3Target,
    StreamOutput,
)
from roomkeeper.domain.object_keys import KeyTemplateError
from roomkeeper.domain.storages import Storage

if TYPE_CHECKING:
    from roomkeeper.api.recording import RecordingSpec
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.egress import Target
    from roomkeeper.domain.markers import Marker
    from roomkeeper.domain.recording_source import Tracks
    from roomkeeper.domain.recordings import RecordingWorld


_IMAGE = "image"


class Keys:
    """Where the media of one attempt go."""

    def __init__(self, spec: RecordingSpec, *, room_name: str, prefix: str, mark: Marker) -> None:
        """Take the prefix that the storage puts before every key."""
        # An identity only where the spec names it.
        identity = recording_source.identity(spec.source)
        self._known = object_keys.values(room_name=room_name, identity=identity)
        self._left = object_keys.left_to_the_worker(spec.source.kind)
        self._prefix = prefix
        self._mark = mark

    def file(self, template: str) -> str:
        """Return the path of a file; KeyTemplateError for one that may not be."""
        return self._checked(markers.mark_file(self._render(template), self._mark))

    def folder(self, template: str, longest: str) -> str:
        """Return a folder of this attempt alone, below the one that is declared, with room for the longest name in it."""
        folder = self._checked(markers.mark_folder(self._render(template), self._mark))
        object_keys.check(f"{folder}/{longest}")
        return folder

    def _render(self, template: str) -> str:
        return object_keys.render(template, known=self._known, left=self._left)

    def _checked(self, key: str) -> str:
        object_keys.check(self._prefix + key)
        return self._prefix + key


def unusable(spec: RecordingSpec, keys: Keys) -> Finding | None:
    """Return the first field that cannot become part of a key, and why; None: media may go where they are to."""
    for field, make in (
        ("spec.outputs.file.filepath", _file),
        ("spec.outputs.hls.segmentPrefix", _segment_prefix),
        ("spec.outputs.hls.directory", _hls),
        ("spec.outputs.images.directory", _images),
    ):
        try:
            make(spec, keys)
        except KeyTemplateError as error:
            return object_keys.refused(field, error)
    return None


def key_prefix(world: RecordingWorld) -> str:
    """Return what stands before every key: what the storage says, and in the worker's own a stranger's namespace."""
    namespace = world.recording.key.namespace
    if world.spec is None or world.spec.storage:
        return ""
    if isinstance(world.storage, Storage):
        return world.storage.key_prefix(namespace)
    return f"{namespace}/" if recordings.limits(world) else ""


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
        room_name="" if spec.source.kind is RecordingSource.WEB else room_name,
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


def _segment_prefix(spec: RecordingSpec, _: Keys) -> str:
    prefix = spec.outputs.hls.segment_prefix if spec.outputs.hls else ""
    if markers.ends_in_mark(prefix):
        raise KeyTemplateError("it must not end in what looks like the mark of a recording")
    return prefix


def _hls(spec: RecordingSpec, keys: Keys) -> HLSOutput | None:
    hls = spec.outputs.hls
    if hls is None:
        return None
    longest = max(hls.segment_prefix, hls.playlist_name, hls.live_playlist_name or "", key=len)
    return HLSOutput(
        prefix=f"{keys.folder(spec.effective_hls_directory, longest)}/{_segment_prefix(spec, keys)}",
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
        prefix=f"{keys.folder(spec.effective_images_directory, _IMAGE)}/{_IMAGE}",
        interval_seconds=images.interval_seconds,
        width=images.width or 0,
        height=images.height or 0,
    )
