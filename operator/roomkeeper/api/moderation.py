"""Who is kept out of a Room, and who may not publish what."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from roomkeeper.api.common import LIST_MAP_KEYS, LIST_TYPE, Model
from roomkeeper.api.role import Identity, TrackSource

MAX_BLOCKED: Final = 200
MAX_DENIED: Final = 200


class DeniedSources(Model):
    """What one participant may not publish."""

    identity: Identity = Field(
        description="The participant, 1 to 256 characters without `/`, `..` and control characters. LiveKit: `identity`.",
    )
    sources: tuple[TrackSource, ...] = Field(
        min_length=1,
        max_length=len(TrackSource),
        json_schema_extra={LIST_TYPE: "set"},
        description="The kinds of tracks that are taken out of their permissions and tokens. LiveKit: `canPublishSources`; a "
        "mute alone would be undone by the client.",
    )


class Moderation(Model):
    """Standing decisions about participants, applied again whenever they join."""

    blocked_identities: tuple[Identity, ...] = Field(
        default=(),
        max_length=MAX_BLOCKED,
        json_schema_extra={LIST_TYPE: "set"},
        description="Who is removed whenever they join, at most 200; each 1 to 256 characters without `/`, `..` and control "
        "characters. Nobody who is in a role. Default: nobody. LiveKit: `RemoveParticipant`.",
    )
    denied_sources: tuple[DeniedSources, ...] = Field(
        default=(),
        max_length=MAX_DENIED,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["identity"]},
        description="Who may not publish which kinds of tracks, at most 200 participants. What they publish of it ends at "
        "once. Default: nobody. LiveKit: `UpdateParticipant`.",
    )
