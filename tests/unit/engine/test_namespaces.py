"""What is remembered of namespaces, and whom a change of it wakes."""

from __future__ import annotations

from typing import Any

import pytest

from roomkeeper.engine.namespaces import NamespaceCache
from tests.unit.engine.fleet import PROVIDER, Fleet, a_fleet

GOLD = {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}
ON_MAIN = {"serverRef": {"namespace": PROVIDER, "name": "main"}}


def namespace(name: str = "team-a", *, ends: bool = False, **labels: str) -> dict[str, Any]:
    deletion = {"deletionTimestamp": "2026-01-02T00:00:00Z"} if ends else {}
    return {"metadata": {"name": name, "labels": labels, **deletion}}


@pytest.fixture
def cache() -> NamespaceCache:
    return NamespaceCache(is_readable=True)


def test_only_labels_and_the_end_are_news(cache: NamespaceCache) -> None:
    assert cache.labels("team-a") is None
    assert cache.observe(namespace(tier="gold"))
    assert not cache.observe(namespace(tier="gold"))
    assert cache.observe(namespace(tier="lead"))
    assert cache.labels("team-a") == {"tier": "lead"}
    assert not cache.is_terminating("team-a")
    assert cache.observe(namespace(tier="lead", ends=True))
    assert cache.is_terminating("team-a")
    assert not cache.observe(namespace(tier="lead", ends=True))


def test_a_namespace_that_is_gone_is_forgotten_and_may_come_back(cache: NamespaceCache) -> None:
    cache.observe(namespace(tier="gold", ends=True))
    cache.forget("team-a")
    assert cache.labels("team-a") is None
    assert not cache.is_terminating("team-a")
    assert cache.observe(namespace(tier="gold"))
    assert not cache.is_terminating("team-a")


async def test_a_label_that_comes_or_goes_lets_rooms_in_or_shuts_them_out() -> None:
    fleet = await a_fleet(allowedNamespaces=GOLD)
    key = fleet.declare(**ON_MAIN)
    await fleet.settle()
    assert fleet.ready_reason(key) == "ServerNotAllowed"
    fleet.see_namespace("team-a", tier="gold")
    await fleet.settle()
    assert fleet.ready_reason(key) == "Available"
    fleet.see_namespace("team-a", tier="lead")
    await fleet.settle()
    assert fleet.ready_reason(key) == "ServerNotAllowed"


async def test_a_label_wakes_the_rooms_of_its_namespace_alone() -> None:
    fleet = Fleet()
    mine, theirs = fleet.declare(), fleet.declare(namespace="team-b")
    await fleet.settle()
    fleet.see_namespace("team-a", tier="gold")
    assert [key async for key in _woken(fleet)] == [mine]
    fleet.see_namespace("team-a", tier="gold")
    assert [key async for key in _woken(fleet)] == []
    fleet.see_namespace("team-b", tier="gold")
    assert [key async for key in _woken(fleet)] == [theirs]


async def _woken(fleet: Fleet) -> Any:
    while len(fleet.queue):
        key = await fleet.queue.get()
        fleet.queue.done(key)
        yield key
