"""The addresses that a Recording streams to: status has their hashes alone, as an address holds a key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from roomkeeper.api.recording_outputs import MAX_STREAM_URLS
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recordings import StreamChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.domain.objects import CustomObject


def url_hash(uid: str, url: str) -> str:
    """Return what status keeps of an address that holds a key."""
    return hashlib.sha256(f"{uid}\n{url}".encode()).hexdigest()[:16]


def declared(secret: str, entries: Mapping[str, str]) -> tuple[str, ...] | Finding:
    """Return the addresses in a Secret, or that they are too many."""
    urls = tuple(sorted({url for url in entries.values() if url}))
    if len(urls) > MAX_STREAM_URLS:
        text = f"Secret {secret!r} has {len(urls)} addresses, and {MAX_STREAM_URLS} are the most"
        return Finding(Reason.SECRET_NOT_FOUND, text)
    return urls


def no_url(secret: str, *, key: str = "") -> Finding:
    """Say that a Secret names no address to send to."""
    return Finding(Reason.SECRET_NOT_FOUND, f"Secret {secret!r} has no {key or 'URL in it'}")


def change(
    recording: CustomObject, urls: Iterable[str], *, known: Mapping[str, str], may_add: bool
) -> StreamChange:
    """Return what to add and to remove. An address of which only the hash is known cannot be removed, and keeps its place."""
    wanted = {url_hash(recording.uid, url): url for url in urls}
    applied = set(recording.status.get("appliedStreams", ()))
    addresses = {**known, **wanted}
    gone = sorted(applied - wanted.keys())
    lost = [one for one in gone if one not in addresses]
    kept = [one for one in wanted if one in applied]
    room = MAX_STREAM_URLS - len(lost) - len(kept) if may_add else 0
    new = [one for one in wanted if one not in applied][:room]
    return StreamChange(
        add=tuple(wanted[one] for one in new),
        remove=tuple(addresses[one] for one in gone if one in addresses),
        applied=tuple(sorted(applied)),
    )
