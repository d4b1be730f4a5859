"""What lost events missed, a list finds: at once when a watch had a gap."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.kubernetes.resources import NAMESPACES, ROOMS, SECRETS
from roomkeeper.adapters.ports import KubernetesUnreachableError
from roomkeeper.engine import resync as module
from tests.unit.engine.harness import NAMESPACE, Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "standup.host"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """Return an engine with one Room that is Ready, whose caches are kept."""
    made = Engine()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    made.kubernetes.store.create(NAMESPACES, namespace)
    await made.ready(roles=[{"name": "host"}])
    running = asyncio.create_task(made.operator._cache_resync.run())
    await made.operator._cache_resync.synced.wait()
    await made.settle()
    made.asked()
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def lose(engine: Engine) -> None:
    """Lose the events that are on the way."""
    engine._on_the_way.clear()


async def relisted(engine: Engine, *plurals: str) -> list[str]:
    """Tell of gaps, and return what was listed then."""
    for plural in plurals:
        engine.operator.relist(plural)
    for _ in range(50):
        await asyncio.sleep(0)
    return [call.plural for call in engine.kubernetes.calls if call.verb == "list"]


async def test_a_secret_that_was_deleted_in_a_gap_is_issued_again_at_once(engine: Engine) -> None:
    before = engine.secret(SECRET)["metadata"]["uid"]
    engine.kubernetes.store.delete(SECRETS, namespace=NAMESPACE, name=SECRET)
    lose(engine)
    assert await relisted(engine, "secrets") == ["secrets"]
    await engine.settle()
    assert engine.secret(SECRET)["metadata"]["uid"] != before


async def test_a_room_that_was_deleted_in_a_gap_is_forgotten(engine: Engine) -> None:
    room = engine.body(engine.operator.objects.rooms()[0].key)
    patch = {"metadata": {"finalizers": None}}
    engine.kubernetes.store.patch(ROOMS, namespace=NAMESPACE, name=room["metadata"]["name"], patch=patch)
    engine.kubernetes.store.delete(ROOMS, namespace=NAMESPACE, name=room["metadata"]["name"])
    lose(engine)
    await relisted(engine, "rooms")
    assert not engine.operator.objects.rooms()


async def test_a_namespace_that_was_deleted_in_a_gap_is_forgotten(engine: Engine) -> None:
    assert engine.operator.namespaces.names() == {NAMESPACE}
    engine.kubernetes.store.delete(NAMESPACES, namespace="", name=NAMESPACE)
    lose(engine)
    await relisted(engine, "namespaces")
    assert engine.operator.namespaces.names() == set()


async def test_kinds_are_listed_once_however_often_they_are_told_of(engine: Engine) -> None:
    assert await relisted(engine, "rooms", "secrets", "rooms") == ["secrets", "rooms"]


async def test_a_list_that_fails_is_tried_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF_SECONDS", 0.0)
    engine.kubernetes.fail_next("list", "rooms", KubernetesUnreachableError("away"))
    engine.operator.relist("rooms")
    engine.operator.relist("secrets")
    await asyncio.sleep(0.05)
    assert await relisted(engine) == ["secrets", "rooms", "rooms"]


async def test_everything_is_listed_after_half_an_hour_whatever_was_listed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RELIST_SECONDS", 0.2)
    made = Engine()
    running = asyncio.create_task(made.operator._cache_resync.run())
    await made.operator._cache_resync.synced.wait()
    made.asked()
    for _ in range(6):
        await asyncio.sleep(0.05)
        made.operator.relist("rooms")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "secrets" in [call.plural for call in made.kubernetes.calls]
