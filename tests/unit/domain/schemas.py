"""The schemas of the CRDs, as a test holds something against them."""

from __future__ import annotations

from typing import Any


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Refuse fields that the API server would drop without a word."""
    found = {name: strict(value) if isinstance(value, dict) else value for name, value in schema.items()}
    return {**found, "additionalProperties": False} if "properties" in found else found
