"""A start: nothing is done before objects, their Secrets and LiveKit's rooms are known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from tests.integration.engine.test_lost_servers import manifest, ready, until
from tests.integration.engine.worlds import Fuse, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from roomkeeper.adapters.ports import Body, Resource

WRITES = {"create", "apply", "patch", "delete"}


async def test_no_work_begins_before_the_secrets_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    await world.start(Fuse())
    world.kubernetes.store.create(ROOMS, manifest({"topic": "one"}))
    await until(lambda: ready(world)["status"] == "True")
    await world.stop()
    world.kubernetes.calls.clear()

    asked, answered = asyncio.Event(), asyncio.Event()
    listed = world.kubernetes.list

    async def slow_for_secrets(
        resource: Resource, *, namespace: str = "", label_selector: str = ""
    ) -> AsyncIterator[Body]:
        if resource == SECRETS:
            asked.set()
            await answered.wait()
        async for body in listed(resource, namespace=namespace, label_selector=label_selector):
            yield body

    monkeypatch.setattr(world.kubernetes, "list", slow_for_secrets)
    await world.start(Fuse())
    operator = world.operator
    assert operator is not None
    await asked.wait()
    body = world.kubernetes.store.get(ROOMS, namespace="team-a", name="standup")
    operator.wakeups.object_event("Room", "MODIFIED", body)  # the watch is faster than the list
    for _ in range(100):
        await asyncio.sleep(0)
    assert not operator.is_working
    assert [call.verb for call in world.kubernetes.calls if call.verb in WRITES] == []

    answered.set()
    await until(lambda: operator.is_working and operator.queue.is_idle)
    assert [call.verb for call in world.kubernetes.calls if call.verb in WRITES] == []
    await world.stop()
