"""The mark by which an egress is known as ours: LiveKit gives no id to choose, but shows again what was asked.

A marker stands in every object key, in the metadata of objects in S3 and in the webhook URL of the egress, each time
at a place of its own, so that a file path which somebody copied from another Recording marks nothing: it stands at the
end of a file's name, and where a name has none, it is the folder of segments or images.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roomkeeper.domain.egress import Carried, Egress

METADATA_KEY = "roomkeeper-marker"
_TOKEN_LENGTH = 13  # 65 bits: shared by no two of some billions of Recordings
MARKER = re.compile(r"rk([a-z2-7]{13})-([1-9][0-9]{0,2})")
"""What one looks like."""
_FILE_END = re.compile(rf"(?:^|[-/])({MARKER.pattern})(?:\.[A-Za-z0-9]{{1,8}})?$")
# Only these are taken for an extension: "v1.2" may end a room's name.
_EXTENSION = re.compile(r"\.(?:mp4|ogg|mp3|webm|m4a|ivf|h264|aac)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marker:
    """Which attempt of which Recording."""

    token: str
    number: int

    def __str__(self) -> str:
        """Return it as it is written into requests."""
        return f"rk{self.token}-{self.number}"


def token(uid: str) -> str:
    """Return what all attempts of a Recording share, from its `metadata.uid`."""
    digest = hashlib.sha256(uid.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_TOKEN_LENGTH]


def marker(uid: str, number: int) -> Marker:
    """Return the mark of one attempt."""
    return Marker(token(uid), number)


def mark_file(path: str, mark: Marker) -> str:
    """Return the path of a file with the mark at the end of its name, before the extension."""
    extension = _EXTENSION.search(path)
    stem = path[: extension.start()] if extension else path
    separator = "" if not stem or stem.endswith("/") else "-"
    return f"{stem}{separator}{mark}{extension.group() if extension else ''}"


def mark_folder(folder: str, mark: Marker) -> str:
    """Return a folder of this attempt alone."""
    return f"{folder.rstrip('/')}/{mark}" if folder.rstrip("/") else str(mark)


def mark_url(url: str, mark: Marker) -> str:
    """Return the webhook URL of this attempt alone."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{mark}"))


def of(egress: Egress) -> frozenset[Marker]:
    """Return the marks that an egress carries: one, or none if it is not ours."""
    return frozenset(_found(egress.carried))


def belongs(egress: Egress, uid: str) -> bool:
    """Tell whether an egress is an attempt of this Recording."""
    wanted = token(uid)
    return any(mark.token == wanted for mark in of(egress))


def with_marker(egresses: Iterable[Egress], wanted: str) -> Egress | None:
    """Return the egress of an attempt, if it is among these; of several, one that runs.

    There are several where a worker refused the request at first: the next one is sent with the same mark.
    """
    ours = [egress for egress in egresses if any(str(mark) == wanted for mark in of(egress))]
    return max(ours, key=lambda egress: egress.state.is_live, default=None)


def ends_in_mark(name: str) -> bool:
    """Tell whether the name of a file reads as marked."""
    return bool(_FILE_END.search(name))


def _found(carried: Carried) -> Iterator[Marker]:
    for metadata in carried.metadata:
        yield from _whole(metadata.get(METADATA_KEY, ""))
    for url in carried.webhooks:
        yield from _whole(_path(url).rpartition("/")[2])
    for path in carried.paths:
        folder, _, name = path.rpartition("/")
        at_end = _FILE_END.search(name)
        yield from _whole(at_end[1] if at_end else folder.rpartition("/")[2])


def _whole(text: str) -> Iterator[Marker]:
    match = MARKER.fullmatch(text)
    if match:
        yield Marker(match[1], int(match[2]))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
