"""What an operator needs over time: memory, tasks, open files and keys that wait, and whether that grows."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Self
from urllib import request

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1024 * 1024
TASKS = "soak_tasks"
DELAYED = "soak_delayed_keys"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at /metrics, so many seconds after the first."""

    at: float
    rss: float  # MB
    tasks: float
    files: float
    queued: float  # keys that wait for a worker
    delayed: float  # keys that are due later
    objects: float

    def __str__(self) -> str:
        return (
            f"{self.at / 60:7.1f} {self.rss:8.1f} {self.tasks:6.0f} {self.files:6.0f} {self.queued:7.0f} "
            f"{self.delayed:8.0f} {self.objects:8.0f}"
        )


HEADER = "minutes   RSS MB  tasks  files  queued  delayed  objects"


class Samples:
    """Takes one each `seconds`, in a thread, and prints it."""

    def __init__(self, port: int, seconds: float, show: Callable[[str], None] = print) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"
        self._seconds = seconds
        self._show = show
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.taken: list[Sample] = []

    def __enter__(self) -> Self:
        self._show(HEADER)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.taken.append(self._take())
            self._show(str(self.taken[-1]))

    def _take(self) -> Sample:
        with request.urlopen(self._url, timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        sums: dict[str, float] = {}
        for family in families:
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        return Sample(
            at=time.monotonic() - self._began,
            rss=sums["process_resident_memory_bytes"] / MEGABYTE,
            tasks=sums[TASKS],
            files=sums["process_open_fds"],
            queued=sums["roomkeeper_queue_depth"],
            delayed=sums[DELAYED],
            objects=sums["roomkeeper_objects"],
        )

    def growth(self, of: str, *, warm_up: float) -> tuple[float, float]:
        """Return the medians of a value after the warm-up, a share of the time, and at the end."""
        values = [getattr(sample, of) for sample in self.taken]
        begin, some = int(len(values) * warm_up), max(1, len(values) // 6)
        return median(values[begin : begin + some]), median(values[-some:])
