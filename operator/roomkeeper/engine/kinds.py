"""The kinds that are watched: a line each. Those that others refer to come first."""

from __future__ import annotations

from roomkeeper.adapters.kubernetes.resources import (
    LIVEKIT_SERVERS,
    RECORDING_SCHEDULES,
    RECORDING_STORAGES,
    RECORDINGS,
    ROOMS,
)
from roomkeeper.domain.objects import RECORDING, ROOM, SCHEDULE, SERVER, STORAGE

KINDS = {
    SERVER: LIVEKIT_SERVERS,
    STORAGE: RECORDING_STORAGES,
    ROOM: ROOMS,
    RECORDING: RECORDINGS,
    SCHEDULE: RECORDING_SCHEDULES,
}
