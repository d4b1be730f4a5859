"""What is done with every call to the outside when it has ended: it is counted, traced, and a sign of life."""

from __future__ import annotations

from roomkeeper.engine import current, metrics, tracing


def livekit(server: str, method: str, code: str, seconds: float) -> None:
    """Take a request to LiveKit; `server` as in labels."""
    metrics.livekit_request(server, method, code, seconds)
    tracing.livekit(server, method, code, seconds)
    current.note_call()


def kubernetes(verb: str, resource: str, code: str, seconds: float) -> None:
    """Take a request to the API server."""
    metrics.kubernetes_request(verb, resource, code, seconds)
    tracing.kubernetes(verb, resource, code, seconds)
    current.note_call()
