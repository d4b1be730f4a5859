"""The status of a LiveKitServer: what the operator has seen of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import Field

from roomkeeper.api.common import (
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAX_ANNOTATION,
    MAX_INT32,
    MAX_SAFE_INTEGER,
    UNSEEN_GENERATION,
    Condition,
    Model,
)

MAX_CONDITIONS: Final = 16


class AutoCreateState(StrEnum):
    """Whether the server makes a room when somebody joins one that is not there."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    UNKNOWN = "Unknown"


class ServerStatus(Model):
    """The part of a LiveKitServer that the operator writes."""

    observed_generation: int = Field(
        default=UNSEEN_GENERATION,
        ge=UNSEEN_GENERATION,
        le=MAX_SAFE_INTEGER,
        description="The `metadata.generation` that this status is about; -1 until the operator has seen the object.",
    )
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
    last_handled_reconcile_at: str | None = Field(
        default=None,
        max_length=MAX_ANNOTATION,
        description="The value of the annotation `roomkeeper.dev/reconcile-at` that was handled last.",
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=MAX_CONDITIONS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]},
        description="Ready: the server answers and takes the credentials. EgressAvailable: it can record; Unknown until a "
        "start has told. WebhooksReceived: it tells the operator what happens. Reconciling and Stalled are there only while "
        "true: Stalled means that somebody must act.",
    )
