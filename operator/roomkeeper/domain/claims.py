"""What a role says of its people: in their tokens, and of those who are connected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roomkeeper.api.role import POWERS, TrackSource
from roomkeeper.api.room import Lifecycle
from roomkeeper.domain import metadata
from roomkeeper.domain.livekit import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.api.role import Role
    from roomkeeper.api.room import RoomSpec
    from roomkeeper.domain.livekit import RoomConfig

SOURCES = frozenset(str(source) for source in TrackSource)
MAX_CARRIED_METADATA_BYTES = 1024  # of the room, in a token; longer metadata is set when the room is there


@dataclass(frozen=True, slots=True)
class Profile:
    """What the others in the room see of somebody; "" and no attributes: nothing is declared."""

    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def profile(role: Role) -> Profile:
    """Return the profile that everybody in the role has."""
    text = metadata.text(role.metadata) if role.metadata else ""
    return Profile(role.display_name or "", text, dict(role.attributes))


def video_grants(role: Role) -> dict[str, Any]:
    """Return LiveKit's VideoGrants for a role, without the room: whatever is not granted is said to be false.

    An empty canPublishSources would mean all sources to LiveKit (protocol: auth/grants.go), so it is left out.
    """
    given = role.grants.given
    sources = given.get("canPublishSources")
    return {"roomJoin": True, **given, **({"canPublishSources": sorted(sources)} if sources else {})}


def powers(video: Mapping[str, Any]) -> frozenset[str]:
    """Return which of the POWERS are granted."""
    return frozenset(power for power in POWERS if video.get(power))


def deny(video: Mapping[str, Any], sources: Iterable[str]) -> dict[str, Any]:
    """Return the grants without these sources; nobody who may publish nothing is left with canPublish."""
    denied = frozenset(sources)
    allowed = frozenset(video.get("canPublishSources", SOURCES))
    if not video.get("canPublish") or not denied & allowed:
        return dict(video)
    rest = {name: value for name, value in video.items() if name != "canPublishSources"}
    left = sorted(allowed - denied)
    return {**rest, "canPublishSources": left} if left else {**rest, "canPublish": False}


def denied_sources(spec: RoomSpec) -> dict[str, frozenset[str]]:
    """Return what the moderation takes away, by identity."""
    return {
        denied.identity: frozenset(str(source) for source in denied.sources)
        for denied in spec.moderation.denied_sources
    }


def permission(video: Mapping[str, Any]) -> Permission:
    """Return what LiveKit makes of these grants when their holder joins (protocol: auth/grants.go, ToPermission)."""
    return Permission(
        can_subscribe=video.get("canSubscribe", True),
        can_publish=video.get("canPublish", True),
        can_publish_data=video.get("canPublishData", True),
        can_publish_sources=frozenset(video.get("canPublishSources", ())),
        can_update_metadata=video.get("canUpdateOwnMetadata", False),
        can_subscribe_metrics=video.get("canSubscribeMetrics", False),
        hidden=video.get("hidden", False),
        agent=video.get("agent", False),
    )


def allowed_sources(held: Permission) -> frozenset[str]:
    """Return what somebody with this permission may publish."""
    if not held.can_publish:
        return frozenset()
    return held.can_publish_sources or SOURCES


def room_configuration(spec: RoomSpec, config: RoomConfig) -> dict[str, Any]:
    """Return the RoomConfiguration a token carries, so that a room born by a join is born as declared.

    A room that is born once must not be born again, so its tokens carry none. Metadata is in it only where joins are
    how the room comes to be: every holder can read a token, and an edit has to re-issue them all.
    """
    if spec.lifecycle is Lifecycle.ONCE:
        return {}
    fields: dict[str, Any] = {
        "emptyTimeout": config.empty_timeout_seconds,
        "departureTimeout": config.departure_timeout_seconds,
        "maxParticipants": config.max_participants,
        "minPlayoutDelay": config.min_playout_delay_milliseconds,
        "maxPlayoutDelay": config.max_playout_delay_milliseconds,
        "syncStreams": config.sync_streams,
    }
    if spec.lifecycle is Lifecycle.ON_DEMAND:
        text = metadata.initial(spec)
        fields["metadata"] = text if len(text.encode(errors="replace")) <= MAX_CARRIED_METADATA_BYTES else ""
    return {name: value for name, value in fields.items() if value}
