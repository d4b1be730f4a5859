"""The work that goes on while replicas come and go: Rooms are edited, Recordings begin, are stopped and deleted."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.bench.sessions import MERGE_PATCH, Kube, LiveKit, Refused

if TYPE_CHECKING:
    import random

    from tests.e2e.studio import Studio

ROOMS = 6
KEPT = 4  # Recordings that run at a time
OVER = {"Complete", "Stopped"}
API = "/apis/roomkeeper.dev/v1alpha1/namespaces"


@dataclass(slots=True)
class Meeting:
    """Edits without a pause but for `calm`; what it declared last is `topics`."""

    studio: Studio
    kube: Kube
    livekit: LiveKit
    chance: random.Random
    topics: dict[str, str] = field(default_factory=dict)
    recordings: list[str] = field(default_factory=list)  # that are not told to stop
    stopped: list[str] = field(default_factory=list)
    edits: int = 0
    _number: int = 0
    _may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        """Declare the Rooms."""
        self._may_go_on.set()
        for number in range(ROOMS):
            await self._declare("rooms", f"room-{number}", roles=[{"name": "host"}] if number % 2 else [])
            self.topics[f"room-{number}"] = ""

    async def edit(self) -> None:
        """Edit Rooms, for ever."""
        while True:
            await self._may_go_on.wait()
            await asyncio.sleep(self.chance.uniform(0.02, 0.1))
            name = self.chance.choice(list(self.topics))
            self.edits += 1
            topic = f"edit-{self.edits}"
            self.topics[name] = topic
            await self._patch("rooms", name, {"spec": {"metadata": {"topic": topic}}})

    async def record(self) -> None:
        """Have Recordings begin, of a Room each, and stop and delete older ones, for ever."""
        while True:
            await self._may_go_on.wait()
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))
            self._number += 1
            name = f"talk-{self._number}"
            await self._declare("rooms", name, roles=[])
            talk = self.studio.recording(name, roomRef={"name": name}, start="Immediately")
            await self.kube.send("POST", f"{API}/{self.studio.namespace}/recordings", talk)
            self.recordings.append(name)
            if len(self.recordings) > KEPT:
                await self.stop(self.recordings.pop(0))
            if len(self.stopped) > KEPT:
                await self._delete(self.stopped.pop(0))

    async def stop(self, name: str) -> None:
        """Have a Recording end."""
        await self._patch("recordings", name, {"spec": {"desiredState": "Stopped"}})
        self.stopped.append(name)

    async def calm(self, seconds: float) -> float:
        """Declare nothing new until everything is as declared, and return how long that took."""
        loop = asyncio.get_running_loop()
        began, wrong = loop.time(), "nothing was looked at"
        self._may_go_on.clear()
        await asyncio.sleep(0.2)  # what was just being declared
        while wrong:
            wrong = await self._wrong()
            assert not wrong or loop.time() - began < seconds, f"not within {seconds} s: {wrong}"
            await asyncio.sleep(0.05)
        self._may_go_on.set()
        return loop.time() - began

    async def states(self) -> dict[str, str]:
        """Return the state of every Recording."""
        return {
            name: status.get("state", "") for name, status in (await self._statuses("recordings")).items()
        }

    async def _wrong(self) -> str:
        statuses = {}
        for one in await self.kube.pages(f"{API}/{self.studio.namespace}/rooms"):
            name, status = one["metadata"]["name"], one.get("status", {})
            statuses[name] = one
            ready = next((each for each in status.get("conditions", ()) if each["type"] == "Ready"), {})
            current = status.get("observedGeneration") == one["metadata"]["generation"]
            if "deletionTimestamp" not in one["metadata"] and not (current and ready.get("status") == "True"):
                return f"{name} is {ready or status}"
        for name, topic in self.topics.items():
            live = await self.livekit.metadata(f"{self.studio.namespace}_{name}")
            if topic and (not live or json.loads(live) != {"topic": topic}):
                return f"{name} is {live} in LiveKit, not {topic}"
        return ""

    async def _statuses(self, kind: str) -> dict[str, Any]:
        found = await self.kube.pages(f"{API}/{self.studio.namespace}/{kind}")
        return {one["metadata"]["name"]: one.get("status", {}) for one in found}

    async def _declare(self, plural: str, name: str, **spec: Any) -> None:
        body = self.studio.room(name, **spec)
        await self.kube.send("POST", f"{API}/{self.studio.namespace}/{plural}", body)

    async def _patch(self, plural: str, name: str, patch: dict[str, Any]) -> None:
        path = f"{API}/{self.studio.namespace}/{plural}/{name}"
        await self.kube.send("PATCH", path, patch, content_type=MERGE_PATCH)

    async def _delete(self, name: str) -> None:
        for plural in ("recordings", "rooms"):
            with contextlib.suppress(Refused):
                await self.kube.send("DELETE", f"{API}/{self.studio.namespace}/{plural}/{name}")
