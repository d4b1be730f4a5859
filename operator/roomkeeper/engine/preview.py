"""What a reconcile would do, without doing it: the same gathering and the same plan, on a port that only reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.domain import changes, checks, recording_checks, recording_plan, room_plan
from roomkeeper.domain.objects import RECORDING, ROOM, SERVER, CustomObject, Key
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.resync import CacheResync
from roomkeeper.engine.servers import OWN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from roomkeeper.adapters.ports import Body, Clock, Kubernetes, Resource
    from roomkeeper.domain import recordings, rooms
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.engine.connection import ConnectTo
    from roomkeeper.engine.settings import Settings


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """The API server, of which nothing is changed: a status that would be written is as good as written."""

    kubernetes: Kubernetes

    def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = ""
    ) -> AsyncIterator[Body]:
        """Yield every object."""
        return self.kubernetes.list(resource, namespace=namespace, label_selector=label_selector)

    async def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        """Read one object."""
        return await self.kubernetes.get(resource, namespace=namespace, name=name)

    async def patch(self, resource: Resource, *, namespace: str, name: str, **_: Any) -> Body:
        """Return the object as it is."""
        return await self.kubernetes.get(resource, namespace=namespace, name=name)

    async def create(self, resource: Resource, body: Body) -> Body:
        """Refuse."""
        raise AssertionError(f"a preview must not create {resource.plural} {body['metadata'].get('name')}")

    async def apply(self, resource: Resource, body: Body) -> Body:
        """Refuse."""
        raise AssertionError(f"a preview must not apply {resource.plural} {body['metadata'].get('name')}")

    async def replace(self, resource: Resource, body: Body) -> Body:
        """Refuse."""
        raise AssertionError(f"a preview must not replace {resource.plural} {body['metadata'].get('name')}")

    async def delete(self, resource: Resource, *, namespace: str, name: str, **_: Any) -> None:
        """Refuse."""
        raise AssertionError(f"a preview must not delete {resource.plural} {namespace}/{name}")

    async def aclose(self) -> None:
        """Release the connections."""
        await self.kubernetes.aclose()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen to one object next, and what stands in its way."""

    key: Key
    is_new: bool
    is_edited: bool
    actions: tuple[rooms.Action | recordings.Action, ...]
    obstacle: Finding | None
    waiting: tuple[dict[str, str], ...] = ()  # changes that a live room takes only when it is born again
    people: int = 0  # in the live room


class Preview:
    """An operator that looks at everything and touches nothing. Make it inside a running event loop."""

    def __init__(
        self, settings: Settings, *, kubernetes: Kubernetes, connect: ConnectTo, clock: Clock
    ) -> None:
        """Know nothing yet; `learn` looks."""
        self._kubernetes = ReadOnly(kubernetes)
        self._operator = Operator(settings, kubernetes=self._kubernetes, connect=connect, clock=clock)
        self._clock = clock

    async def learn(self) -> None:
        """Read every object and every LiveKit server. KubernetesError where that is not allowed."""
        operator = self._operator
        settings = operator.settings
        resync = CacheResync(self._kubernetes, operator.wakeups, settings.namespaces, settings.shard)
        await resync.list_all()
        for server in [OWN, *(server.key for server in operator.objects.of_kind(SERVER))]:
            await operator.workers.work_on(server)

    async def of_room(self, namespace: str, name: str, spec: Mapping[str, Any]) -> Foreseen:
        """Return what would happen to a Room that is declared like this."""
        room, before = self._declare(Key(ROOM, namespace, name), spec)
        gatherer = self._operator.rooms.gatherer
        assignment = self._operator.servers.resolve(room)
        world = await gatherer.gather(room, assignment)
        world = await gatherer.complete(world, assignment.connection)
        people = (
            world.people.participants if world.people else world.live.num_participants if world.live else 0
        )
        return Foreseen(
            key=room.key,
            is_new=before is None,
            is_edited=before is not None and before.spec != room.spec,
            actions=room_plan.plan(world),
            obstacle=checks.obstacle(world) or world.failure,
            waiting=tuple(changes.pending(world)),
            people=people,
        )

    async def of_recording(self, namespace: str, name: str, spec: Mapping[str, Any]) -> Foreseen:
        """Return what would happen to a Recording that is declared like this."""
        recording, before = self._declare(Key(RECORDING, namespace, name), spec)
        gatherer = self._operator.recordings.gatherer
        assignment = gatherer.assign(recording)
        world = await gatherer.gather(recording, assignment)
        world = await gatherer.complete(world, assignment.connection)
        return Foreseen(
            key=recording.key,
            is_new=before is None,
            is_edited=before is not None and before.spec != recording.spec,
            actions=recording_plan.plan(world),
            obstacle=recording_checks.obstacle(world) or world.failure,
        )

    async def aclose(self) -> None:
        """Release what was opened."""
        for server in self._operator.servers:
            if server.connection:
                await server.connection.aclose()

    def _declare(self, key: Key, spec: Mapping[str, Any]) -> tuple[CustomObject, CustomObject | None]:
        """Return an object as it would be, held by our finalizer, and as it is; both are None where it is not there."""
        before = self._operator.objects.get(key)
        if before is None:
            declared = CustomObject(
                key=key,
                uid=f"to be made: {key}",
                resource_version="1",
                generation=1,
                created_at=self._clock.now(),
                deleted_at=None,
                finalizers=(common.FINALIZER,),
                spec=dict(spec),
                status={},
            )
            self._operator.objects.observe(declared)
            return declared, None
        others = tuple(name for name in before.finalizers if name != common.FINALIZER)
        is_edited = dict(before.spec) != dict(spec)
        return (
            replace(
                before,
                spec=dict(spec),
                generation=before.generation + is_edited,
                finalizers=(*others, common.FINALIZER),
            ),
            before,
        )
