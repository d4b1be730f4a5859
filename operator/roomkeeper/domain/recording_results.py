"""What came of the attempts, kept in status before LiveKit forgets it after 24 hours."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import MAX_INT32, MAX_SAFE_INTEGER, rfc3339
from roomkeeper.api.recording_status import MAX_LOCATION, MAX_OBJECT_KEY
from roomkeeper.domain.egress import EgressState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.egress import Egress, EgressResult

# What the API server takes; whoever holds a LiveKit may tell of anything.
LONGEST = {
    "filename": MAX_OBJECT_KEY,
    **dict.fromkeys(("location", "playlistLocation", "livePlaylistLocation"), MAX_LOCATION),
}
STORED = frozenset({"File", "HLS", "Images"})  # of a stream, nothing is left

_WITHOUT_MEDIA = frozenset({EgressState.STARTING, EgressState.ABORTED})


def merged(
    before: Iterable[Mapping[str, Any]], known: tuple[Attempt, ...], egress: Egress | None
) -> list[dict[str, Any]]:
    """Return the results of all attempts; those of the last one as its egress shows them now."""
    kept = [dict(result) for result in before]
    number = next((attempt.number for attempt in known if egress and attempt.egress_id == egress.id), None)
    if egress is None or number is None:
        return kept
    others = [result for result in kept if result["attempt"] != number]
    if egress.state in _WITHOUT_MEDIA:
        return others  # it only names what there would be
    first = {result.type: result for result in reversed(egress.results) if result.type in STORED}
    if not first:
        return kept
    return others + [_render(number, first[kind], egress) for kind in sorted(first)]


def gaps(known: tuple[Attempt, ...]) -> list[dict[str, str]]:
    """Return the times between one attempt and the next in which nothing was recorded."""
    recorded = [attempt for attempt in known if attempt.started_at]
    return [
        {"from": rfc3339(earlier.ended_at), "to": rfc3339(later.started_at)}
        for earlier, later in pairwise(recorded)
        if earlier.ended_at and later.started_at and later.started_at > earlier.ended_at
    ]


def _render(number: int, result: EgressResult, egress: Egress) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "filename": result.filename,
        "location": result.location,
        "sizeBytes": min(result.size_bytes, MAX_SAFE_INTEGER),
        "durationSeconds": min(round(result.duration_seconds), MAX_INT32),
        "playlistLocation": result.playlist_location,
        "livePlaylistLocation": result.live_playlist_location,
        "segmentCount": min(result.segment_count, MAX_INT32),
        "imageCount": min(result.image_count, MAX_INT32),
        "backupStorageUsed": egress.backup_storage_used,
    }
    cut = {name: value[: LONGEST[name]] if name in LONGEST else value for name, value in shown.items()}
    return {"attempt": number, "type": result.type} | {name: value for name, value in cut.items() if value}
