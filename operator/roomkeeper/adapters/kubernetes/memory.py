"""The port `Kubernetes` in memory, with a log of calls and faults on demand."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from roomkeeper.adapters.kubernetes.memory_store import ObjectStore
from roomkeeper.adapters.ports import KubernetesUnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from roomkeeper.adapters.kubernetes.memory_store import OnEvent
    from roomkeeper.adapters.ports import Body, Clock, KubernetesError, Resource

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Call:
    """One request; plural is `rooms/status` for a subresource."""

    verb: str
    plural: str
    namespace: str
    name: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class _Fault:
    verb: str
    plural: str
    error: KubernetesError
    after: bool


class InMemoryKubernetes:
    """An API server without the server.

    `store` is the other door to the same objects: what goes through it is neither logged nor refused.
    While `outage` is true every call raises KubernetesUnreachableError and changes nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self.store = ObjectStore(clock)
        self.calls: list[Call] = []
        self.outage = False
        self._faults: list[_Fault] = []

    def fail_next(self, verb: str, plural: str, error: KubernetesError, *, after: bool = False) -> None:
        """Raise the error at the next such call; with `after` the write happens and only its answer is lost."""
        self._faults.append(_Fault(verb, plural, error, after))

    def watch(self, on_event: OnEvent) -> None:
        """Call `on_event(resource, "ADDED" | "MODIFIED" | "DELETED", body)` at each change from now on."""
        self.store.watch(on_event)

    def collect_garbage(self) -> None:
        """Delete what is owned only by objects that are gone."""
        self.store.collect_garbage()

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = ""
    ) -> AsyncIterator[Body]:
        """Yield a copy of every object that matches."""
        call = Call("list", resource.plural, namespace, "")
        bodies = await self._do(
            call, lambda: self.store.list(resource, namespace=namespace, label_selector=label_selector)
        )
        for body in bodies:
            yield body

    async def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        """Read one object."""
        call = Call("get", resource.plural, namespace, name)
        return await self._do(call, lambda: self.store.get(resource, namespace=namespace, name=name))

    async def create(self, resource: Resource, body: Body) -> Body:
        """Create an object."""
        return await self._do(_call("create", resource, body), lambda: self.store.create(resource, body))

    async def apply(self, resource: Resource, body: Body) -> Body:
        """Apply server-side, with force."""
        return await self._do(_call("apply", resource, body), lambda: self.store.apply(resource, body))

    async def patch(
        self,
        resource: Resource,
        *,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
    ) -> Body:
        """Merge-patch an object or its status."""
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        return await self._do(
            Call("patch", plural, namespace, name, copy.deepcopy(patch)),
            lambda: self.store.patch(
                resource, namespace=namespace, name=name, patch=patch, subresource=subresource
            ),
        )

    async def replace(self, resource: Resource, body: Body) -> Body:
        """Replace exactly the version of an object that the metadata names."""
        return await self._do(_call("replace", resource, body), lambda: self.store.replace(resource, body))

    async def delete(
        self, resource: Resource, *, namespace: str, name: str, uid: str, resource_version: str
    ) -> None:
        """Delete exactly this version of this object."""
        await self._do(
            Call("delete", resource.plural, namespace, name),
            lambda: self.store.delete(
                resource, namespace=namespace, name=name, uid=uid, resource_version=resource_version
            ),
        )

    async def aclose(self) -> None:
        """Release nothing."""

    async def _do(self, call: Call, work: Callable[[], _Answer]) -> _Answer:
        self.calls.append(call)
        await asyncio.sleep(0)  # as a request does, let others run
        if self.outage:
            raise KubernetesUnreachableError(f"{call.verb} {call.plural}: outage")
        fault = self._take_fault(call)
        if fault and not fault.after:
            raise fault.error
        answer = work()
        if fault:
            raise fault.error
        return answer

    def _take_fault(self, call: Call) -> _Fault | None:
        for fault in self._faults:
            if (fault.verb, fault.plural) == (call.verb, call.plural):
                self._faults.remove(fault)
                return fault
        return None


def _call(verb: str, resource: Resource, body: Body) -> Call:
    metadata = body["metadata"]
    return Call(verb, resource.plural, metadata.get("namespace", ""), metadata["name"], copy.deepcopy(body))
