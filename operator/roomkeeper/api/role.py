"""A role of a Room: who joins with which rights, and how long their tokens live."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from roomkeeper.api.common import DNS_LABEL, LIST_TYPE, MAP_TYPE, MAX_NAME, PRESERVE_UNKNOWN, Model
from roomkeeper.api.secret_template import SecretTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_IDENTITIES: Final = 200
MAX_IDENTITY: Final = 256
MAX_IDENTITY_PREFIX: Final = 64
DEFAULT_DYNAMIC_TTL_SECONDS: Final = 600
DEFAULT_MAX_PER_MINUTE: Final = 600
MAX_DISPLAY_NAME: Final = 256
MAX_ATTRIBUTES: Final = 16
MAX_ATTRIBUTE_KEY: Final = 128
MAX_ATTRIBUTE: Final = 1024
MAX_ROLE_METADATA_KEYS: Final = 64
DEFAULT_TTL_SECONDS: Final = 3600
# What a token lets its holder do besides being in the room; no update of a participant takes it away.
POWERS: Final = frozenset({"agent", "ingressAdmin", "roomAdmin", "roomRecord"})

_RENEWAL_SHARE: Final = 3  # of the ttl: the rest is time for a retry


class TrackSource(StrEnum):
    """LiveKit's own names of what a track comes from."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"


class PermissionsPolicy(StrEnum):
    """When the permissions of people who are connected are set."""

    ON_CHANGE = "OnChange"
    ENFORCE = "Enforce"


class Grants(Model):
    """What the token of a role allows in the room; least privilege unless said otherwise."""

    can_subscribe: bool = Field(
        default=True,
        description="May receive the tracks of others. Default: true. LiveKit: `canSubscribe`.",
    )
    can_publish: bool = Field(
        default=False,
        description="May publish tracks. Default: false. LiveKit: `canPublish`.",
    )
    can_publish_sources: tuple[TrackSource, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=len(TrackSource),
        json_schema_extra={LIST_TYPE: "set"},
        description="The only kinds of tracks that may be published. Needs `canPublish: true`. Default: all kinds. LiveKit: "
        "`canPublishSources`; it reads an empty list as all kinds, so an empty list is refused here.",
    )
    can_publish_data: bool = Field(
        default=False,
        description="May send data messages to others in the room. Default: false. LiveKit: `canPublishData`.",
    )
    can_update_own_metadata: bool = Field(
        default=False,
        description="May change their own name, metadata and attributes. Default: false. LiveKit: `canUpdateOwnMetadata`.",
    )
    can_subscribe_metrics: bool = Field(
        default=False,
        description="May receive the media metrics of others. Default: false. LiveKit: `canSubscribeMetrics`.",
    )
    hidden: bool = Field(
        default=False,
        description="Is not shown to the others in the room. Default: false. The server's policy must name it. LiveKit: "
        "`hidden`.",
    )
    room_admin: bool = Field(
        default=False,
        description="May moderate this room: remove and mute others, change their permissions and the room's metadata. "
        "Default: false. The server's policy must name it. LiveKit: `roomAdmin`.",
    )
    agent: bool = Field(
        default=False,
        description="May register as an agent worker with the server and take its jobs, in the rooms of every tenant. "
        "Default: false. The server's policy must name it. LiveKit: `agent`.",
    )
    room_record: bool = Field(
        default=False,
        description="May start, list and stop recordings of every room on the server, also of other tenants. Default: "
        "false. The server's policy must name it. LiveKit: `roomRecord`.",
    )
    ingress_admin: bool = Field(
        default=False,
        description="May manage every ingress on the server, also of other tenants. Default: false. The server's policy "
        "must name it. LiveKit: `ingressAdmin`.",
    )

    @cached_property
    def given(self) -> Mapping[str, Any]:
        """What LiveKit is told, by its own names; worked out once."""
        return self.model_dump(mode="json", exclude_none=True)


Identity = Annotated[str, Field(min_length=1, max_length=MAX_IDENTITY)]
AttributeValue = Annotated[str, Field(min_length=1, max_length=MAX_ATTRIBUTE)]


class Dynamic(Model):
    """Whoever asks the token endpoint, instead of identities that are known beforehand."""

    identity_prefix: str = Field(
        min_length=1,
        max_length=MAX_IDENTITY_PREFIX,
        description="What every identity of the role begins with, 1 to 64 characters without `/`, `..` and control characters. "
        "No identity of another role begins so. LiveKit: `identity`.",
    )
    max_ttl_seconds: int = Field(
        default=DEFAULT_DYNAMIC_TTL_SECONDS,
        alias="maxTTLSeconds",
        ge=60,
        le=86_400,
        description="How long a token is valid at most, in seconds: 60 to 86400. Default: 600, time to join. Who is connected "
        "stays connected. LiveKit: the token's `exp`.",
    )
    max_per_minute: int = Field(
        default=DEFAULT_MAX_PER_MINUTE,
        ge=1,
        le=60_000,
        description="How many tokens one caller gets in a minute, from each replica: 1 to 60000. Default: 600. LiveKit has no "
        "such notion.",
    )


