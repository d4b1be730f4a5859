"""Which part a replica has: it holds the Lease and works, or stands by; a single one always works."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.engine import metrics
from roomkeeper.engine.election import LEASE_NAME, Candidate, Election, identity_of
from roomkeeper.engine.fence import Fence, LeaseFence, OpenFence
from roomkeeper.engine.lease import Terms
from roomkeeper.engine.settings import SettingsError

if TYPE_CHECKING:
    import asyncio

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.engine.settings import Settings

# Where Kubernetes tells a pod its namespace.
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Leadership:
    """The fence of this replica, and the election that opens it; without an election it leads from the beginning."""

    fence: Fence = field(default_factory=OpenFence)
    election: Election | None = None

    @classmethod
    async def connect(cls, settings: Settings, clock: Clock) -> Leadership:
        """Read what the settings say; nothing is sent yet. SettingsError if there is no place for the Lease."""
        if not settings.leader_elect:
            return cls()
        kubernetes = await KubernetesClient.connect(observe=metrics.kubernetes_request)
        try:
            namespace = lease_namespace(settings)
        except SettingsError:
            await kubernetes.aclose()
            raise
        fence = LeaseFence(clock, Terms(settings.lease_seconds))
        candidate = Candidate(
            namespace=namespace,
            identity=identity_of(socket.gethostname()),
            address=settings.address,
            name="-".join(filter(None, (LEASE_NAME, settings.shard_name))),
        )
        return cls(fence, Election(candidate, kubernetes=kubernetes, fence=fence, clock=clock))

    @property
    def is_shared(self) -> bool:
        """Tell whether there may be other replicas."""
        return self.election is not None

    @property
    def is_leading(self) -> bool:
        """Tell whether this replica is the one that works."""
        return self.election is None or self.election.is_leading

    @property
    def holder_address(self) -> str:
        """Where the other one is that works; "" if there is none, or it does not say."""
        return self.election.holder_address if self.election else ""

    async def run(self, ready: asyncio.Event) -> None:
        """Take part in the election once the caches are filled; LeaseLostError when another replica has won."""
        await ready.wait()
        if self.election:
            await self.election.run()

    async def won(self) -> None:
        """Return when this replica leads."""
        if self.election:
            await self.election.won.wait()

    def stop(self) -> None:
        """Give the Lease back and let `run` end."""
        if self.election:
            self.election.stop()

    async def aclose(self) -> None:
        """Release the connections."""
        if self.election:
            await self.election.aclose()


def lease_namespace(settings: Settings) -> str:
    """Return where the Lease is: as told, else the namespace of this pod."""
    if settings.lease_namespace:
        return settings.lease_namespace
    if OWN_NAMESPACE.exists():
        return OWN_NAMESPACE.read_text().strip()
    raise SettingsError(
        "leader election needs a namespace for its Lease, and this is no pod: name one with --lease-namespace "
        "(ROOMKEEPER_LEASE_NAMESPACE), or run a single replica with --leader-elect=false "
        "(ROOMKEEPER_LEADER_ELECT=false)"
    )
