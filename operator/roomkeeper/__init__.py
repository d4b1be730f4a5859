"""Roomkeeper: a Kubernetes operator that keeps LiveKit rooms and recordings as declared."""

__version__ = "0.1.0"
