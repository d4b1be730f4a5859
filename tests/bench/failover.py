"""How long nobody works when the replica that does is told to stop, or is killed."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from typing import TYPE_CHECKING

from tests.bench.report import Latency
from tests.e2e.replicas import Replica, replicas
from tests.e2e.support import Cluster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from roomkeeper.localstack import LocalStack
    from tests.bench.fleet import Fleet

LEASE_SECONDS = 15
EDIT_SECONDS = 0.2
PATIENCE_SECONDS = 100.0
ENDS = (("told to stop", signal.SIGTERM, 3.0), ("killed", signal.SIGKILL, 20.0))


async def successions(
    stack: LocalStack,
    fleet: Fleet,
    names: Sequence[str],
    *,
    settings: Mapping[str, str],
    settled: Callable[[], Awaitable[None]],
) -> list[Latency]:
    """End the replica that works in each of these ways; the one that stands by knows all Rooms, and some are edited."""
    found = []
    with replicas(stack, Cluster(stack, fleet.namespace), stack.directory, LEASE_SECONDS) as made:
        works = made.start("first", port=stack.operator_port, **settings)
        await settled()
        for how, by, limit in ENDS:
            follows = made.start(f"after-{by.name.lower()}", **settings)
            took = await _until_first_write(stack, fleet, names, works=works, follows=follows, by=by)
            found.append(Latency(f"the next one writes, the first being {how}", [took], limit_seconds=limit))
            works = follows
    return found


async def _until_first_write(
    stack: LocalStack,
    fleet: Fleet,
    names: Sequence[str],
    *,
    works: Replica,
    follows: Replica,
    by: signal.Signals,
) -> float:
    since, ended = stack.audit.mark(), time.time()
    works.send(by)
    for name in itertools.cycle(names):
        await fleet.set_metadata(name, edit=str(time.monotonic_ns()))
        if written := follows.writes(since):
            return written[0].received - ended
        assert time.time() - ended < PATIENCE_SECONDS, "nobody has taken over"
        await asyncio.sleep(EDIT_SECONDS)
    raise AssertionError("there are no Rooms")
