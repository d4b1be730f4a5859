"""How things are called: rooms on LiveKit, Secrets in the namespace."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from roomkeeper.api.common import MAX_ROOM_NAME_BYTES
from roomkeeper.api.server import DEFAULT_ROOM_NAME_TEMPLATE

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key

DEFAULT_TEMPLATE = (
    DEFAULT_ROOM_NAME_TEMPLATE  # every template ends with it; before it stands a literal prefix
)
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
# Control characters, and surrogates, which no protobuf takes. Joiners (Cf) belong to Persian words and to emoji.
_CONTROL = frozenset({"Cc", "Cs"})


def default_room_name(key: Key, template: str = DEFAULT_TEMPLATE) -> str:
    """Return what the template makes: no two objects share it, since "_" is in no namespace and no object name."""
    return f"{prefix(template)}{key.namespace}_{key.name}"


def prefix(template: str) -> str:
    """Return the literal part of a template, which keeps two clusters on one server apart."""
    return template.removesuffix(DEFAULT_TEMPLATE)


def belongs_elsewhere(room_name: str, *, template: str, namespace: str) -> bool:
    """Tell whether the template makes, or could make, this name for an object of another namespace."""
    owner, separator, _ = room_name.removeprefix(prefix(template)).partition("_")
    has_prefix = room_name.startswith(prefix(template))
    return has_prefix and bool(separator) and owner != namespace and bool(_NAMESPACE.fullmatch(owner))


def is_object_name(name: str) -> bool:
    """Tell whether one of our objects could have this name."""
    return bool(_OBJECT_NAME.fullmatch(name))


def matches(pattern: str, name: str) -> bool:
    """Tell whether a name is of a pattern, in which only "*" is special; in linear time, whatever the pattern."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    *middle, last = others
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    start, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return True


def secret_name(room: str, role: str, template: str | None = None) -> str:
    """Return the name of a role's Secret; a role has no dot, so no two roles share one that no template gives."""
    return template or f"{room}.{role}"


def is_text(text: str) -> bool:
    """Tell whether a text has neither control characters nor what no protobuf takes."""
    return text.isprintable() or not any(unicodedata.category(each) in _CONTROL for each in text)


def is_usable(room_name: str) -> bool:
    """Tell whether LiveKit can live with a room name.

    It accepts "" and rooms with "|" but then misbehaves: the first creates a room without a name, the second
    stops its clean-up of ended egresses for ever (livekit: pkg/service/redisstore.go, parseEgressEnded).
    """
    return (
        0 < len(room_name.encode(errors="replace")) <= MAX_ROOM_NAME_BYTES
        and not any(part in room_name for part in ("|", "/", ".."))
        and is_text(room_name)
    )
