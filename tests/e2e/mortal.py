"""Runs operators that end themselves at a call they make for a Recording: a line of JSON on stdin starts one of them.

{"arguments": [...], "environment": {...}, "log": path, "calls": path, "end": [phase, call, number, when]} forks, and
answers with the process's id: what all of them import is read once. Without `calls` it is `roomkeeper` and nothing else.
CALLS gets a line of JSON for each call for a Recording. With an end, the process is killed when it makes that call for so
many times in its phase (start, stop, delete): `before` it is sent, or `after` it took effect, when nobody has seen its
answer. Which calls there are is not listed here: every method of both ports is wrapped, and a call counts when it is made
while a Recording is worked on, or is an Event about one. An entry point of the tests: the product has no switch for it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import signal
import sys
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.ports import Resource
from roomkeeper.cli import main as roomkeeper
from roomkeeper.domain.objects import RECORDING
from roomkeeper.engine.clock import SystemClock
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.outcomes import Outcome
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.settings import Settings
    from roomkeeper.engine.workers import Reconciler

T = TypeVar("T")

phase_of_task: ContextVar[str] = ContextVar("phase", default="")


@dataclass(slots=True)
class Fuse:
    """Notes the calls of each phase, and ends the process at one of them."""

    calls: int
    end: tuple[str, str, int]  # phase, call and which of these
    when: str
    last_phase: str = ""
    made: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def around(self, phase: str, call: str, answer: Awaitable[T]) -> T:
        """Make the call."""
        self.made[phase, call] += 1
        number, self.last_phase = self.made[phase, call], phase
        is_last = (phase, call, number) == self.end
        self._note(phase=phase, call=call, number=number, killed=is_last)
        if is_last and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return await answer
        finally:
            if is_last:
                os.kill(os.getpid(), signal.SIGKILL)

    def _note(self, **line: Any) -> None:
        os.write(self.calls, json.dumps(line).encode() + b"\n")


class MortalPort:
    """A port each of whose calls goes through the fuse, if it is made for a Recording."""

    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            phase = self._phase(args)
            if not phase:
                return await answer
            return await self._fuse.around(phase, describe(name, args, kwargs), answer)

        async def listing(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async def read() -> list[Any]:
                return [one async for one in method(*args, **kwargs)]

            phase = self._phase(args)
            answer = read()
            all_of_it = self._fuse.around(phase, describe(name, args, kwargs), answer) if phase else answer
            for one in await all_of_it:
                yield one

        return listing if inspect.isasyncgenfunction(method) else call

    def _phase(self, args: tuple[Any, ...]) -> str:
        """Return what is being done to a Recording; Events are written later, by nobody's reconcile."""
        bodies = [one for one in args if isinstance(one, dict)]
        if any(one.get("regarding", {}).get("kind") == RECORDING for one in bodies):
            return self._fuse.last_phase
        return phase_of_task.get()


def describe(method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the call as the table shows it: `patch recordings/status`, `list_egress active`."""
    what = [one.plural for one in args if isinstance(one, Resource)]
    if kwargs.get("subresource"):
        what = [f"{what[0]}/{kwargs['subresource']}"]
    if what:
        return f"{method} {what[0]}"
    return " ".join([method, *sorted(name for name, value in kwargs.items() if value)])


@dataclass(frozen=True, slots=True)
class Watched:
    """A reconciler of Recordings whose calls are known as those of a phase."""

    reconciler: Reconciler
    objects: ObjectCache

    async def reconcile(self, key: Key) -> Outcome:
        """Reconcile."""
        token = phase_of_task.set(self._phase(key))
        try:
            return await self.reconciler.reconcile(key)
        finally:
            phase_of_task.reset(token)

    def _phase(self, key: Key) -> str:
        found = self.objects.get(key)
        if found and found.deleted_at:
            return "delete"
        return "stop" if found and found.spec.get("desiredState") else "start"


class MortalOperator(Operator):
    """The operator on ports that end it."""

    fuse: Fuse

    @classmethod
    async def connect(cls, settings: Settings, clock: Clock | None = None) -> Self:
        """Build the operator on the real API server and the real LiveKit."""
        here = cls(
            settings,
            kubernetes=MortalPort(await KubernetesClient.connect(), cls.fuse),
            connect=lambda _, url, credentials: MortalPort(LiveKitClient(url, credentials), cls.fuse),
            clock=clock or SystemClock(),
        )
        reconcilers = {
            kind: Watched(reconciler, here.objects) if kind == RECORDING else reconciler
            for kind, reconciler in here.workers.reconcilers.items()
        }
        here.workers = Workers(here.queue, reconcilers, here.objects)
        return here


def run(order: dict[str, Any]) -> NoReturn:
    """Be an operator, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(opened, stream)
    os.environ.update(order["environment"])
    if order["calls"]:
        from roomkeeper import handlers  # noqa: PLC0415 - they register themselves, by the namespace in the environment

        *end, when = order["end"] or ("", "", 0, "")
        calls = os.open(order["calls"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        MortalOperator.fuse = Fuse(calls, tuple(end), when)
        handlers.Operator = MortalOperator  # type: ignore[misc]
    roomkeeper(order["arguments"])
    raise AssertionError("click ends the process")


def main() -> None:
    """Fork one operator after another; none outlives this process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    forked = []
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            run(json.loads(line))
        forked.append(pid)
        print(pid, flush=True)
    for pid in forked:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
