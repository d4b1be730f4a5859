"""Runs the operator for a soak: python -m tests.e2e.soak.entry FILE, with the clock of moved_clock.py, which FILE moves.

/metrics also tells how many asyncio tasks there are, and how many keys are in the queue, due now or later: an entry point
of the tests, the product has no switch for it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily

from roomkeeper.cli.run import start
from roomkeeper.engine import metrics
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.settings import Settings
from tests.e2e.moved_clock import MovedClock
from tests.e2e.soak.samples import DELAYED, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric


class Inside:
    """What can only be counted inside the process, counted when somebody scrapes."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    def collect(self) -> Iterator[Metric]:
        """Count."""
        yield GaugeMetricFamily(TASKS, "asyncio tasks", value=len(asyncio.all_tasks()))
        yield GaugeMetricFamily(DELAYED, "keys that are due later", value=len(self._operator.queue._due))


class ObservedOperator(Operator):
    """The operator, with those in its metrics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        metrics.REGISTRY.register(Inside(self))  # type: ignore[arg-type]


if __name__ == "__main__":
    from roomkeeper import handlers

    handlers.Operator = ObservedOperator  # type: ignore[misc]
    start(Settings.from_environment(), clock=MovedClock(Path(sys.argv[1])))
