"""LiveKit's messages about egress as our plain values. Nothing is taken over that may hold a secret.

LiveKit redacts what it shows of a request, but not all of it: SRT addresses and errors keep their keys.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from livekit.protocol.egress import EgressStatus

from roomkeeper.domain.egress import Carried, Egress, EgressResult, EgressState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livekit.protocol.egress import EgressInfo, ListEgressResponse, S3Upload, StreamInfo

_STATES: Final = {
    EgressStatus.EGRESS_STARTING: EgressState.STARTING,
    EgressStatus.EGRESS_ACTIVE: EgressState.ACTIVE,
    EgressStatus.EGRESS_ENDING: EgressState.ENDING,
    EgressStatus.EGRESS_COMPLETE: EgressState.COMPLETE,
    EgressStatus.EGRESS_FAILED: EgressState.FAILED,
    EgressStatus.EGRESS_ABORTED: EgressState.ABORTED,
    EgressStatus.EGRESS_LIMIT_REACHED: EgressState.LIMIT_REACHED,
}
_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
"""LiveKit's are EG_ and letters and digits. They stand in status, in the log, and in a command that people may type."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS: Final = 1_000_000_000

_WITH_HOST: Final = frozenset({"rtmp", "rtmps", "srt", "ws", "wss"})
"""In addresses of other schemes, as mux://KEY and twitch://KEY, what stands in the place of a host is the key."""


def egresses(answer: ListEgressResponse) -> list[Egress]:
    """Take over the list, but for what has no id."""
    return [egress(info) for info in answer.items if _ID.fullmatch(info.egress_id)]


def one(info: EgressInfo) -> Egress:
    """Take over the one that was asked for; ValueError for an id that is none."""
    if not _ID.fullmatch(info.egress_id):
        raise ValueError("this is no egress id")
    return egress(info)


def egress(info: EgressInfo) -> Egress:
    """Take over all but the text of the error.

    A status that is new to us counts as FAILED. Every number beyond ours means "ended" to LiveKit itself: its list of the
    active has those below EGRESS_COMPLETE (livekit: pkg/service/redisstore.go, ListEgress). That it went well nobody says.
    """
    return Egress(
        id=info.egress_id,
        room_name=info.room_name,
        room_sid=info.room_id,
        state=_STATES.get(info.status, EgressState.FAILED),
        started_at=_time(info.started_at),
        recording_since=_recording_since(info),
        ended_at=_time(info.ended_at),
        changed_at=_time(info.updated_at),
        error_code=max(info.error_code, 0),
        has_error=bool(info.error),
        backup_storage_used=info.backup_storage_used,
        carried=_carried(info),
        results=tuple(_results(info)),
    )


def _time(nanoseconds: int) -> datetime | None:
    """Return the time; 0 and less means that it has not come. The greatest is in the year 2262."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000) if nanoseconds > 0 else None


def _recording_since(info: EgressInfo) -> datetime | None:
    """Return when the first output began (egress: pkg/pipeline/controller.go, updateStartTime)."""
    results = (info.file_results, info.segment_results, info.image_results, info.stream_results)
    begun = [result.started_at for of_kind in results for result in of_kind if result.started_at > 0]
    return _time(min(begun, default=0))


def _carried(info: EgressInfo) -> Carried:
    """Return what the request shows, whichever version of the API it was made with, and by whomever."""
    request = _request(info)
    if request is None:
        return Carried()
    outputs = tuple(_outputs(request))
    return Carried(
        paths=tuple(path for path in map(_path, outputs) if path),
        metadata=tuple(dict(output.s3.metadata) for output in _uploads(request) if output.s3.metadata),
        webhooks=tuple(webhook.url for webhook in request.webhooks if webhook.url),
    )


def _request(info: EgressInfo) -> Any:
    """Return what was asked for, of one of the sources; None if it is not shown."""
    name = info.WhichOneof("request")
    return getattr(info, name) if name else None


def _outputs(request: Any) -> Iterator[Any]:
    """Yield the outputs that are stored: each has a path and, but for a file of version 2, where it is put."""
    fields = request.DESCRIPTOR.fields_by_name
    for name in ("file_outputs", "segment_outputs", "image_outputs"):
        yield from getattr(request, name, ())
    for name in ("file", "segments"):  # of a track, and what there was before the lists
        if name in fields and request.HasField(name):
            yield getattr(request, name)
    for output in getattr(request, "outputs", ()):
        kind = output.WhichOneof("config")
        if kind in ("file", "segments", "images"):
            yield getattr(output, kind)


def _uploads(request: Any) -> Iterator[Any]:
    """Yield whatever may name a bucket: outputs of version 1, and the storage of version 2 and of its outputs."""
    yield from (output for output in _outputs(request) if "s3" in output.DESCRIPTOR.fields_by_name)
    yield from (output.storage for output in getattr(request, "outputs", ()))
    if "storage" in request.DESCRIPTOR.fields_by_name:
        yield request.storage


def _path(output: Any) -> str:
    """Return the path or prefix as it was asked for."""
    return str(getattr(output, "filepath", "") or getattr(output, "filename_prefix", ""))


def _results(info: EgressInfo) -> Iterator[EgressResult]:
    buckets = _buckets(info)
    for file in info.file_results:
        yield EgressResult(
            "File",
            filename=file.filename,
            location=_place(file.location, buckets),
            size_bytes=max(file.size, 0),
            duration_seconds=_seconds(file.duration),
        )
    for segments in info.segment_results:
        yield EgressResult(
            "HLS",
            filename=segments.playlist_name,
            size_bytes=max(segments.size, 0),
            duration_seconds=_seconds(segments.duration),
            playlist_location=_place(segments.playlist_location, buckets),
            live_playlist_location=_place(segments.live_playlist_location, buckets),
            segment_count=max(segments.segment_count, 0),
        )
    for images in info.image_results:
        yield EgressResult("Images", filename=images.filename_prefix, image_count=max(images.image_count, 0))
    for stream in info.stream_results:
        yield EgressResult("Stream", filename=_host(stream), duration_seconds=_seconds(stream.duration))


def _buckets(info: EgressInfo) -> dict[str, str]:
    """Return what Egress takes for the address of each bucket whose endpoint was named, and the true one.

    It puts https and the bucket before whatever the endpoint is, with http or https and path style too (egress:
    pkg/pipeline/sink/uploader/s3.go; later versions do so without path style only: livekit/storage, s3.go).
    """
    request = _request(info)
    uploads = _uploads(request) if request is not None else ()
    return {
        f"https://{upload.s3.bucket}.{upload.s3.endpoint}": _bucket(upload.s3)
        for upload in uploads
        if "://" in upload.s3.endpoint
    }


def _bucket(s3: S3Upload) -> str:
    endpoint = s3.endpoint.rstrip("/")
    if s3.force_path_style:
        return f"{endpoint}/{s3.bucket}"
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{s3.bucket}.{host}"


def _place(location: str, buckets: Mapping[str, str]) -> str:
    """Return the address without its query, which is the signature of an address that Egress has signed."""
    place = location.partition("?")[0]
    for told, true in buckets.items():
        if place.startswith(f"{told}/"):
            return f"{true}/{place.removeprefix(told).lstrip('/')}"
    return place


def _seconds(nanoseconds: int) -> float:
    return max(nanoseconds, 0) / _NANOSECONDS


def _host(stream: StreamInfo) -> str:
    """Return the host that is streamed to, and nothing else of the address."""
    try:
        parts = urlsplit(stream.url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in _WITH_HOST else ""
