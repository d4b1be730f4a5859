"""Traces: a span for each reconcile, and below it one for each call to the outside; docs/tracing.md.

Off unless a collector is named and the extra `roomkeeper[tracing]` is installed. Then nothing of OpenTelemetry is
imported, and each reconcile and call costs a comparison.
"""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from roomkeeper.engine.current import Run
    from roomkeeper.engine.spans import Spans

logger = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NO_SPAN = nullcontext()

_spans: Spans | None = None  # of the process, as metrics are


def start(environment: Mapping[str, str] = os.environ) -> None:
    """Trace from now on, if a collector is named. What other OTEL_… variables say is the SDK's to heed."""
    if not any(environment.get(name) for name in ENDPOINTS):
        return
    try:
        from roomkeeper.engine.spans import Spans, to_collector  # noqa: PLC0415 - only where it is wanted
    except ImportError as error:
        logger.warning("no traces are sent: install roomkeeper[tracing] (%s)", error)
        return
    use(Spans(to_collector()))


def use(spans: Spans) -> None:
    """Trace from now on."""
    global _spans  # noqa: PLW0603
    _spans = spans


def stop() -> None:
    """Send what is not sent yet, and trace no more."""
    global _spans
    spans, _spans = _spans, None
    if spans:
        spans.stop()


def reconcile(run: Run) -> AbstractContextManager[None]:
    """Have a span around a reconcile."""
    return _spans.reconcile(run) if _spans else _NO_SPAN


def livekit(server: str, method: str, code: str, seconds: float) -> None:
    """Have a span of a call to LiveKit that has just ended."""
    if _spans:
        about = {"roomkeeper.server": server, "rpc.method": method, "roomkeeper.code": code}
        _spans.call(f"LiveKit {method}", seconds, about, has_failed=code != "ok")


def kubernetes(verb: str, resource: str, code: str, seconds: float) -> None:
    """Have a span of a call to the API server that has just ended."""
    if _spans:
        about = {"roomkeeper.verb": verb, "roomkeeper.resource": resource, "roomkeeper.code": code}
        _spans.call(f"Kubernetes {verb} {resource}", seconds, about, has_failed=not code.startswith("2"))
