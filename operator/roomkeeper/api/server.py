"""The LiveKitServer: a connection to LiveKit, and what tenants may do with it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api import namespaces
from roomkeeper.api.common import MAX_URL, Model
from roomkeeper.api.kind import NAME_RULE, Column, Kind, Rule
from roomkeeper.api.namespaces import AllowedNamespaces
from roomkeeper.api.policy import PolicySpec
from roomkeeper.api.references import SecretRef
from roomkeeper.api.server_status import ServerStatus

MAX_ROOM_NAME_TEMPLATE: Final = 100  # leaves a rendered name, with two names of 63, far below LiveKit's 256
DEFAULT_ROOM_NAME_TEMPLATE: Final = "{namespace}_{name}"

# Host, port and path, of visible ASCII characters; without user, query and fragment, where people put secrets.
_HOST_AND_PATH: Final = r"[A-Za-z0-9._:\[\]-]+(/[!$->@-~]*)?$"

LiveKitURL = Annotated[
    str, Field(min_length=1, max_length=MAX_URL, pattern=r"^(wss?|https?)://" + _HOST_AND_PATH)
]
WebhookURL = Annotated[str, Field(min_length=1, max_length=MAX_URL, pattern=r"^https?://" + _HOST_AND_PATH)]


class AutoCreate(StrEnum):
    """What is known of the server's `room.auto_create`."""

    AUTO = "Auto"
    ENABLED = "Enabled"
    DISABLED = "Disabled"


class WebhookSpec(Model):
    """How this LiveKit reaches the operator."""

    url: WebhookURL | None = Field(
        default=None,
        description="The address at which this LiveKit reaches the operator's `/livekit/webhook`, http or https. Default: "
        "`--webhook-url`. LiveKit: `webhook.urls`.",
    )
    keys_secret_ref: SecretRef | None = Field(
        default=None,
        description="A Secret with further keys that may sign webhooks: each entry is the name of an API key with its secret. "
        "Default: only the API key of `credentialsSecretRef`. LiveKit: `webhook.api_key`, `keys`.",
    )


class ServerSpec(Model):
    """The part of a LiveKitServer that people write."""

    url: LiveKitURL = Field(
        description="The address that clients connect to: ws, wss, http or https, without user, query and fragment. A change "
        "means the same server at a new address. LiveKit: `LIVEKIT_URL`."
    )
    api_url: LiveKitURL | None = Field(
        default=None,
        alias="apiURL",
        description="The address that the operator calls, for example a Service in the cluster: ws, wss, http or https. A "
        "change means the same server at a new address. Default: `url`. LiveKit: the address of its server API.",
    )
    credentials_secret_ref: SecretRef = Field(
        description="The Secret with `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`, in this namespace. It is read again at every "
        "resync, so a new key is a change of the Secret. LiveKit: `keys`."
    )
    webhook: WebhookSpec = Field(
        default=WebhookSpec(),
        description="How this LiveKit tells the operator what happens. Without webhooks everything takes a resync. Default: "
        "the default of each field. LiveKit: `webhook`.",
    )
    allowed_namespaces: AllowedNamespaces = Field(
        default=AllowedNamespaces(),
        description="Whose objects may use this server. Default: those of its own namespace. LiveKit has no such notion.",
    )
    room_name_template: str = Field(
        default=DEFAULT_ROOM_NAME_TEMPLATE,
        min_length=1,
        max_length=MAX_ROOM_NAME_TEMPLATE,
        pattern=r"^[A-Za-z0-9.-]*\{namespace\}_\{name\}$",
        description="The name in LiveKit of a Room that gives none: an optional prefix of letters, digits, `.` and `-`, then "
        "`{namespace}_{name}`. A prefix of its own keeps each of two clusters on one server apart. Immutable. Default: "
        "`{namespace}_{name}`. LiveKit: `name` of a room.",
    )
    policy: PolicySpec = Field(
        default=PolicySpec(),
        description="The limits of objects in other namespaces than this one. Existing tokens outlive a tighter policy until "
        "they end, and running sessions go on. Default: the safe default of each field. LiveKit has no such notion.",
    )
    auto_create: AutoCreate = Field(
        default=AutoCreate.AUTO,
        description="Whether this LiveKit makes a room when somebody joins one that is not there, as lifecycle OnDemand needs. "
        "Auto: the operator finds out. Enabled, Disabled: it is told. Default: Auto. LiveKit: `room.auto_create`.",
    )
    resync_seconds: int = Field(
        default=60,
        ge=5,
        le=3600,
        description="How often the operator compares everything with this server, in seconds: 5 to 3600. Default: 60. LiveKit "
        "has no such notion.",
    )

    @property
    def effective_api_url(self) -> str:
        """The address that the operator calls."""
        return self.url if self.api_url is None else self.api_url


class LiveKitServer(Model):
    """A connection to a LiveKit server, and what the Rooms and Recordings of which namespaces may do with it."""

    spec: ServerSpec = Field(description="What is declared.")
    status: ServerStatus = Field(
        default=ServerStatus(), description="What Roomkeeper has seen and done. Written by it alone."
    )


RULES: Final = (
    NAME_RULE,
    Rule(
        at="spec",
        rule="has(self.roomNameTemplate) == has(oldSelf.roomNameTemplate)"
        " && (!has(self.roomNameTemplate) || self.roomNameTemplate == oldSelf.roomNameTemplate)",
        message="roomNameTemplate is immutable: rooms would lose their names; create another LiveKitServer, or leave it as it was",
        field_path=".roomNameTemplate",
    ),
    Rule(
        at="spec.roomNameTemplate",
        rule="!self.contains('..')",
        message='roomNameTemplate must not contain ".."',
    ),
    *namespaces.rules("spec.allowedNamespaces"),
)

KIND: Final = Kind(
    kind="LiveKitServer",
    plural="livekitservers",
    short_name="lks",
    model=LiveKitServer,
    rules=RULES,
    columns=(
        Column("URL", ".spec.url"),
        Column("READY", '.status.conditions[?(@.type=="Ready")].status'),
        Column("ROOMS", ".status.rooms", type="integer"),
        Column("AUTOCREATE", ".status.autoCreate", wide=True),
        Column("STATUS", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        Column("AGE", ".metadata.creationTimestamp", type="date"),
    ),
)
