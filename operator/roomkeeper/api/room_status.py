"""The status of a Room: what the operator has seen and done."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import (
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAX_CONDITIONS,
    MAX_INT32,
    MAX_NAME,
    MAX_URL,
    Condition,
    Model,
    Time,
)
from roomkeeper.api.references import ResolvedServerRef
from roomkeeper.api.role import MAX_IDENTITY_PREFIX
from roomkeeper.api.status import Status

MAX_METADATA_KEYS: Final = 256
MAX_METADATA_BYTES: Final = 64 * 1024
MAX_CHANGES: Final = 32
MAX_CHANGE_LENGTH: Final = 1024
MAX_SENT_AGENTS: Final = 64
MAX_REVOKED_PREFIXES: Final = 64
MAX_REVOKED: Final = 4000  # every identity of the largest Room

# A key is as long as the metadata may be: a status that the API server refuses would never be written again.
MetadataKey = Annotated[str, Field(max_length=MAX_METADATA_BYTES)]
AgentName = Annotated[str, Field(max_length=256)]


class PendingChange(Model):
    """A field that LiveKit takes only when it creates the room, and that differs from the running one."""

    field: str = Field(max_length=MAX_CHANGE_LENGTH, description="The field of the spec.")
    live: str = Field(
        max_length=MAX_CHANGE_LENGTH,
        description="The value in the running room; Unknown where LiveKit does not show it.",
    )
    desired: str = Field(max_length=MAX_CHANGE_LENGTH, description="The value that is declared.")


class SessionConfig(Model):
    """What a session was created with, of the fields that LiveKit takes only then."""

    empty_timeout_seconds: int = Field(
        ge=0, le=MAX_INT32, description="As in the spec, in seconds. LiveKit: `emptyTimeout`."
    )
    departure_timeout_seconds: int = Field(
        ge=0, le=MAX_INT32, description="As in the spec, in seconds. LiveKit: `departureTimeout`."
    )
    max_participants: int = Field(
        ge=0, le=MAX_INT32, description="0 means no limit. LiveKit: `maxParticipants`."
    )
    min_playout_delay_milliseconds: int = Field(
        ge=0, le=MAX_INT32, description="As in the spec, in milliseconds. LiveKit: `minPlayoutDelay`."
    )
    max_playout_delay_milliseconds: int = Field(
        ge=0, le=MAX_INT32, description="As in the spec, in milliseconds. LiveKit: `maxPlayoutDelay`."
    )
    sync_streams: bool = Field(description="As in the spec. LiveKit: `syncStreams`.")


class TokenStatus(Model):
    """The tokens of one role."""

    role: str = Field(max_length=MAX_NAME, description="The name of the role.")
    secret_name: str | None = Field(
        default=None,
        max_length=253,
        description="The Secret that holds the tokens, in the Room's namespace.",
    )
    identities: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="How many identities have a token in the Secret.",
    )
    expires_at: Time | None = Field(default=None, description="When the tokens end (RFC 3339).")
    renews_at: Time | None = Field(default=None, description="When the tokens are replaced (RFC 3339).")


class RevokedIdentity(Model):
    """Somebody whose last token still works in LiveKit, though the spec has taken away what it gives."""

    identity: str = Field(max_length=MAX_CHANGE_LENGTH, description="The identity.")
    until: Time = Field(description="When their last token ends (RFC 3339).")


class DynamicTokens(Model):
    """A role whose tokens the endpoint signs: what those that are out there say."""

    role: str = Field(max_length=MAX_NAME, description="The name of the role.")
    identity_prefix: str = Field(
        max_length=MAX_IDENTITY_PREFIX, description="What their identities begin with."
    )
    hash: str = Field(max_length=64, description="A hash of what they allow and say.")
    ttl_seconds: int = Field(ge=0, le=MAX_INT32, description="How long they are valid at most, in seconds.")
    signing_key: str | None = Field(
        default=None,
        max_length=64,
        description="A fingerprint of the API key and its secret, which LiveKit has accepted: no other signs them.",
    )


class RevokedPrefix(Model):
    """Identities of a dynamic role whose tokens still work in LiveKit, though the spec has changed what they give."""

    identity_prefix: str = Field(
        max_length=MAX_IDENTITY_PREFIX, description="What the identities begin with."
    )
    until: Time = Field(description="When the last of these tokens ends (RFC 3339).")


class RoomStatus(Status):
    """The part of a Room that the operator writes."""

    room_name: str | None = Field(
        default=None,
        max_length=MAX_CHANGE_LENGTH,
        description="The name of the room in LiveKit, fixed when the Room is first handled. LiveKit: `name`.",
    )
    url: str | None = Field(
        default=None,
        max_length=MAX_URL,
        description="The address that clients connect to. LiveKit: `LIVEKIT_URL`.",
    )
    server_ref: ResolvedServerRef | None = Field(
        default=None,
        description="The LiveKitServer that this Room is on, fixed when the Room is first handled; absent where it is the one "
        "of the operator's own environment.",
    )
    sid: str | None = Field(
        default=None,
        max_length=256,
        description="LiveKit's id of the running session; a re-created room has another one. LiveKit: `sid`.",
    )
    created_at: Time | None = Field(
        default=None,
        description="When LiveKit created the running session (RFC 3339). LiveKit: `creationTime`.",
    )
    created_with: SessionConfig | None = Field(
        default=None,
        description="What the running session was created with, as far as it is known: LiveKit does not show all of it. A "
        "session that differs from this in LiveKit is not replaced a second time.",
    )
    recreations: int = Field(
        default=0,
        ge=0,
        le=MAX_INT32,
        description="How many times the room was created again after LiveKit had closed or lost it.",
    )
    num_participants: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="How many participants are in the room, agents and recorders not counted. Up to 10 s old. LiveKit: "
        "`numParticipants`.",
    )
    num_publishers: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="How many of the participants publish. Up to 10 s old. LiveKit: `numPublishers`.",
    )
    active_recording: bool | None = Field(
        default=None,
        description="Whether something records the room. LiveKit: `activeRecording`.",
    )
    metadata_keys: tuple[MetadataKey, ...] = Field(
        default=(),
        max_length=MAX_METADATA_KEYS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="The keys of the room's metadata that come from the spec: when one is no longer declared, it is removed.",
    )
    pending_changes: tuple[PendingChange, ...] = Field(
        default=(),
        max_length=MAX_CHANGES,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["field"]},
        description="What was declared after the room had been created and that LiveKit only takes at creation: it comes with "
        "the next session.",
    )
    agents: tuple[AgentName, ...] = Field(
        default=(),
        max_length=MAX_SENT_AGENTS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="The agents that were sent to the running session because the spec names or named them. LiveKit: "
        "`agentName` of a dispatch.",
    )
    tokens: tuple[TokenStatus, ...] = Field(
        default=(),
        max_length=64,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["role"]},
        description="The tokens of each role.",
    )
    revoked_identities: tuple[RevokedIdentity, ...] = Field(
        default=(),
        max_length=MAX_REVOKED,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="Who was removed, demoted or blocked and still has a token: LiveKit cannot revoke one, so they are "
        "corrected at every join until it ends.",
    )
    dynamic_tokens: tuple[DynamicTokens, ...] = Field(
        default=(),
        max_length=64,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["role"]},
        description="The dynamic roles for which the token endpoint signs now.",
    )
    revoked_prefixes: tuple[RevokedPrefix, ...] = Field(
        default=(),
        max_length=MAX_REVOKED_PREFIXES,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="Whose identity begins so may have a token of a dynamic role that was changed or removed: they are "
        "corrected at every join until it ends.",
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=MAX_CONDITIONS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]},
        description="Ready sums up RoomAvailable and TokensIssued. Suspended, Reconciling and Stalled are there only "
        "while true: Stalled means that somebody must act.",
    )
