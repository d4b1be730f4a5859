"""The Rooms of a benchmark, two roles each, and the client that declares, edits and deletes them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.bench.sessions import MERGE_PATCH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tests.bench.sessions import Kube

NAMESPACE = "bench"
AT_A_TIME = 32
"""Rooms that are worked on side by side, by the client, the floor and the operator (engine/queue.py, LANE_WIDTH)."""
ROLES = (
    {"name": "host", "grants": {"canPublish": True}},
    {"name": "viewer"},
)


def path(namespace: str, name: str = "", subresource: str = "") -> str:
    """Return where Rooms are, or one of them."""
    parts = ("", "apis/roomkeeper.dev/v1alpha1/namespaces", namespace, "rooms", name, subresource)
    return "/".join(parts).rstrip("/")


def name_of(number: int) -> str:
    """Return the name of a Room."""
    return f"room-{number:05}"


def on_livekit(namespace: str, name: str) -> str:
    """Return how LiveKit calls the room of a Room."""
    return f"{namespace}_{name}"


def manifest(namespace: str, name: str) -> dict[str, Any]:
    """Return a Room as people declare it."""
    return {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "Room",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"metadata": {"topic": name}, "roles": list(ROLES)},
    }


async def side_by_side(
    names: Iterable[str], work: Callable[[str], Awaitable[Any]], *, at_a_time: int = AT_A_TIME
) -> None:
    """Do something for every name, so many at a time."""
    waiting = iter(names)

    async def worker() -> None:
        for name in waiting:
            await work(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_a_time):
            group.create_task(worker())


@dataclass(frozen=True, slots=True)
class Fleet:
    """Rooms of one namespace, as somebody with all rights over them sees them."""

    kube: Kube
    namespace: str = NAMESPACE

    async def create(self, names: Iterable[str]) -> None:
        """Declare Rooms."""

        async def declare(name: str) -> None:
            await self.kube.send("POST", path(self.namespace), manifest(self.namespace, name))

        await side_by_side(names, declare)

    async def delete(self, names: Iterable[str]) -> None:
        """Have Rooms deleted; they go when their finalizers do."""

        async def remove(name: str) -> None:
            await self.kube.send("DELETE", path(self.namespace, name))

        await side_by_side(names, remove)

    async def set_metadata(self, name: str, **metadata: Any) -> None:
        """Edit the metadata that a Room declares."""
        edit = {"spec": {"metadata": metadata}}
        await self.kube.send("PATCH", path(self.namespace, name), edit, content_type=MERGE_PATCH)

    async def names(self) -> list[str]:
        """Return the names of all Rooms."""
        return [room["metadata"]["name"] for room in await self.kube.pages(path(self.namespace))]

    async def unready(self) -> list[str]:
        """Return the Rooms that are not Ready as they are declared now."""
        return [
            room["metadata"]["name"]
            for room in await self.kube.pages(path(self.namespace))
            if not _is_ready(room)
        ]

    async def is_empty(self) -> bool:
        """Tell whether no Room and no Secret of one is left."""
        secrets = f"/api/v1/namespaces/{self.namespace}/secrets"
        return not any(
            [
                (await self.kube.send("GET", f"{each}?limit=1"))["items"]
                for each in (path(self.namespace), secrets)
            ]
        )


def _is_ready(room: dict[str, Any]) -> bool:
    return any(
        (condition["type"], condition["status"], condition["observedGeneration"])
        == ("Ready", "True", room["metadata"]["generation"])
        for condition in room.get("status", {}).get("conditions", ())
    )
