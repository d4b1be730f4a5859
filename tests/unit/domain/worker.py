"""What an Egress worker makes of paths, ported: livekit/egress v1.8.6, pkg/config/output_{file,segment,image}.go."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.domain.egress import EgressRequest, FileOutput, HLSOutput

KNOWN_EXTENSIONS = {".raw", ".ogg", ".ivf", ".mp4", ".ts", ".webm", ".m3u8", ".jpeg"}
_EXTENSION_OF_TYPE = {"MP4": ".mp4", "OGG": ".ogg", "MP3": ".mp3"}
SEEN = 3  # segments and images of each egress


def clean(path: str) -> str:
    """Return the path without what leads out of it (clean)."""
    cleaned = posixpath.normpath(path) if path else "."
    while cleaned.startswith("../"):
        cleaned = cleaned[3:]
    if cleaned in (".", ".."):
        return ""
    return f"{cleaned}/" if path.endswith("/") else cleaned


def replaced(path: str, variables: Mapping[str, str]) -> str:
    """Return the path with the worker's own variables put in (stringReplace)."""
    for name, value in variables.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def keys(sent: EgressRequest, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the keys of all objects that an egress uploads, but for the manifest, which is named by its egress."""
    if sent.file:
        yield _file(sent.file, variables)
    if sent.hls:
        yield from _segments(sent.hls, variables)
    if sent.images:
        prefix = replaced(clean(sent.images.prefix), variables)
        yield from (f"{prefix}_{number:05d}.jpeg" for number in range(SEEN))


def _file(file: FileOutput, variables: Mapping[str, str]) -> str:
    path = replaced(clean(file.path), variables)
    extension = _EXTENSION_OF_TYPE.get(file.type, ".webm")  # of a track, by its codec
    if path.endswith(extension):
        return path
    stem, dot, end = path.rpartition(".")
    return f"{stem if dot and f'.{end}' in KNOWN_EXTENSIONS else path}{extension}"


def _segments(hls: HLSOutput, variables: Mapping[str, str]) -> Iterator[str]:
    prefix = replaced(clean(hls.prefix), variables)
    folder = prefix.rpartition("/")[0]
    for name in (hls.playlist_name, hls.live_playlist_name):
        if name:
            yield f"{folder}/{name.removesuffix('.m3u8')}.m3u8"
    yield from (f"{prefix}_{number:05d}.ts" for number in range(SEEN))
