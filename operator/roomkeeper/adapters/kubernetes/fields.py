"""JSON objects as fields: the merge patch of RFC 7396, and leaves by path, as field ownership counts them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]

# What the API server sets: never merged from a client, never owned by one.
SYSTEM_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "uid",
    }
)


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target after the patch: null removes a key, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def without_system_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a body a client decides, as a copy."""
    metadata = {key: value for key, value in body.get("metadata", {}).items() if key not in SYSTEM_METADATA}
    rest = {key: value for key, value in body.items() if key not in {"apiVersion", "kind", "metadata"}}
    return copy.deepcopy({"metadata": metadata, **rest})


def leaves(body: Mapping[str, Any]) -> dict[Path, Any]:
    """Return every value that is no object with keys, by path; a list is one value."""
    return dict(_leaves(body, ()))


def _leaves(body: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in body.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def remove(body: dict[str, Any], path: Path) -> None:
    """Remove the value at a path that is there."""
    for key in path[:-1]:
        body = body[key]
    del body[path[-1]]
