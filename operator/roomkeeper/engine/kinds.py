"""The kinds that are watched: a line each. Servers come first, because the others refer to them."""

from __future__ import annotations

from roomkeeper.adapters.kubernetes.resources import LIVEKIT_SERVERS, ROOMS

KINDS = {
    "LiveKitServer": LIVEKIT_SERVERS,
    "Room": ROOMS,
}