class Role(Model):
    """Those who join with the same rights. Their tokens are in one Secret, `<room>.<role>`."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME,
        pattern=DNS_LABEL,
        description="The name of the role, a DNS label. The Secret with its tokens is called `<name of the Room>.<role>`, if "
        "`secretTemplate` does not say otherwise.",
    )
    identities: tuple[Identity, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_IDENTITIES,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="Who joins with this role, one token each, at most 200; each 1 to 256 characters without `/`, `..` and "
        "control characters. An identity belongs to one role only, because a second join with the same identity puts the "
        "first one out. The first is the one in `LIVEKIT_TOKEN`. Default: one identity, the role's name. LiveKit: "
        "`identity`.",
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=MAX_IDENTITIES,
        description="How many identities the role has, 1 to 200, instead of `identities`: `<role>-0`, `<role>-1` and so on. "
        "Default: none, `identities` counts. LiveKit: `identity`.",
    )
    dynamic: Dynamic | None = Field(
        default=None,
        description="Whoever asks the token endpoint of the operator and may, instead of `identities` and `count`: a token for "
        "each at the moment of joining, and no Secret. Not with `roomAdmin`, `roomRecord`, `ingressAdmin` and `agent`. "
        "Default: none, `identities` counts. LiveKit: `TokenSource.endpoint`.",
    )
    display_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_DISPLAY_NAME,
        description="The name that others see, of everybody in this role; 1 to 256 characters. Also of those who are "
        "connected. Default: none. LiveKit: `name` of a participant.",
    )
    metadata: dict[str, Any] | None = Field(
        default=None,
        max_length=MAX_ROLE_METADATA_KEYS,
        json_schema_extra={PRESERVE_UNKNOWN: True},
        description="Any object of at most 64 keys, given to everybody in this role as JSON. Everybody in the room can read "
        "it. It travels in the token, which is at most 6 kB. Default: none. LiveKit: `metadata` of a participant.",
    )
    attributes: dict[str, AttributeValue] = Field(
        default={},
        max_length=MAX_ATTRIBUTES,
        json_schema_extra={MAP_TYPE: "atomic"},
        description="Keys and values given to everybody in this role: at most 16, keys of 1 to 128 and values of 1 to 1024 "
        "characters. Everybody in the room can read them. They travel in the token, which is at most 6 kB. Default: none. LiveKit: `attributes` of a "
        "participant; it takes an empty value as removal.",
    )
    grants: Grants = Field(
        default=Grants(),
        description="What the tokens allow in this room. Default: subscribing only. LiveKit: the token's `video` grants.",
    )
    permissions_policy: PermissionsPolicy = Field(
        default=PermissionsPolicy.ON_CHANGE,
        description="When people who are connected get the permissions of `grants`. OnChange: when the role is edited; the "
        "application may promote and demote them meanwhile. Enforce: at every event and resync. Default: OnChange. LiveKit: "
        "`UpdateParticipant`.",
    )
    ttl_seconds: int = Field(
        default=DEFAULT_TTL_SECONDS,
        ge=600,
        le=86_400,
        description="How long a token is valid, in seconds: 600 to 86400. Default: 3600. LiveKit cannot revoke a token, so "
        "this is how long a leaked one works. Who is connected stays connected. LiveKit: the token's `exp`.",
    )
    renew_before_seconds: int | None = Field(
        default=None,
        ge=60,
        le=86_340,
        description="How long before its end a token is replaced in the Secret, in seconds: at least 60, and at least 60 "
        "less than `ttlSeconds`. Default: a third of `ttlSeconds`. LiveKit has no such notion.",
    )
    secret_template: SecretTemplate = Field(
        default=SecretTemplate(),
        description="Name, labels and annotations of the Secret with the tokens. Default: the default of each field. LiveKit "
        "has no such notion.",
    )

    @property
    def effective_identities(self) -> tuple[str, ...]:
        """Those who get a token in the Secret: the declared ones, as many as declared, or the role's name; nobody if dynamic."""
        if self.dynamic is not None:
            return ()
        if self.identities is not None:
            return self.identities
        if self.count is not None:
            return tuple(f"{self.name}-{number}" for number in range(self.count))
        return (self.name,)

    @property
    def effective_renew_before_seconds(self) -> int:
        """How long before its end a token is due for renewal, in seconds."""
        return (
            self.ttl_seconds // _RENEWAL_SHARE
            if self.renew_before_seconds is None
            else self.renew_before_seconds
        )
