"""The only importer of OpenTelemetry, which is optional: tracing.py imports this where it is wanted."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from roomkeeper import __version__
from roomkeeper.engine import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import SpanProcessor

    from roomkeeper.engine.current import Run

FLUSH_SECONDS = 2.0  # the SDK itself waits 30 s for a collector that does not answer
_FAILED = Status(StatusCode.ERROR)


def to_collector() -> SpanProcessor:
    """Return what sends spans in batches, from a thread of its own, to where OTEL_… variables say."""
    return BatchSpanProcessor(OTLPSpanExporter())


class Spans:
    """Makes spans and hands them to a processor."""

    def __init__(self, processor: SpanProcessor) -> None:
        """Be known as the service `roomkeeper` unless OTEL_SERVICE_NAME says otherwise."""
        os.environ.setdefault("OTEL_SERVICE_NAME", "roomkeeper")
        resource = Resource.create({"service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("roomkeeper", __version__)

    @contextmanager
    def reconcile(self, run: Run) -> Iterator[None]:
        """Have a span around a reconcile, and its id in `run`; a retry is a failure."""
        about: dict[str, str | int] = {
            "roomkeeper.kind": run.key.kind,
            "k8s.namespace.name": run.key.namespace,
            "roomkeeper.name": run.key.name,
            "roomkeeper.uid": run.uid,
            "roomkeeper.generation": run.generation,
        }
        with self._tracer.start_as_current_span(f"reconcile {run.key.kind}", attributes=about) as span:
            run.trace_id = f"{span.get_span_context().trace_id:032x}"
            yield
            span.set_attribute("roomkeeper.outcome", run.outcome)
            if run.outcome == "Retry":
                span.set_status(_FAILED)

    def call(self, name: str, seconds: float, about: Mapping[str, str], *, has_failed: bool) -> None:
        """Have a span of what has just ended, below that of the reconcile that asked for it; else there is none."""
        if current.get() is None:
            return
        ended = time.time_ns()
        started = ended - int(seconds * 1e9)
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=about, start_time=started)
        if has_failed:
            span.set_status(_FAILED)
        span.end(ended)

    def stop(self) -> None:
        """Send what is not sent yet, but wait no longer than FLUSH_SECONDS for it."""
        flushing = threading.Thread(target=self._provider.shutdown, name="flush-spans", daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
