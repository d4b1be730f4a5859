"""What /metrics tells, against docs/metrics.md and against what the API server and LiveKit in memory have."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import generate_latest

from roomkeeper.adapters.ports import LiveKitUnreachableError
from roomkeeper.domain.objects import CustomObject, Key
from roomkeeper.engine import metrics
from roomkeeper.engine.queue import WorkQueue
from tests.unit.engine.clock import HandClock
from tests.unit.engine.fleet import MAIN, URL, a_fleet
from tests.unit.engine.harness import NAME, Engine
from tests.unit.monitoring.documented import metrics as documented_metrics

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

SERVER_LABEL = {"server": f"{MAIN.namespace}/{MAIN.name}"}


def value(name: str, **labels: str) -> float | None:
    """Return one sample as a scrape would show it."""
    return metrics.REGISTRY.get_sample_value(name, labels)


def family(metric: Metric) -> tuple[str, str, frozenset[str]]:
    """Return the name as people query it, the type, and the labels that it may have."""
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    kind = "gauge" if metric.type == "info" else metric.type
    declared = getattr(metrics.REGISTRY._names_to_collectors.get(metric.name), "_labelnames", ())
    own = getattr(metric, "_labelnames", ())
    shown = {label for sample in metric.samples for label in sample.labels} - {"le"}
    return name, kind, frozenset({*declared, *own, *shown})


async def test_the_docs_tell_of_every_metric_and_of_none_that_is_not_there() -> None:
    Engine()
    documented = [(metric.name, metric.kind, metric.labels) for metric in documented_metrics()]
    assert sorted(documented) == sorted(family(metric) for metric in metrics.REGISTRY.collect())


async def test_objects_are_counted_by_what_their_status_says() -> None:
    engine = Engine()
    key = await engine.ready(roles=[{"name": "host", "ttlSeconds": 3600}])
    engine.declare("broken", roles=[{"name": "a", "identities": ["x"]}, {"name": "b", "identities": ["x"]}])
    await engine.settle()
    new = engine.declare("new")
    engine.deliver()
    engine.clock.advance(90)
    assert engine.ready_reason(new) == ""
    assert [
        value("roomkeeper_objects", kind="Room", ready=ready) for ready in ("True", "False", "Unknown")
    ] == [1, 1, 1]
    assert value("roomkeeper_objects_not_ready_seconds", kind="Room") == 90
    assert value("roomkeeper_objects_not_ready_seconds", kind="Recording") == 0
    [token] = engine.status(key)["tokens"]
    assert token["expiresAt"] == "2026-01-02T13:00:00Z"
    assert value("roomkeeper_token_expiry_seconds", server="environment") == 3600 - 60 - 90
    engine.delete(key)
    engine.deliver()
    assert value("roomkeeper_token_expiry_seconds", server="environment") is None
    assert value("roomkeeper_queue_depth") == 2
    assert value("roomkeeper_queue_oldest_seconds") == 90


async def test_a_renewal_is_overdue_until_it_is_done() -> None:
    engine = Engine()
    assert value("roomkeeper_token_renewal_overdue_seconds", server="environment") is None
    key = await engine.ready(
        roles=[{"name": "host", "ttlSeconds": 3600}, {"name": "guest", "ttlSeconds": 600}]
    )
    assert value("roomkeeper_token_renewal_overdue_seconds", server="environment") == 0
    renews = min(datetime.fromisoformat(token["renewsAt"]) for token in engine.status(key)["tokens"])
    engine.clock.advance((renews - engine.clock.now()).total_seconds() + 90)
    assert value("roomkeeper_token_renewal_overdue_seconds", server="environment") == 90
    await engine.reconcile(key)
    assert value("roomkeeper_token_renewal_overdue_seconds", server="environment") == 0


async def test_a_server_is_up_while_it_answers() -> None:
    engine = Engine()
    assert value("roomkeeper_livekit_up", server="environment") is None
    await engine.probe()
    assert value("roomkeeper_livekit_up", server="environment") == 1
    engine.livekit.fail_next("list_rooms", LiveKitUnreachableError("down"))
    await engine.probe()
    assert engine.server.is_usable
    assert value("roomkeeper_livekit_up", server="environment") == 0
    await engine.probe()
    assert value("roomkeeper_livekit_up", server="environment") == 1


async def test_active_rooms_and_webhooks_are_told_of_each_server() -> None:
    engine = Engine()
    await engine.ready()
    assert value("roomkeeper_webhook_last_received_timestamp_seconds", server="environment") == (
        engine.clock.now().timestamp() - 60
    )
    assert value("roomkeeper_livekit_active_rooms", server="environment") == 0
    engine.livekit.join(NAME, "alice")
    await engine.probe()
    assert value("roomkeeper_livekit_active_rooms", server="environment") == 1


async def test_silent_webhooks_are_told_as_the_condition_says() -> None:
    fleet = await a_fleet(resyncSeconds=60)
    fleet.declare(serverRef={"namespace": MAIN.namespace, "name": MAIN.name})
    await fleet.settle()
    for join in (True, False):
        if join:
            fleet.livekits[URL].join(NAME, "alice")
        for _ in range(3):
            fleet.clock.advance(60)
            await fleet.reconcile(MAIN)
        [condition] = [
            one for one in fleet.server_status()["conditions"] if one["type"] == "WebhooksReceived"
        ]
        assert condition["status"] == "False"
        assert value("roomkeeper_webhooks_silent", **SERVER_LABEL) == 1
    assert value("roomkeeper_webhooks_silent", server="environment") == 0


async def test_a_deleted_server_leaves_no_series() -> None:
    fleet = await a_fleet()
    label = SERVER_LABEL["server"]
    metrics.livekit_request(label, "ListRooms", "ok", 0.1)
    metrics.RECORDING_STARTS.labels(label, "started").inc()
    metrics.livekit_request("other/main", "ListRooms", "ok", 0.1)
    assert label.encode() in generate_latest(metrics.REGISTRY)
    fleet.delete_server()
    await fleet.settle()
    assert label.encode() not in generate_latest(metrics.REGISTRY)
    assert value("roomkeeper_livekit_requests_total", server="other/main", method="ListRooms", code="ok") == 1
    metrics.forget_server("other/main")


async def test_a_key_waits_from_when_it_was_added_or_due() -> None:
    clock = HandClock()
    queue = WorkQueue(clock)
    count, total = (value(f"roomkeeper_queue_wait_seconds_{part}") or 0.0 for part in ("count", "sum"))
    first, second = Key("Room", "a", "1"), Key("Room", "a", "2")
    queue.add(first)
    clock.advance(2)
    queue.add(first)
    queue.add(second)
    assert queue.oldest_seconds == 2
    clock.advance(3)
    assert {await queue.get(), await queue.get()} == {first, second}
    assert (queue.oldest_seconds, queue.running, len(queue)) == (0, 2, 0)
    queue.add(first)  # while it is worked on: it waits from now
    clock.advance(7)
    queue.done(first)
    queue.done(second)
    assert queue.oldest_seconds == 7
    assert await queue.get() == first
    assert value("roomkeeper_queue_wait_seconds_count") == count + 3
    assert value("roomkeeper_queue_wait_seconds_sum") == total + 5 + 3 + 7


async def test_withdrawn_keys_wait_no_more() -> None:
    clock = HandClock()
    queue = WorkQueue(clock)
    key = Key("Room", "a", "1")
    queue.add(key)
    clock.advance(5)
    queue.withdraw(key)
    queue.add(key)
    assert queue.oldest_seconds == 0
    before = value("roomkeeper_queue_retries_total", kind="Room") or 0
    queue.retry(key)
    assert value("roomkeeper_queue_retries_total", kind="Room") == before + 1


MANY = 10_000


async def test_a_scrape_stays_cheap_with_many_rooms() -> None:
    engine = Engine()
    key = await engine.ready(roles=[{"name": "host"}, {"name": "viewer"}])
    body = engine.body(key)
    for number in range(MANY):
        metadata = {**body["metadata"], "name": f"r{number}", "uid": f"uid-{number}"}
        status = {**body["status"], "roomName": f"r{number}"}
        engine.operator.objects.observe(
            CustomObject.from_body("Room", {**body, "metadata": metadata, "status": status})
        )
    took = []
    for _ in range(5):
        began = time.process_time()
        list(metrics.LEVELS.collect())
        took.append(time.process_time() - began)
    assert value("roomkeeper_objects", kind="Room", ready="True") == MANY + 1
    print(f"levels of {MANY} Rooms: {min(took) * 1000:.1f} ms")
    assert min(took) < 0.1
