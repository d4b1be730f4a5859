"""The spans of reconciles and calls, kept in memory; and that there are none, and nothing is loaded, where nobody asks."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from roomkeeper.adapters.ports import ForbiddenError
from roomkeeper.domain.objects import Key
from roomkeeper.engine import calls, current, tracing
from roomkeeper.engine.spans import FLUSH_SECONDS, Spans
from roomkeeper.engine.workers import Workers
from tests.unit.engine.harness import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from roomkeeper.domain.outcomes import Outcome
    from roomkeeper.engine.workers import Reconciler

RUN = current.Run(Key("Room", "team-a", "standup"))


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Trace into memory."""
    kept = InMemorySpanExporter()
    tracing.use(Spans(SimpleSpanProcessor(kept)))
    yield kept
    tracing.stop()


class Calling:
    """A reconciler whose calls are told of, as those of the real ports are."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler

    async def reconcile(self, key: Key) -> Outcome:
        calls.livekit("environment", "CreateRoom", "ok", 0.25)
        calls.kubernetes("patch", "rooms/status", "409", 0.5)
        return await self._reconciler.reconcile(key)


@pytest.fixture
async def engine() -> Engine:
    one = Engine()
    await one.probe()
    workers = one.workers
    reconcilers = {**workers.reconcilers, "Room": Calling(workers.reconcilers["Room"])}
    one.workers = Workers(one.queue, reconcilers, one.operator.objects)
    return one


def told(span: ReadableSpan) -> dict[str, object]:
    """Return what a span says of itself."""
    return {name.removeprefix("roomkeeper."): value for name, value in (span.attributes or {}).items()}


async def test_a_reconcile_is_a_span_above_those_of_its_calls(
    engine: Engine, exporter: InMemorySpanExporter
) -> None:
    key = engine.declare()
    engine.deliver()
    calls.livekit("environment", "ListRooms", "ok", 0.1)  # for no reconcile
    await engine.workers.work_on(key)
    create, patch, reconcile = exporter.get_finished_spans()
    assert [span.name for span in (reconcile, create, patch)] == [
        "reconcile Room",
        "LiveKit CreateRoom",
        "Kubernetes patch rooms/status",
    ]
    body = engine.body(key)
    assert told(reconcile) == {
        "kind": "Room",
        "k8s.namespace.name": "team-a",
        "name": "standup",
        "uid": body["metadata"]["uid"],
        "generation": 1,
        "outcome": "Done",
    }
    assert reconcile.status.is_unset
    for child in (create, patch):
        assert child.parent
        assert child.parent.span_id == reconcile.context.span_id
        assert child.kind is SpanKind.CLIENT
    assert told(create) == {"server": "environment", "rpc.method": "CreateRoom", "code": "ok"}
    assert told(patch) == {"verb": "patch", "resource": "rooms/status", "code": "409"}
    assert (create.status.is_unset, patch.status.is_unset) == (True, False)
    assert create.end_time
    assert create.start_time
    assert (create.end_time - create.start_time) / 1e9 == pytest.approx(0.25)
    assert reconcile.resource.attributes["service.name"] == "roomkeeper"


async def test_a_reconcile_that_comes_again_has_failed(
    engine: Engine, exporter: InMemorySpanExporter
) -> None:
    key = engine.declare()
    engine.deliver()
    engine.kubernetes.fail_next("patch", "rooms", ForbiddenError("no"))
    await engine.workers.work_on(key)
    *_, reconcile = exporter.get_finished_spans()
    assert told(reconcile)["outcome"] == "Retry"
    assert not reconcile.status.is_unset


async def test_nothing_is_traced_where_no_collector_is_named(engine: Engine) -> None:
    tracing.start({})
    assert tracing.reconcile(RUN) is tracing.reconcile(RUN)
    key = engine.declare()
    engine.deliver()
    await engine.workers.work_on(key)
    assert engine.ready_reason(key) == "Available"


def test_nothing_of_opentelemetry_is_loaded_where_no_collector_is_named() -> None:
    program = (
        "import sys, roomkeeper.handlers; from roomkeeper.engine import tracing; tracing.start({});"
        "print(sum(name.split('.')[0] == 'opentelemetry' for name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"


def test_a_collector_without_the_extra_is_told_once_and_no_harm_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "roomkeeper.engine.spans")
    tracing.start({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "install roomkeeper[tracing]" in caplog.text
    with tracing.reconcile(RUN):
        assert RUN.trace_id == ""


class Stuck(SpanExporter):
    """A collector that does not answer."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        time.sleep(10 * FLUSH_SECONDS)


def test_the_end_does_not_wait_for_a_collector_for_long() -> None:
    tracing.use(Spans(SimpleSpanProcessor(Stuck())))
    began = time.monotonic()
    tracing.stop()
    assert FLUSH_SECONDS <= time.monotonic() - began < 2 * FLUSH_SECONDS


def test_it_costs_nothing_to_be_off() -> None:
    """A reconcile has some ten calls, and takes milliseconds."""
    times = 10_000
    began = time.process_time()
    for _ in range(times):
        with tracing.reconcile(RUN):
            pass
        tracing.livekit("environment", "CreateRoom", "ok", 0.1)
    each = (time.process_time() - began) / times
    print(f"off: {each * 1e6:.2f} us for a reconcile with a call")
    assert each < 20e-6
