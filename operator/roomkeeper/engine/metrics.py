"""What /metrics shows. Labels are bounded: no object names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECONCILES = Counter(
    "roomkeeper_reconciles_total", "Reconciles by kind and outcome.", ["kind", "outcome"], registry=REGISTRY
)
RECONCILE_SECONDS = Histogram(
    "roomkeeper_reconcile_duration_seconds", "How long a reconcile took.", ["kind"], registry=REGISTRY
)
QUEUE_DEPTH = Gauge("roomkeeper_queue_depth", "Keys that wait for a worker.", registry=REGISTRY)
OBJECTS = Gauge("roomkeeper_objects", "Objects that are known.", registry=REGISTRY)
LIVEKIT_REQUESTS = Counter(
    "roomkeeper_livekit_requests_total", "Requests to LiveKit.", ["method", "code"], registry=REGISTRY
)
LIVEKIT_SECONDS = Histogram(
    "roomkeeper_livekit_request_duration_seconds",
    "How long LiveKit took to answer.",
    ["method"],
    registry=REGISTRY,
)
KUBERNETES_REQUESTS = Counter(
    "roomkeeper_kubernetes_requests_total",
    "Requests to the API server, but for Kopf's watches.",
    ["verb", "resource", "code"],
    registry=REGISTRY,
)
WEBHOOKS = Counter(
    "roomkeeper_webhook_events_total",
    "Webhooks by event and what came of them.",
    ["event", "result"],
    registry=REGISTRY,
)


def livekit_request(method: str, code: str, seconds: float) -> None:
    """Count one request to LiveKit."""
    LIVEKIT_REQUESTS.labels(method, code).inc()
    LIVEKIT_SECONDS.labels(method).observe(seconds)


def kubernetes_request(verb: str, resource: str, code: str, _: float) -> None:
    """Count one request to the API server."""
    KUBERNETES_REQUESTS.labels(verb, resource, code).inc()
