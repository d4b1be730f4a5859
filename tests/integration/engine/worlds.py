"""A world in memory that outlives operators: an API server, a LiveKit, and ports that end an operator at a call."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.domain.livekit import Credentials
from roomkeeper.engine.clock import SystemClock
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence

    from roomkeeper.adapters.ports import Body, Resource
    from roomkeeper.domain.livekit import (
        Dispatch,
        LiveRoom,
        Participant,
        ParticipantUpdate,
        RoomConfig,
        WebhookEvent,
    )

T = TypeVar("T")

CREDENTIALS = Credentials("devkey", "a-secret-of-at-least-thirty-two-characters")
SETTINGS = Settings(
    resync_seconds=0.2,
    livekit_url="ws://livekit.example.com",
    livekit_credentials=CREDENTIALS,
)


@dataclass(slots=True)
class Fuse:
    """Ends an operator at the call of this number, of all or of those of a name, before or after it takes effect; 0: never."""

    number: int = 0
    name: str = ""
    after: bool = False
    calls: list[str] = field(default_factory=list)
    blown: asyncio.Event = field(default_factory=asyncio.Event)

    async def around(self, name: str, call: Awaitable[T]) -> T:
        """Make the call, unless the operator ends at it or has ended."""
        self.calls.append(name)
        counted = [call for call in self.calls if self.name in {"", call}]
        is_last = self.name in {"", name} and len(counted) == self.number
        if self.blown.is_set() or (is_last and not self.after):
            await self._end(call)
        answer = await call
        if is_last or self.blown.is_set():
            await self._end(None)
        return answer

    async def _end(self, call: Any) -> None:
        """Never return, as a call does not in a process that is dead."""
        if call is not None:
            call.close()
        self.blown.set()
        await asyncio.Event().wait()


class MortalKubernetes:
    """The port `Kubernetes` of one operator."""

    def __init__(self, inner: InMemoryKubernetes, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = ""
    ) -> AsyncIterator[Body]:
        listing = self._inner.list(resource, namespace=namespace, label_selector=label_selector)
        for body in await self._fuse.around(f"list {resource.plural}", _all(listing)):
            yield body

    async def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        call = self._inner.get(resource, namespace=namespace, name=name)
        return await self._fuse.around(f"get {resource.plural}", call)

    async def create(self, resource: Resource, body: Body) -> Body:
        return await self._fuse.around(f"create {resource.plural}", self._inner.create(resource, body))

    async def apply(self, resource: Resource, body: Body) -> Body:
        return await self._fuse.around(f"apply {resource.plural}", self._inner.apply(resource, body))

    async def patch(
        self,
        resource: Resource,
        *,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
    ) -> Body:
        call = self._inner.patch(
            resource, namespace=namespace, name=name, patch=patch, subresource=subresource
        )
        return await self._fuse.around(f"patch {resource.plural} {subresource}".strip(), call)

    async def delete(
        self, resource: Resource, *, namespace: str, name: str, uid: str, resource_version: str
    ) -> None:
        call = self._inner.delete(
            resource, namespace=namespace, name=name, uid=uid, resource_version=resource_version
        )
        await self._fuse.around(f"delete {resource.plural}", call)

    async def aclose(self) -> None:
        """The world goes on."""


class MortalLiveKit:
    """The port `LiveKit` of one operator."""

    def __init__(self, inner: InMemoryLiveKit, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        return await self._fuse.around("ListRooms", self._inner.list_rooms(names))

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        return await self._fuse.around("CreateRoom", self._inner.create_room(name, config, metadata))

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        return await self._fuse.around("UpdateRoomMetadata", self._inner.update_room_metadata(name, metadata))

    async def delete_room(self, name: str) -> None:
        await self._fuse.around("DeleteRoom", self._inner.delete_room(name))

    async def list_participants(self, name: str) -> list[Participant]:
        return await self._fuse.around("ListParticipants", self._inner.list_participants(name))

    async def update_participant(self, name: str, identity: str, update: ParticipantUpdate) -> None:
        call = self._inner.update_participant(name, identity, update)
        await self._fuse.around("UpdateParticipant", call)

    async def remove_participant(self, name: str, identity: str) -> None:
        await self._fuse.around("RemoveParticipant", self._inner.remove_participant(name, identity))

    async def list_dispatches(self, name: str) -> list[Dispatch]:
        return await self._fuse.around("ListDispatch", self._inner.list_dispatches(name))

    async def create_dispatch(self, name: str, agent_name: str, metadata: str = "") -> Dispatch:
        call = self._inner.create_dispatch(name, agent_name, metadata)
        return await self._fuse.around("CreateDispatch", call)

    async def delete_dispatch(self, name: str, dispatch_id: str) -> None:
        await self._fuse.around("DeleteDispatch", self._inner.delete_dispatch(name, dispatch_id))

    async def creates_rooms_on_join(self) -> bool:
        return await self._fuse.around("validate", self._inner.creates_rooms_on_join())

    async def has_redis(self) -> bool:
        return await self._fuse.around("ListEgress", self._inner.has_redis())

    async def aclose(self) -> None:
        """The world goes on."""


async def _all(listing: AsyncIterator[Body]) -> list[Body]:
    return [body async for body in listing]


class World:
    """What is there whichever operator runs, and the one that does."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.kubernetes = InMemoryKubernetes(clock)
        self.livekit = InMemoryLiveKit(clock)
        self.kubernetes.watch(self._hand_on)
        self.livekit.on_event = self._webhook
        self.sessions: set[str] = set()
        self.operator: Operator | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self, fuse: Fuse) -> None:
        """Start an operator that knows nothing yet."""
        self.operator = Operator(
            SETTINGS,
            kubernetes=MortalKubernetes(self.kubernetes, fuse),
            connect=lambda *_: MortalLiveKit(self.livekit, fuse),
            clock=SystemClock(),
        )
        self._running = asyncio.create_task(self.operator.run())

    async def stop(self) -> None:
        """End the operator; all that it knew is lost."""
        self.operator = None
        if self._running:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    def _hand_on(self, resource: Resource, event: str, body: Body) -> None:
        if self.operator is None:
            return
        if resource == ROOMS:
            self.operator.wakeups.object_event("Room", event, body)
        elif resource == SECRETS:
            self.operator.wakeups.secret_event(event, body)

    def _webhook(self, event: WebhookEvent) -> None:
        if event.event == "room_started":
            self.sessions.add(event.room_sid)
        if self.operator is not None:
            self.operator.wakeups.webhook(event, CREDENTIALS)
