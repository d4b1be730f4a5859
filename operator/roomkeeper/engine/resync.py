"""Fills the caches, and repairs what lost events missed: one list per kind and half hour, and when a watch had a gap."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import NAMESPACES, SECRETS
from roomkeeper.adapters.ports import KubernetesError
from roomkeeper.domain.objects import CustomObject, TokenSecret
from roomkeeper.engine import backoff, kinds
from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from roomkeeper.adapters.ports import Body, Kubernetes, Resource
    from roomkeeper.domain.shards import Shard
    from roomkeeper.engine.wakeups import Wakeups

logger = logging.getLogger(__name__)

RELIST_SECONDS = 1800.0
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 12.0
EVERYTHING = frozenset({NAMESPACES.plural, SECRETS.plural, *(resource.plural for resource in KINDS.values())})


@dataclass(slots=True)
class CacheResync:
    """Fills the caches before the queue opens, and later finds what the watches lost.

    Kopf does not tell when its first list is through, and after a gap in a watch it lists again without a word about
    what was deleted meanwhile.
    """

    kubernetes: Kubernetes
    wakeups: Wakeups
    namespaces: tuple[str, ...]
    shard: Shard
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    _due: set[str] = field(default_factory=lambda: set(EVERYTHING))  # plurals
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def relist(self, plural: str) -> None:
        """Have the objects of a kind listed now: a watch of them had a gap."""
        self._due.add(plural)
        self._wanted.set()

    async def run(self) -> None:
        """List what is due for ever; what fails is tried again with backoff."""
        failures, everything_at = 0, _later()
        while True:
            try:
                await self._list_due()
            except KubernetesError as error:
                failures += 1
                logger.warning("cannot list: %s", error)
                seconds = backoff.after(
                    failures, first=FIRST_BACKOFF_SECONDS, longest=LONGEST_BACKOFF_SECONDS
                )
                await asyncio.sleep(seconds)
                continue
            failures = 0
            self.synced.set()
            try:
                async with asyncio.timeout_at(everything_at):
                    await self._wanted.wait()
            except TimeoutError:
                self._due, everything_at = set(EVERYTHING), _later()

    async def list_all(self) -> None:
        """Read every object and every token Secret once; what is known but gone is forgotten."""
        self._due = set(EVERYTHING)
        await self._list_due()

    async def _list_due(self) -> None:
        """Read what is due. Secrets go before the Rooms that would issue them again."""
        self._wanted.clear()
        for plural, read in self._readers().items():
            if plural not in self._due:
                continue
            self._due.discard(plural)  # first: what is asked for while it is read has to be read again
            try:
                await read()
            except BaseException:
                self._due.add(plural)
                raise

    def _readers(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            NAMESPACES.plural: self._list_namespaces,
            SECRETS.plural: self._list_secrets,
            **{resource.plural: partial(self._list_kind, kind) for kind, resource in KINDS.items()},
        }

    async def _list_namespaces(self) -> None:
        if not self.wakeups.namespaces.is_readable:
            return
        known = self.wakeups.namespaces.names()
        found = set()
        async for body in self.kubernetes.list(NAMESPACES):
            found.add(body["metadata"]["name"])
            self.wakeups.namespace_event(None, body)
        for gone in known - found:
            self.wakeups.namespaces.forget(gone)

    async def _list_secrets(self) -> None:
        known = self.wakeups.secrets.all()
        found = set()
        async for body in self._list(SECRETS):
            secret = TokenSecret.from_body(body)
            found.add(secret.uid)
            self.wakeups.secret_seen(secret)
        for gone in known:
            if gone.uid not in found:
                self.wakeups.secret_gone(gone)

    async def _list_kind(self, kind: str) -> None:
        known = self.wakeups.objects.of_kind(kind)
        found = set()
        async for body in self._list(KINDS[kind]):
            seen = CustomObject.from_body(kind, body)
            found.add(seen.uid)
            self.wakeups.object_seen(seen, is_news=False)
        for gone in known:
            if gone.uid not in found:
                self.wakeups.object_gone(gone)

    async def _list(self, resource: Resource) -> AsyncIterator[Body]:
        selector = kinds.selectors(self.shard)[resource]
        for namespace in self.namespaces or ("",):
            async for body in self.kubernetes.list(resource, namespace=namespace, label_selector=selector):
                yield body


def _later() -> float:
    """Return when everything is listed again, whatever the watches told, by the loop's clock."""
    return asyncio.get_running_loop().time() + backoff.jittered(RELIST_SECONDS)
