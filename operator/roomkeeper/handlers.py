"""Kopf's side: it watches, and hands every event on. Run it with `roomkeeper run`, or `kopf run -m roomkeeper.handlers`.

Only `on.event` is used. Kopf's other handlers write annotations and finalizers of their own, and its daemons, timers
and indexes cost a task or more per object; the engine does their work from a queue.

Under `kopf run` the settings come from the environment; restricted to namespaces, name them in ROOMKEEPER_NAMESPACE too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import kopf

from roomkeeper import logs
from roomkeeper.adapters.kubernetes.authentication import Authentication
from roomkeeper.adapters.kubernetes.watching import WatchSession
from roomkeeper.adapters.ports import KubernetesError
from roomkeeper.api.common import GROUP, LABEL_MANAGED_BY, MANAGED_BY
from roomkeeper.engine import tracing
from roomkeeper.engine.election import LeaseLostError
from roomkeeper.engine.health import Health
from roomkeeper.engine.kinds import KINDS, selectors
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.settings import Settings
from roomkeeper.http import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.adapters.ports import Clock

logger = logging.getLogger(__name__)

# The API server takes objects nested 10 000 deep (sigs.k8s.io/json). Python's default would let a single one of them,
# of a single tenant, end every list and watch.
DEEPEST_JSON = 30_000

# For a page of a list, and until a watch begins; by default Kopf waits for an answer for 5 minutes.
LONGEST_REQUEST_SECONDS = 30.0


class EndlessBackoffs:
    """Seconds between Kopf's attempts, for ever: the default gives up after a minute and ends the process."""

    def __iter__(self) -> Iterator[float]:
        """Yield 1, 1.5, 2.25, … 15, 15, … with jitter: what follows an outage is late by a share of it."""
        seconds = 1.0
        while True:
            yield seconds * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            seconds = min(seconds * 1.5, 15.0)


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-handled state: nobody asks for differences, and making one copies every object."""

    def build(self, **_: Any) -> Any:
        """Return nothing to compare."""
        return {}

    def fetch(self, **_: Any) -> Any:
        """Return that nothing was kept."""
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing."""


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: Any, **_: Any) -> None:
    """Tune Kopf to read only, and start the engine and the HTTP server beside it."""
    _tune(settings)
    sys.setrecursionlimit(DEEPEST_JSON)
    clock: Clock | None = memo.get("clock")
    try:
        chosen: Settings | None = memo.get("settings")
        if chosen is None:  # run by Kopf's own command, which has written lines in its own way until now
            chosen = Settings.from_environment()
            logs.configure(chosen.log_format, chosen.log_level)
        for resource, selector in selectors(chosen.shard).items():
            settings.watching.label_selectors[resource.group, resource.version, resource.plural] = selector
        tracing.start()
        memo.operator = await Operator.connect(chosen, clock)
        health = Health(memo.operator)
        memo.http = HttpServer(memo.operator, health)
        await memo.http.start()
    except (ValueError, KubernetesError, OSError) as error:
        # Anything else than a PermanentError would be tried again every minute, in silence.
        raise kopf.PermanentError(str(error)) from None
    memo.beating = asyncio.create_task(health.run(), name="heartbeat")
    memo.running = asyncio.create_task(memo.operator.run(), name="roomkeeper")
    for task in (memo.beating, memo.running):
        task.add_done_callback(_end_process)
    await asyncio.sleep(0)  # Kopf sets its own handlers as soon as it has started this one
    _heed_signals(memo.operator)


@kopf.on.cleanup()
async def stop(memo: Any, **_: Any) -> None:
    """Wait until the engine has finished, before Kopf looks for tasks that hang; Kopf itself sets no limit here."""
    failure: BaseException | None = None
    if "running" in memo:
        memo.operator.stop()
        [failure] = await asyncio.gather(memo.running, return_exceptions=True)
    if "http" in memo:
        await memo.http.stop()
    if "beating" in memo:
        memo.beating.cancel()
        await asyncio.gather(memo.beating, return_exceptions=True)
    tracing.stop()
    if failure:  # else the process would end as if all were well
        if "watching" in memo:
            await memo.watching.close()  # Kopf does so only when all is well
        raise kopf.PermanentError(_why(failure))


@kopf.on.login()
async def log_in(memo: Any, **_: Any) -> kopf.AiohttpSession:
    """Have Kopf list and watch with a session that it survives; it closes the session itself."""
    try:
        authentication = await Authentication.load(None)
    except KubernetesError as error:
        raise kopf.LoginError(str(error)) from None
    memo.watching = WatchSession(authentication, on_relist=memo.operator.relist).open()
    return kopf.AiohttpSession(server=authentication.address, aiohttp_session=memo.watching)


def tells_news(event: Any, resource: Any, memo: Any, **_: Any) -> bool:
    """Tell whether an event is worth a handler, which costs Kopf as much again as everything else about the event."""
    told: bool = memo.operator.wakeups.tells_news(resource.kind, event["type"], event["object"])
    return told


async def object_event(event: Any, memo: Any, param: Any = "", **_: Any) -> None:
    """Hand on what happened to an object of one of our kinds."""
    memo.operator.wakeups.object_event(param, event["type"], event["object"])


for kind, resource in KINDS.items():
    kopf.on.event(resource.group, resource.version, resource.plural, param=kind, when=tells_news)(
        object_event
    )


async def namespace_event(event: Any, memo: Any, **_: Any) -> None:
    """Hand on what happened to a namespace."""
    memo.operator.wakeups.namespace_event(event["type"], event["object"])


if not os.environ.get("ROOMKEEPER_NAMESPACE"):  # else nothing cluster-wide may be read
    kopf.on.event("", "v1", "namespaces")(namespace_event)


@kopf.on.event("", "v1", "secrets", labels={LABEL_MANAGED_BY: MANAGED_BY}, when=tells_news)
async def secret_event(event: Any, memo: Any, **_: Any) -> None:
    """Hand on what happened to a token Secret."""
    memo.operator.wakeups.secret_event(event["type"], event["object"])


def _tune(settings: kopf.OperatorSettings) -> None:
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the CRDs are installed first; saves a watch and its permissions
    settings.peering.standalone = True
    settings.watching.chunk_size = 500
    settings.queueing.worker_limit = 64
    settings.queueing.idle_timeout = 0.05
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.networking.request_timeout = LONGEST_REQUEST_SECONDS
    settings.persistence.diffbase_storage = NoDiffBase()
    # Never used either; the default looks for itself in each event twice.
    settings.persistence.progress_storage = kopf.StatusProgressStorage()
    # Kopf removes its own finalizer from whatever carries it, so it must not be ours.
    settings.persistence.finalizer = f"{GROUP}/kopf-unused"


def _end_process(task: asyncio.Task[None]) -> None:
    """End the process when the engine ends by itself, or who looks after it: what is left would only look alive."""
    failure = None if task.cancelled() else task.exception()
    if failure is None:
        return
    is_expected = isinstance(failure, LeaseLostError)
    logger.critical("the engine ended: %s", _why(failure), exc_info=None if is_expected else failure)
    signal.raise_signal(signal.SIGTERM)


def _why(failure: BaseException) -> str:
    return str(failure) or type(failure).__name__


def _heed_signals(operator: Operator) -> None:
    """Have the engine finish its work at the first signal, and the process end at once at the second.

    Kopf hears of signals through its loop, whatever Python's own handler is; so that one is free.
    """
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def heed(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)
        loop.call_soon_threadsafe(operator.stop)

    if threading.current_thread() is threading.main_thread():  # elsewhere there are none, as Kopf says
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, heed)
