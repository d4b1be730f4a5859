"""How things are called: rooms on LiveKit, Secrets in the namespace."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key

MAX_ROOM_NAME_BYTES = 256  # livekit: limit.max_room_name_length
# Control characters, and surrogates, which no protobuf takes. Joiners (Cf) belong to Persian words and to emoji.
_CONTROL = frozenset({"Cc", "Cs"})


def default_room_name(key: Key) -> str:
    """Return `namespace_name`: no two objects share it, since "_" is in no namespace and no object name."""
    return f"{key.namespace}_{key.name}"


def secret_name(room: str, role: str) -> str:
    """Return the default name of a role's Secret: a role has no dot, so no two roles share it."""
    return f"{room}.{role}"


def is_usable(room_name: str) -> bool:
    """Tell whether LiveKit can live with a room name.

    It accepts "" and rooms with "|" but then misbehaves: the first creates a room without a name, the second
    stops its clean-up of ended egresses for ever (livekit: pkg/service/redisstore.go, parseEgressEnded).
    """
    return (
        0 < len(room_name.encode(errors="replace")) <= MAX_ROOM_NAME_BYTES
        and not any(part in room_name for part in ("|", "/", ".."))
        and not any(unicodedata.category(character) in _CONTROL for character in room_name)
    )
