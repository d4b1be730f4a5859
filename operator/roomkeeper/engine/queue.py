"""The work queue: which keys want a reconcile, now or later.

A key is handed to one worker at a time and is queued once however often it is added. What was added while its
reconcile ran makes it come again. Keys that people or LiveKit woke go before those of new objects, and these before
those of the initial list.

Keys are in lanes. Lanes take turns, and so many keys of one are handed out at a time: whoever has a LiveKit that never
answers, or thousands of objects, makes nobody else wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import random
from collections import Counter, OrderedDict, deque
from enum import IntEnum
from typing import TYPE_CHECKING

from roomkeeper.engine import backoff, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.objects import Key

    Lanes = OrderedDict[Hashable, deque[Key]]

FIRST_BACKOFF_SECONDS = 0.5
# What was in the way has gone, and all is done within 30 s: a call that hung takes half of that to be given up.
LONGEST_BACKOFF_SECONDS = 12.0
# Tokens expire by the wall clock, and a loop timer sees neither a suspended machine nor a clock that was set.
LONGEST_NAP_SECONDS = 1.0
MOST_STALE = 64  # replaced entries that a small heap may keep until they are due
LANE_WIDTH = 32  # keys of one lane that are handed out at a time
CLOCK_WAS_SET_SECONDS = 5.0  # ahead of what the monotonic clock counted; less is the slewing of NTP


class Priority(IntEnum):
    """Lower numbers go first."""

    URGENT = 0  # somebody edited what there is, or LiveKit told of it
    NEW = 1  # declared just now; perhaps thousands at once, for which no edit is to wait
    BACKGROUND = 2


def _one_lane(_: Key) -> Hashable:
    return None


class WorkQueue:
    """A de-duplicating queue with delays and per-key exponential backoff (after client-go's workqueue)."""

    def __init__(self, clock: Clock, lane_of: Callable[[Key], Hashable] = _one_lane) -> None:
        """Start empty; `lane_of` tells the lane of a key, which may be another one the next time."""
        self._clock = clock
        self._lane_of = lane_of
        # By priority: keys by lane, the lane that was served longest ago first.
        self._ready: tuple[Lanes, ...] = tuple(OrderedDict() for _ in Priority)
        self._lanes: dict[Key, Hashable] = {}  # of keys that are being processed
        self._taken: Counter[Hashable] = Counter()
        self._waiting: dict[Key, Priority] = {}
        self._processing: set[Key] = set()
        self._again: dict[Key, Priority] = {}
        self._since: dict[Key, float] = {}  # when a key was added or due first
        self.given = 0  # keys that were handed out so far
        self._available = asyncio.Semaphore(0)
        self._in_vain = 0  # workers that came for a key and found its lane full
        self._delayed: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._asked: dict[Key, float] = {}  # of keys that are being processed: when others want them back
        self._earlier = asyncio.Event()
        self._failures: dict[Key, int] = {}
        self._is_shut = False

    def __len__(self) -> int:
        """Count the keys that wait for a worker."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Tell whether no key waits and none is being worked on."""
        return not self._waiting and not self._processing

    @property
    def has_work(self) -> bool:
        """Tell whether a key waits that a worker could have: one whose lane is not full."""
        return any(
            self._taken[lane] < LANE_WIDTH and any(self._waiting.get(key) == priority for key in keys)
            for priority in Priority
            for lane, keys in self._ready[priority].items()
        )

    @property
    def running(self) -> int:
        """Count the keys that are being worked on."""
        return len(self._processing)

    @property
    def oldest_seconds(self) -> float:
        """Return for how long the key waits that waits longest; 0 when none does."""
        now = self._clock.monotonic()
        return now - min((self._since[key] for key in self._waiting), default=now)

    def add(self, key: Key, priority: Priority = Priority.URGENT, *, since: float | None = None) -> None:
        """Queue the key, unless it waits already with that priority or a better one; it waits `since` then, else now."""
        queued = self._again if key in self._processing else self._waiting
        if queued.get(key, Priority.BACKGROUND + 1) <= priority:
            return
        queued[key] = priority
        self._since.setdefault(key, self._clock.monotonic() if since is None else since)
        if queued is self._waiting:
            self._ready[priority].setdefault(self._lane_of(key), deque()).append(key)
            self._available.release()

    def add_after(self, key: Key, seconds: float | None, *, keep_earlier: bool = False) -> None:
        """Queue the key in so many seconds, instead of when it was due before; None: not by time.

        With `keep_earlier`, no later than it is due already. Where that is asked for while the key is processed, what the
        end of this says of it does not replace it.
        """
        due = math.inf if seconds is None else self._clock.monotonic() + seconds
        if keep_earlier:
            due = min(due, self._due.get(key, due))
            if key in self._processing:
                self._asked[key] = due
        else:
            due = min(due, self._asked.pop(key, due))
        if due == math.inf:
            self._due.pop(key, None)
            return
        if self._due.get(key) == due:
            return
        self._due[key] = due
        heapq.heappush(self._delayed, (due, key))
        if len(self._delayed) > 2 * len(self._due) + MOST_STALE:
            self._drop_stale()
        if self._delayed[0][1] == key:
            self._earlier.set()

    def withdraw(self, key: Key) -> None:
        """Take a key that waits out of the queue."""
        if self._waiting.pop(key, None) is not None:
            del self._since[key]

    def retry(self, key: Key) -> float:
        """Queue the key after its backoff, and return that in seconds."""
        metrics.QUEUE_RETRIES.labels(key.kind).inc()
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        grown = backoff.grown(failures, first=FIRST_BACKOFF_SECONDS, longest=LONGEST_BACKOFF_SECONDS)
        delay = grown * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Start the key's backoff anew."""
        self._failures.pop(key, None)

    def shut_down(self) -> None:
        """Hand out no more keys: whoever waits for one, or comes for one, gets None."""
        self._is_shut = True
        self._available.release()

    async def get(self) -> Key | None:
        """Wait for a key and take it; it must be given back with `done`. None: there will be no more."""
        while True:
            await self._available.acquire()
            if self._is_shut:
                self._available.release()  # for the next one that waits
                return None
            key = self._take()
            if key is not None:
                return key
            self._in_vain += any(self._ready)

    def done(self, key: Key) -> None:
        """Give the key back; it comes again at once if it was added meanwhile."""
        self._processing.discard(key)
        self._asked.pop(key, None)
        lane = self._lanes.pop(key)
        if self._in_vain and any(lane in lanes for lanes in self._ready):
            self._in_vain -= 1
            self._available.release()
        self._taken[lane] -= 1
        if not self._taken[lane]:
            del self._taken[lane]
        priority = self._again.pop(key, None)
        if priority is not None:
            self.add(key, priority)

    async def run_timers(self) -> None:
        """Move keys that are due into the queue, for ever."""
        difference = self._difference()
        while True:
            self._earlier.clear()
            now = self._clock.monotonic()
            if self._difference() - difference > CLOCK_WAS_SET_SECONDS:
                self._hurry(now)
            difference = self._difference()
            while self._delayed and self._delayed[0][0] <= now:
                due, key = heapq.heappop(self._delayed)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key, Priority.BACKGROUND, since=due)
            until_next = self._delayed[0][0] - now if self._delayed else LONGEST_NAP_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(until_next, LONGEST_NAP_SECONDS)):
                    await self._earlier.wait()

    def _drop_stale(self) -> None:
        """Build the heap anew without the times that others have replaced: some lie an hour ahead."""
        self._delayed = [(due, key) for key, due in self._due.items()]
        heapq.heapify(self._delayed)

    def _difference(self) -> float:
        """Return by how much the wall clock is ahead of the monotonic one: constant, until somebody sets it."""
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _hurry(self, now: float) -> None:
        """Make every delayed key due: it was put off by a clock that has since jumped ahead; so will be what is worked on."""
        for key in self._processing:
            self.add(key, Priority.BACKGROUND)
        self._due = dict.fromkeys(self._due, now)
        self._delayed = [(now, key) for key in self._due]

    def _take(self) -> Key | None:
        for priority in Priority:
            lanes = self._ready[priority]
            for lane in [lane for lane in lanes if self._taken[lane] < LANE_WIDTH]:
                key = self._next(lanes[lane], priority)
                lanes.move_to_end(lane)
                if not lanes[lane]:
                    del lanes[lane]
                if key:
                    self._processing.add(key)
                    self._lanes[key] = lane
                    self._taken[lane] += 1
                    self.given += 1
                    return key
        return None

    def _next(self, keys: deque[Key], priority: Priority) -> Key | None:
        """Take the first key of a lane, past those that were withdrawn, or queued again with a better priority."""
        while keys:
            key = keys.popleft()
            if self._waiting.get(key) == priority:
                del self._waiting[key]
                metrics.QUEUE_WAIT_SECONDS.observe(self._clock.monotonic() - self._since.pop(key))
                return key
        return None
