"""Room metadata: an object stored as JSON text. Parsed values are compared, never texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomkeeper.api.room import MetadataPolicy
from roomkeeper.api.room_status import MAX_METADATA_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roomkeeper.api.room import RoomSpec

MAX_BYTES = MAX_METADATA_BYTES  # ours; LiveKit takes 512 KiB, but every participant receives it


CONTESTED = 3  # times in ten minutes that it had to be put right: then somebody else wants it otherwise


def text(value: Mapping[str, Any]) -> str:
    """Return the JSON text that is stored."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def initial(spec: RoomSpec) -> str:
    """Return what a new room is created with."""
    if spec.raw_metadata is not None:
        return spec.raw_metadata
    return text(spec.metadata) if spec.metadata else ""


def desired(spec: RoomSpec, *, live: str, kept: Sequence[str], is_newborn: bool = False) -> str | None:
    """Return the text to store, or None when the live metadata is as declared.

    `is_newborn` says that the session began after the Room was declared and is seen for the first time: under
    Initial it is given its metadata then, unless the application was faster. A raw text is compared as a text.

    `kept` are the top-level keys the operator wrote before: under Merge, those that are no longer declared go
    and the application's own stay, as does a text of its own that is no object, unless a key is declared.
    A Room that never declared metadata leaves it alone.
    """
    if spec.metadata_policy is MetadataPolicy.INITIAL:
        return (initial(spec) or None) if is_newborn and not live else None
    if spec.raw_metadata is not None:
        return None if live == spec.raw_metadata else spec.raw_metadata
    if spec.metadata is None and not kept:
        return None
    declared = spec.metadata or {}
    current = _parse(live)
    if spec.metadata_policy is MetadataPolicy.ENFORCE:
        wanted = dict(declared)
    elif current is None and not declared:
        return None
    else:
        withdrawn = set(kept) - declared.keys()
        theirs = {key: value for key, value in (current or {}).items() if key not in withdrawn}
        wanted = {**theirs, **declared}
    if current is not None and _same(wanted, current):
        return None
    return text(wanted) if wanted else ""


def _parse(live: str) -> dict[str, Any] | None:
    """Return the live metadata as an object; None: it is something else, or not JSON at all."""
    if not live:
        return {}
    try:
        value = json.loads(live)
    except (ValueError, RecursionError):  # whoever may change the metadata can nest it without end
        return None
    return value if isinstance(value, dict) else None


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: Python's True equals 1, and JSON's does not."""
    if one is other:  # what stays theirs is not walked through, however deep it is
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
