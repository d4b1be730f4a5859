"""Leader election: takes the Lease when it is free, renews it, and gives it back at the end.

Whoever holds it works; the others stand by. One that cannot renew it in time is through: its process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import LEASES
from roomkeeper.adapters.ports import AlreadyExistsError, ConflictError, KubernetesError, NotFoundError
from roomkeeper.engine import lease

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Clock, Kubernetes
    from roomkeeper.engine.fence import LeaseFence

logger = logging.getLogger(__name__)

LEASE_NAME = "roomkeeper"
HURRY = 0.2  # the share of a wait by which it may be shorter, so that replicas do not ask in step


class LeaseLostError(Exception):
    """Another replica has the Lease, or may have it by now."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One replica: where the Lease is, and what it writes into it. The identity is another one in each process."""

    namespace: str
    identity: str
    address: str = ""
    name: str = LEASE_NAME  # another one in each shard

    def __str__(self) -> str:
        """Name the Lease as kubectl does."""
        return f"{self.namespace}/{self.name}"


def identity_of(host: str) -> str:
    """Return an identity that no other process has, nor this one after a restart."""
    return f"{host}_{secrets.token_hex(8)}"


class Election:
    """Runs in a task of its own, with a client of its own: it must not wait behind the work that it guards."""

    def __init__(
        self, candidate: Candidate, *, kubernetes: Kubernetes, fence: LeaseFence, clock: Clock
    ) -> None:
        """Nothing is asked yet."""
        self.fence = fence
        self.won = asyncio.Event()
        self._candidate = candidate
        self._terms = fence.terms
        self._kubernetes = kubernetes
        self._clock = clock
        self._stopping = asyncio.Event()
        self._body: Body | None = None  # the Lease as it was last read or written; None: it is to be read
        self._seen: lease.Seen | None = None
        self._complained = ""

    @property
    def is_leading(self) -> bool:
        """Tell whether this replica has the Lease, and may write."""
        return self.fence.seconds_left > 0

    @property
    def holder_address(self) -> str:
        """Where the holder that was last seen takes webhooks; "" if it is this replica, or does not say."""
        is_other = self._seen and self._seen.record.holder != self._candidate.identity
        return self._seen.record.address if self._seen and is_other else ""

    async def run(self) -> None:
        """Wait for the Lease, keep it until `stop`, give it back; LeaseLostError if it cannot be kept."""
        while not self._stopping.is_set():
            if await self._try():
                break
            await self._pause(self._terms.poll_seconds)
        else:
            return
        logger.info("this replica holds the Lease %s", self._candidate)
        self.won.set()
        try:
            await self._keep()
        finally:
            self.fence.shut()
        await self._release()

    def stop(self) -> None:
        """Let `run` end, and the next replica begin."""
        self._stopping.set()

    async def aclose(self) -> None:
        """Release the connections."""
        await self._kubernetes.aclose()

    async def _keep(self) -> None:
        is_renewed = True
        while not self._stopping.is_set():
            await self._pause(self._terms.renew_seconds if is_renewed else self._terms.poll_seconds)
            self._check()
            is_renewed = await self._try()
            self._check()

    def _check(self) -> None:
        holder = self._seen.record.holder if self._seen else ""
        if holder != self._candidate.identity:
            raise LeaseLostError(f"the Lease {self._candidate} is held by {holder or 'nobody'} now")
        if not self.fence.seconds_left:
            raise LeaseLostError(f"the Lease {self._candidate} could not be renewed in time")

    async def _pause(self, seconds: float) -> None:
        """Wait, but neither beyond the deadline nor when it is time to stop."""
        jittered = seconds * random.uniform(1 - HURRY, 1)  # noqa: S311 - jitter, not a secret
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(jittered, self.fence.seconds_left or jittered)):
                await self._stopping.wait()

    async def _try(self) -> bool:
        """Take or renew the Lease, and tell whether that was done; a request that hangs ends at the deadline."""
        limit = min(self._terms.call_seconds, self.fence.seconds_left or self._terms.call_seconds)
        try:
            async with asyncio.timeout(limit):
                has_it = await self._take_or_look_again()
        except (KubernetesError, TimeoutError) as error:
            self._body = None  # whatever came of it has to be read
            self._complain(str(error) or f"no answer within {limit:.1f} s")
            return False
        self._complained = ""
        return has_it

    async def _take_or_look_again(self) -> bool:
        try:
            return await self._take()
        except (ConflictError, AlreadyExistsError, NotFoundError):  # somebody was faster, or has deleted it
            self._body = None
            return await self._take()

    async def _take(self) -> bool:
        if self._body is None or not self.won.is_set():
            await self._read()
        now = self._clock.monotonic()
        if not lease.may_take(self._seen, self._candidate.identity, self._terms, now):
            return False
        record = lease.taken(
            self._seen.record if self._seen else None,
            me=self._candidate.identity,
            address=self._candidate.address,
            terms=self._terms,
            now=self._clock.now(),
        )
        await self._write(record)
        self.fence.renewed(now)
        return True

    async def _read(self) -> None:
        """Read the Lease. What a deleted one said goes on to count: its holder has not heard of it yet."""
        candidate = self._candidate
        try:
            body = await self._kubernetes.get(LEASES, namespace=candidate.namespace, name=candidate.name)
        except NotFoundError:
            self._body = None
            return
        self._body = body
        self._see(lease.Record.from_body(body))

    async def _write(self, record: lease.Record) -> None:
        body = record.body(self._candidate.namespace, self._candidate.name, self._body)
        write = self._kubernetes.replace if self._body else self._kubernetes.create
        self._body = await write(LEASES, body)
        self._see(record)

    def _see(self, record: lease.Record) -> None:
        before = self._seen.record.holder if self._seen else ""
        self._seen = lease.see(self._seen, record, self._clock.monotonic())
        if record.holder not in ("", before, self._candidate.identity):
            logger.info("standing by: the Lease %s is held by %s", self._candidate, record.holder)

    async def _release(self) -> None:
        """Give the Lease back, so that the next replica need not wait until it expires."""
        try:
            async with asyncio.timeout(self._terms.call_seconds):
                if self._body is None:
                    await self._read()
                if self._body and self._seen and self._seen.record.holder == self._candidate.identity:
                    await self._write(lease.released(self._seen.record, self._clock.now()))
                    logger.info("the Lease %s is released", self._candidate)
        except (KubernetesError, TimeoutError) as error:
            logger.warning("the Lease %s could not be released: %s", self._candidate, error)

    def _complain(self, why: str) -> None:
        """Say what is wrong once, not at every attempt."""
        if why != self._complained:
            logger.warning("cannot take or renew the Lease %s: %s", self._candidate, why)
        self._complained = why
