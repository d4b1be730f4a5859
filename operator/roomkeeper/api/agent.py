"""The agents that are sent to a Room."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from roomkeeper.api.common import PRESERVE_UNKNOWN, Model

MAX_AGENTS: Final = 10
MAX_AGENT_NAME: Final = 256
MAX_AGENT_METADATA_KEYS: Final = 64


class AgentDispatch(StrEnum):
    """When an agent is sent."""

    WHEN_PARTICIPANT_JOINS = "WhenParticipantJoins"
    WITH_ROOM = "WithRoom"


class Agent(Model):
    """An agent that is sent to the room once per session."""

    agent_name: str = Field(
        min_length=1,
        max_length=MAX_AGENT_NAME,
        description="The name that the agent's workers have registered with; the server's policy must name it. LiveKit: "
        "`agentName`.",
    )
    metadata: dict[str, Any] | None = Field(
        default=None,
        max_length=MAX_AGENT_METADATA_KEYS,
        json_schema_extra={PRESERVE_UNKNOWN: True},
        description="Any object of at most 64 keys, handed to the agent as JSON of at most 64 KiB. Default: none. LiveKit: "
        "`metadata` of the dispatch.",
    )
    dispatch: AgentDispatch = Field(
        default=AgentDispatch.WHEN_PARTICIPANT_JOINS,
        description="WhenParticipantJoins: it is sent when the first participant is there. WithRoom: as soon as the room is "
        "there, also an empty one. Default: WhenParticipantJoins. LiveKit has no such notion.",
    )
