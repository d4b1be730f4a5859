"""Fills the caches, and repairs what a lost event missed: one list per kind and half hour."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import NAMESPACES, SECRETS
from roomkeeper.adapters.ports import KubernetesError
from roomkeeper.domain.objects import CustomObject, TokenSecret
from roomkeeper.engine import backoff, kinds
from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roomkeeper.adapters.ports import Body, Kubernetes, Resource
    from roomkeeper.domain.shards import Shard
    from roomkeeper.engine.wakeups import Wakeups

logger = logging.getLogger(__name__)

RELIST_SECONDS = 1800.0
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0


@dataclass(slots=True)
class CacheResync:
    """Fills the caches before the queue opens, and later finds what the watches lost.

    Kopf does not tell when its first list is through, and after a 410 it lists again without a word about what was
    deleted meanwhile.
    """

    kubernetes: Kubernetes
    wakeups: Wakeups
    namespaces: tuple[str, ...]
    shard: Shard
    synced: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """List for ever; until it has worked once, with backoff."""
        failures = 0
        while True:
            try:
                await self.list_all()
            except KubernetesError as error:
                failures += 1
                logger.warning("cannot list: %s", error)
                seconds = backoff.after(
                    failures, first=FIRST_BACKOFF_SECONDS, longest=LONGEST_BACKOFF_SECONDS
                )
                await asyncio.sleep(seconds)
            else:
                failures = 0
                self.synced.set()
                await asyncio.sleep(backoff.jittered(RELIST_SECONDS))

    async def list_all(self) -> None:
        """Read every object and every token Secret once; what is known but gone is forgotten."""
        if self.wakeups.namespaces.is_readable:
            async for body in self.kubernetes.list(NAMESPACES):
                self.wakeups.namespace_event(None, body)
        known_secrets = self.wakeups.secrets.all()
        found_secrets = set()
        async for body in self._list(SECRETS):
            found_secrets.add(self._see_secret(body))
        for secret in known_secrets:
            if secret.uid not in found_secrets:
                self.wakeups.secret_gone(secret)
        for kind in KINDS:
            await self._list_kind(kind)

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

    def _see_secret(self, body: Body) -> str:
        secret = TokenSecret.from_body(body)
        self.wakeups.secret_seen(secret)
        return secret.uid

    async def _list(self, resource: Resource) -> AsyncIterator[Body]:
        selector = kinds.selectors(self.shard)[resource]
        for namespace in self.namespaces or ("",):
            async for body in self.kubernetes.list(resource, namespace=namespace, label_selector=selector):
                yield body
