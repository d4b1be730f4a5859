"""What is counted while the operator works; levels.py reads the rest off the caches. docs/metrics.md explains each.

Labels are bounded: no object names but those of LiveKitServers, whose series go with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.registry import Collector

from roomkeeper import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.metrics_core import Metric

    from roomkeeper.domain.objects import Key

# A second series for each would tell since when it counts: all of them begin with the process.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

# From a cached look to a LiveKit that has to be waited for; a start of an egress may take 45 s.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REQUEST_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 45.0)
_LAG_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_LONGEST_LAG_SECONDS = 86_400.0

ENVIRONMENT = "environment"
"""The label `server` of the one that LIVEKIT_URL names; every other is namespace/name."""

BUILD = Gauge("roomkeeper_build_info", "The version that runs; always 1.", ["version"], registry=REGISTRY)
BUILD.labels(__version__).set(1)
LEADER = Gauge(
    "roomkeeper_leader", "1 while this process does the work, 0 while it stands by.", registry=REGISTRY
)

RECONCILES = Counter(
    "roomkeeper_reconciles_total", "Reconciles by kind and outcome.", ["kind", "outcome"], registry=REGISTRY
)
RECONCILE_SECONDS = Histogram(
    "roomkeeper_reconcile_duration_seconds",
    "How long a reconcile took.",
    ["kind", "outcome"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
UNEXPECTED_ERRORS = Counter(
    "roomkeeper_unexpected_errors_total",
    "Reconciles that ended in an error nobody has thought of: bugs.",
    ["kind"],
    registry=REGISTRY,
)
QUEUE_WAIT_SECONDS = Histogram(
    "roomkeeper_queue_wait_seconds",
    "How long a key has waited for a worker, from when it was added or due.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
QUEUE_RETRIES = Counter(
    "roomkeeper_queue_retries_total",
    "Keys that come back with backoff, because an effect failed.",
    ["kind"],
    registry=REGISTRY,
)

LIVEKIT_REQUESTS = Counter(
    "roomkeeper_livekit_requests_total",
    "Requests to LiveKit.",
    ["server", "method", "code"],
    registry=REGISTRY,
)
LIVEKIT_SECONDS = Histogram(
    "roomkeeper_livekit_request_duration_seconds",
    "How long LiveKit took to answer.",
    ["server", "method"],
    buckets=_REQUEST_SECONDS,
    registry=REGISTRY,
)
KUBERNETES_REQUESTS = Counter(
    "roomkeeper_kubernetes_requests_total",
    "Requests to the API server, but for Kopf's watches.",
    ["verb", "resource", "code"],
    registry=REGISTRY,
)
KUBERNETES_SECONDS = Histogram(
    "roomkeeper_kubernetes_request_duration_seconds",
    "How long the API server took to answer.",
    ["verb", "resource"],
    buckets=_REQUEST_SECONDS,
    registry=REGISTRY,
)

WEBHOOKS = Counter(
    "roomkeeper_webhook_events_total",
    "Webhooks by event and what came of them.",
    ["event", "result"],
    registry=REGISTRY,
)
WEBHOOK_LAG_SECONDS = Histogram(
    "roomkeeper_webhook_lag_seconds",
    "From when LiveKit made an event, which it tells in whole seconds, to when it came.",
    buckets=_LAG_SECONDS,
    registry=REGISTRY,
)

RECORDING_STARTS = Counter(
    "roomkeeper_recording_starts_total",
    "Starts of an egress by what came of them.",
    ["server", "result"],
    registry=REGISTRY,
)
RECORDING_FAILURES = Counter(
    "roomkeeper_recording_failures_total",
    "Recordings that ended without success by the reason of Ready; AttemptFailed: another attempt follows.",
    ["reason"],
    registry=REGISTRY,
)
RECORDED_SECONDS = Counter(
    "roomkeeper_recorded_seconds_total",
    "How long was recorded, of attempts that are over.",
    registry=REGISTRY,
)
ZOMBIES = Counter(
    "roomkeeper_recording_zombies_total",
    "Egresses that LiveKit counts as running and whose worker is gone.",
    registry=REGISTRY,
)
TOKENS = Counter(
    "roomkeeper_tokens_asked_total",
    "Tokens of dynamic roles that were asked for, by what came of it.",
    ["result"],
    registry=REGISTRY,
)
TOKEN_RESULTS = (
    "issued", "bad request", "unauthenticated", "forbidden", "refused", "not found", "not ready", "limited", "unavailable",
)  # fmt: skip


class _Levels(Collector):
    """What is read off the operator of this process whenever somebody scrapes."""

    source: Callable[[], Iterable[Metric]] | None = None

    def collect(self) -> Iterable[Metric]:
        """Return nothing as long as there is no operator."""
        return self.source() if self.source else ()


LEVELS = _Levels()
REGISTRY.register(LEVELS)


def begin(kinds: Iterable[str]) -> None:
    """Have what counts trouble begin at 0: else the first trouble is no increase."""
    for kind in kinds:
        QUEUE_RETRIES.labels(kind)
        UNEXPECTED_ERRORS.labels(kind)
    for result in TOKEN_RESULTS:
        TOKENS.labels(result)


def server_label(server: Key) -> str:
    """Return how a LiveKit server is called in labels; the one of the environment has no name."""
    return f"{server.namespace}/{server.name}" if server.name else ENVIRONMENT


def livekit_request(server: str, method: str, code: str, seconds: float) -> None:
    """Count one request to LiveKit."""
    LIVEKIT_REQUESTS.labels(server, method, code).inc()
    LIVEKIT_SECONDS.labels(server, method).observe(seconds)


def forget_server(server: str) -> None:
    """Drop every series of a LiveKitServer that is gone."""
    for family in (LIVEKIT_REQUESTS, LIVEKIT_SECONDS, RECORDING_STARTS):
        family.remove_by_labels({"server": server})


def kubernetes_request(verb: str, resource: str, code: str, seconds: float) -> None:
    """Count one request to the API server."""
    KUBERNETES_REQUESTS.labels(verb, resource, code).inc()
    KUBERNETES_SECONDS.labels(verb, resource).observe(seconds)


def webhook(event: str, result: str, *, lag_seconds: float) -> None:
    """Count one webhook that was verified. Its time is LiveKit's, or of whoever else has the key: it is bounded."""
    WEBHOOKS.labels(event, result).inc()
    WEBHOOK_LAG_SECONDS.observe(min(max(lag_seconds, 0.0), _LONGEST_LAG_SECONDS))
