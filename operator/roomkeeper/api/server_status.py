"""The status of a LiveKitServer: what the operator has seen of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from roomkeeper.api.common import (
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAX_CONDITIONS,
    MAX_INT32,
    Condition,
)
from roomkeeper.api.status import Status


class AutoCreateState(StrEnum):
    """Whether the server makes a room when somebody joins one that is not there."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    UNKNOWN = "Unknown"


class ServerStatus(Status):
    """The part of a LiveKitServer that the operator writes."""

    auto_create: AutoCreateState | None = Field(
        default=None,
        description="Whether this LiveKit makes a room when somebody joins one that is not there; Unknown until it was found "
        "out. LiveKit: `room.auto_create`.",
    )
    rooms: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="How many Rooms are on this server. Up to 10 s old.",
    )
    recordings: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="How many Recordings run on this server. Up to 10 s old.",
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=MAX_CONDITIONS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]},
        description="Ready: the server answers and takes the credentials. EgressAvailable: it can record; Unknown until a "
        "start has told. WebhooksReceived: it tells the operator what happens. Reconciling and Stalled are there only while "
        "true: Stalled means that somebody must act.",
    )
