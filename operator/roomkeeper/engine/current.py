"""Which reconcile the present task is about: for log lines, spans, and whoever looks whether it goes on."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.domain.objects import Key


@dataclass(slots=True, eq=False)
class Run:
    """One reconcile while it runs."""

    key: Key
    uid: str = ""  # "": there is no such object
    generation: int = 0
    calls: int = 0  # to the outside that have ended, well or not
    outcome: str = ""  # "": it has not ended
    trace_id: str = ""  # "": it is not traced


_current: ContextVar[Run | None] = ContextVar("roomkeeper_reconcile", default=None)


@contextmanager
def running(run: Run) -> Iterator[None]:
    """Have this task, and those that it makes, be about one reconcile."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)


def get() -> Run | None:
    """Return the reconcile that the present task is about; None: about none."""
    return _current.get()


def note_call() -> None:
    """Remember that a call to the outside has ended: a sign of life."""
    run = _current.get()
    if run:
        run.calls += 1
