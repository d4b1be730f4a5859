"""What the objects of other namespaces may have of a LiveKitServer.

What gives reach is safe when it is absent; a number that is absent is no quota. The safe defaults are in `effective_…`,
not in the CRD: an empty list means none at all, and is something else than no list.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from roomkeeper.api.common import LIST_TYPE, PRESERVE_UNKNOWN, Model
from roomkeeper.api.recording_policy import RecordingPolicySpec

MAX_PATTERNS: Final = 32
MAX_PATTERN: Final = 256
MAX_ALLOWED_AGENTS: Final = 100
MAX_AGENT_NAME: Final = 256
MAX_SCHEMA_KEYS: Final = 256
MAX_SCHEMA_BYTES: Final = 32 * 1024


class Grant(StrEnum):
    """The grants that a policy can allow, in LiveKit's own words; others cannot be had at all."""

    CAN_SUBSCRIBE = "canSubscribe"
    CAN_PUBLISH = "canPublish"
    CAN_PUBLISH_SOURCES = "canPublishSources"
    CAN_PUBLISH_DATA = "canPublishData"
    CAN_UPDATE_OWN_METADATA = "canUpdateOwnMetadata"
    CAN_SUBSCRIBE_METRICS = "canSubscribeMetrics"
    HIDDEN = "hidden"
    ROOM_ADMIN = "roomAdmin"
    AGENT = "agent"
    ROOM_RECORD = "roomRecord"
    INGRESS_ADMIN = "ingressAdmin"


SAFE_GRANTS: Final = frozenset(
    {
        Grant.CAN_SUBSCRIBE,
        Grant.CAN_PUBLISH,
        Grant.CAN_PUBLISH_SOURCES,
        Grant.CAN_PUBLISH_DATA,
        Grant.CAN_UPDATE_OWN_METADATA,
        Grant.CAN_SUBSCRIBE_METRICS,
    }
)
SAFE_ROOM_NAME_PATTERNS: Final = ("{namespace}_*",)

RoomNamePattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN)]
AgentName = Annotated[str, Field(min_length=1, max_length=MAX_AGENT_NAME)]


class PolicySpec(Model):
    """The limits of objects in other namespaces than the LiveKitServer's; those in its own are not limited."""

    allowed_grants: tuple[Grant, ...] | None = Field(
        default=None,
        max_length=len(Grant),
        json_schema_extra={LIST_TYPE: "set"},
        description="The grants that roles may have. hidden, roomAdmin, agent, roomRecord and ingressAdmin are had only if "
        "they are named here; the last three are not bound to a room: agent takes the jobs of every tenant, roomRecord starts, "
        "lists and stops recordings of every tenant, ingressAdmin manages the ingresses of every tenant. Default: "
        "canSubscribe, canPublish, canPublishSources, canPublishData, canUpdateOwnMetadata, canSubscribeMetrics; an empty "
        "list allows none. LiveKit: the token's `video` grants.",
    )
    room_name_patterns: tuple[RoomNamePattern, ...] | None = Field(
        default=None,
        max_length=MAX_PATTERNS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="The names that rooms may be given, at most 32: `{namespace}` is the namespace of the object, `*` any "
        "number of any characters; they follow the literal prefix of `roomNameTemplate`. A name that the template could make "
        "for another namespace is refused all the same. Default: `{namespace}_*`; an empty list allows only names that the "
        "template makes. LiveKit: `name` of a room.",
    )
    max_token_ttl_seconds: int | None = Field(
        default=None,
        alias="maxTokenTTLSeconds",
        ge=600,
        le=86_400,
        description="The longest life of a token, in seconds: 600 to 86400. A role that asks for more is refused. Default: no "
        "limit but the role's own. LiveKit: the token's `exp`.",
    )
    max_rooms_per_namespace: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="How many Rooms one namespace may have on this server: 0 to 10000. The newest are over quota. Default: no "
        "limit. LiveKit has no such notion.",
    )
    max_participants: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="The most that `maxParticipants` of a Room may be, and what a Room without one gets: 1 to 10000. Default: "
        "no limit. LiveKit: `maxParticipants`.",
    )
    allowed_agents: tuple[AgentName, ...] = Field(
        default=(),
        max_length=MAX_ALLOWED_AGENTS,
        json_schema_extra={LIST_TYPE: "set"},
        description="The agents that Rooms may ask for, by their exact names, at most 100. Default: none. LiveKit: "
        "`agentName`.",
    )
    metadata_schema: dict[str, Any] | None = Field(
        default=None,
        max_length=MAX_SCHEMA_KEYS,
        json_schema_extra={PRESERVE_UNKNOWN: True},
        description="A JSON Schema (2020-12) that the metadata of Rooms must satisfy, rawMetadata included (it must then be "
        "JSON). At most 32 KiB, without pattern, patternProperties, format and remote $ref: one that could run for ever is "
        "refused. Default: any metadata. LiveKit: `metadata` of a room.",
    )
    recordings: RecordingPolicySpec = Field(
        default=RecordingPolicySpec(),
        description="What Recordings may do. Default: the safe default of each field. LiveKit: Egress.",
    )

    @property
    def effective_allowed_grants(self) -> frozenset[Grant]:
        """The grants that may be had: the declared ones, or those that reach nobody else."""
        return SAFE_GRANTS if self.allowed_grants is None else frozenset(self.allowed_grants)

    @property
    def effective_room_name_patterns(self) -> tuple[str, ...]:
        """The names that may be given: the declared patterns, or names in the namespace's own range."""
        return SAFE_ROOM_NAME_PATTERNS if self.room_name_patterns is None else self.room_name_patterns
