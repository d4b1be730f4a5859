"""Where in a bucket media go: templates are rendered here, so that neither a name nor a variable leads elsewhere.

LiveKit's own variables of time and track are left to the worker: what it puts there has no slash. `{room_name}` and
`{publisher_identity}` are rendered here, as both are free text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[/\\{}]|\.(?=\.)")
_TIMES = frozenset({"time", "utc"})
_TRACKS = frozenset({"track_id", "track_type", "track_source"})
# How long what the worker puts in for a variable can be.
_WIDEST = {"time": 17, "utc": 17, "room_id": 32, "track_id": 64, "track_type": 5, "track_source": 18}
MAX_KEY_BYTES = (
    900  # S3 takes 1024, and the worker adds a number and an extension, or the name of its manifest
)
MAX_NAME_BYTES = 230  # between two slashes: a file system takes 255, that of the worker too


class KeyTemplateError(ValueError):
    """A template that may not be rendered; the message says why, and repeats nothing of it but a variable's name."""


def values(*, room_name: str, identity: str) -> dict[str, str]:
    """Return what is rendered here; nothing for what is not known."""
    known = {"room_name": room_name, "publisher_identity": identity}
    return {name: safe(value) for name, value in known.items() if value}


def left_to_the_worker(source: RecordingSource) -> frozenset[str]:
    """Return the variables that the worker renders (livekit: egress, pkg/config/output_file.go)."""
    if source is RecordingSource.WEB:
        return _TIMES
    return _TIMES | {"room_id"} | (_TRACKS if source is RecordingSource.TRACK else frozenset())


def render(template: str, *, known: Mapping[str, str], left: frozenset[str]) -> str:
    """Return the key with what is known put in; KeyTemplateError for what could lead out of its place."""

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return known[name]
        if name in left:
            return match[0]
        raise KeyTemplateError(f"{{{name[:40]}}} is not known for this source")

    key = _VARIABLE.sub(put, template)
    # Also a variable that only came to be here, of a brace and a value.
    unknown = _VARIABLE.sub(lambda match: "" if match[1] in left else match[0], key)
    if "{" in unknown or "}" in unknown:
        raise KeyTemplateError("a brace in it belongs to no variable")
    check(key)
    return key


def check(key: str) -> None:
    """Raise KeyTemplateError unless the key stays where it is put."""
    if key.startswith("/"):
        raise KeyTemplateError("it must not begin with a slash")
    if ".." in key or "\\" in key:
        raise KeyTemplateError("it must not contain '..' or a backslash")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in key):
        raise KeyTemplateError("it must not contain control characters")
    widest = _VARIABLE.sub(lambda match: "x" * _WIDEST.get(match[1], 0), key)
    if len(widest.encode()) > MAX_KEY_BYTES:
        raise KeyTemplateError(f"it would be more than {MAX_KEY_BYTES} bytes")
    if max(len(part.encode()) for part in widest.split("/")) > MAX_NAME_BYTES:
        raise KeyTemplateError(f"what stands between two slashes would be more than {MAX_NAME_BYTES} bytes")


def safe(text: str) -> str:
    """Return free text as one step of a path: it cannot climb, branch off or name a variable."""
    kept = _UNSAFE.sub("_", text)
    return "".join("_" if unicodedata.category(one) in ("Cc", "Cs") else one for one in kept)


def refused(field: str, error: KeyTemplateError) -> Finding:
    """Say which field cannot be a key, and why."""
    return Finding(Reason.INVALID_SPEC, f"{field}: {error}")
