"""Kubernetes Events (events.k8s.io/v1) about our objects: aggregated, rate-limited and never in the way."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

from roomkeeper.adapters.kubernetes.resources import EVENTS
from roomkeeper.adapters.ports import FencedError, ForbiddenError, KubernetesError, NotFoundError
from roomkeeper.api.common import GROUP, rfc3339_micro

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from roomkeeper.adapters.ports import Body, Clock, Kubernetes

_logger = logging.getLogger(__name__)

# Limits of the API server (kubernetes: pkg/apis/core/validation/events.go); the note's counts bytes.
_MAX_NOTE_BYTES = 1024
_MAX_INSTANCE_LENGTH = 128

_SERIES_WINDOW = timedelta(minutes=10)  # the same again within it is counted instead of recorded
_SERIES_INTERVAL = timedelta(minutes=1)  # between two writes of a count
_BURST = 25
_PER_SECOND = 5
_QUEUE_SIZE = 1000
_DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class EventNote:
    """What happened to which object. Equal notes are one series; type is "Normal" or "Warning"."""

    kind: str
    api_version: str
    namespace: str
    name: str
    uid: str
    type: str
    reason: str
    message: str
    action: str


@dataclass(slots=True)
class _Series:
    event_name: str
    observed: datetime
    written: datetime
    count: int = 1


class EventRecorder:
    """Writes Events in the background: emit() from anywhere in the loop, run() in a task of its own.

    An Event that cannot be written is lost: it is a hint for people, and conditions hold what is true.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        clock: Clock,
        *,
        instance: str,
        is_terminating: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Take `is_terminating(namespace)`: one that is being deleted takes no Events."""
        self.dropped = 0  # over the rate limit, or the queue was full
        self._kubernetes = kubernetes
        self._clock = clock
        self._is_terminating = is_terminating
        self._instance = instance[:_MAX_INSTANCE_LENGTH]
        self._queue: asyncio.Queue[EventNote] = asyncio.Queue(_QUEUE_SIZE)
        self._limiter = AsyncLimiter(_BURST, _BURST / _PER_SECOND)
        self._series: OrderedDict[EventNote, _Series] = OrderedDict()  # the longest silent first
        self._uncounted: dict[EventNote, _Series] = {}  # whose count is higher than the Event says
        self._stopping = asyncio.Event()
        self._reported_drops = 0

    def emit(self, note: EventNote) -> None:
        """Queue an Event; returns at once and raises nothing."""
        try:
            self._queue.put_nowait(note)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Write what is emitted until stop() is called, then what is still queued, for 5 s at most."""
        while not self._stopping.is_set():
            note = await self._next()
            if note is not None:
                await self._record(note)
            await self._write_counts(_SERIES_INTERVAL)
            self._forget_old_series()
            if self._queue.empty():  # once per burst
                self._report_drops()
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._queue.empty():
                    await self._record(self._queue.get_nowait())
                await self._write_counts(timedelta())
        except TimeoutError:
            _logger.warning("Events were lost: the API server did not take them in time")
        self._report_drops()

    def stop(self) -> None:
        """Let run() finish."""
        self._stopping.set()

    async def _next(self) -> EventNote | None:
        """Wait for a note; None when stop() was called or it is time to look after the counts."""
        getting = asyncio.ensure_future(self._queue.get())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait(
                {getting, stopping},
                timeout=_SERIES_INTERVAL.total_seconds(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            stopping.cancel()

    async def _record(self, note: EventNote) -> None:
        if self._is_terminating(note.namespace):
            return
        now = self._clock.now()
        series = self._series.get(note)
        if series and now - series.observed < _SERIES_WINDOW:
            series.count += 1
            series.observed = now
            self._series.move_to_end(note)
            self._uncounted[note] = series
            return
        if not self._limiter.has_capacity():
            self.dropped += 1
            return
        event = _event(note, now, self._instance)
        if await self._write(note, event):
            self._series[note] = _Series(event_name=event["metadata"]["name"], observed=now, written=now)
            self._series.move_to_end(note)

    async def _write_counts(self, interval: timedelta) -> None:
        """Write the counts that changed and were not written for the interval."""
        now = self._clock.now()
        for note, series in list(self._uncounted.items()):
            if now - series.written < interval:
                continue
            if not self._limiter.has_capacity():
                return  # the next round writes it
            patch = {"series": {"count": series.count, "lastObservedTime": rfc3339_micro(series.observed)}}
            series.written = now
            del self._uncounted[note]
            if not await self._write(note, patch, event_name=series.event_name):
                self._series.pop(note, None)  # it may have expired: the next one is a new Event

    async def _write(self, note: EventNote, body: Body, *, event_name: str = "") -> bool:
        """Create an Event, or patch the named one; tell whether it is there."""
        await self._limiter.acquire()
        try:
            if event_name:
                await self._kubernetes.patch(EVENTS, namespace=note.namespace, name=event_name, patch=body)
            else:
                await self._kubernetes.create(EVENTS, body)
        except (NotFoundError, ForbiddenError, FencedError) as error:  # a namespace that is being deleted
            _logger.debug("Event %s: %s", note.reason, error, extra={"about": _about(note)})
            return False
        except KubernetesError as error:
            _logger.warning("Event %s is lost: %s", note.reason, error, extra={"about": _about(note)})
            return False
        return True

    def _forget_old_series(self) -> None:
        now = self._clock.now()
        while self._series:
            note, series = next(iter(self._series.items()))
            if now - series.observed < _SERIES_WINDOW:
                return
            del self._series[note]

    def _report_drops(self) -> None:
        if self.dropped > self._reported_drops:
            _logger.warning("%d Events dropped: over the limit of %d per second", self.dropped, _PER_SECOND)
            self._reported_drops = self.dropped


def _event(note: EventNote, now: datetime, instance: str) -> Body:
    return {
        "apiVersion": EVENTS.api_version,
        "kind": "Event",
        "metadata": {"namespace": note.namespace, "name": f"{note.name}.{secrets.token_hex(8)}"},
        "eventTime": rfc3339_micro(now),
        "type": note.type,
        "reason": note.reason,
        "note": note.message.encode()[:_MAX_NOTE_BYTES].decode(errors="ignore"),
        "action": note.action,
        "regarding": {
            "apiVersion": note.api_version,
            "kind": note.kind,
            "namespace": note.namespace,
            "name": note.name,
            "uid": note.uid,
        },
        "reportingController": f"{GROUP}/operator",
        "reportingInstance": instance,
    }


def _about(note: EventNote) -> dict[str, str]:
    """Return what a log line tells of the object that a note is about."""
    return {"kind": note.kind, "namespace": note.namespace, "name": note.name, "uid": note.uid}
