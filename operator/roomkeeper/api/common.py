"""Names and shapes that every kind shares: the API group, labels, annotations, conditions, parsing errors."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from pydantic import ValidationError

GROUP: Final = "roomkeeper.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "livekit"
FINALIZER: Final = f"{GROUP}/finalizer"
IN_USE_FINALIZER: Final = f"{GROUP}/in-use"  # of a LiveKitServer that objects with our finalizer refer to
FIELD_MANAGER: Final = "roomkeeper"

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "roomkeeper"
LABEL_ROOM: Final = f"{GROUP}/room"
LABEL_ROLE: Final = f"{GROUP}/role"
LABEL_SCHEDULE: Final = f"{GROUP}/schedule"  # of a Recording that a RecordingSchedule made
LABEL_SHARD: Final = (
    f"{GROUP}/shard"  # written by people: which operator works on the object, where several divide the work
)

# Of a token Secret: what its tokens were minted from and for how long, so that a restart can tell whether they are due.
ANNOTATION_EXPIRES_AT: Final = f"{GROUP}/expires-at"
ANNOTATION_RENEWS_AT: Final = f"{GROUP}/renews-at"
ANNOTATION_GRANTS_HASH: Final = f"{GROUP}/grants-hash"
ANNOTATION_IDENTITIES_HASH: Final = f"{GROUP}/identities-hash"
ANNOTATION_CONFIG_HASH: Final = f"{GROUP}/config-hash"
ANNOTATION_ROOM_NAME: Final = f"{GROUP}/room-name"
ANNOTATION_URL: Final = f"{GROUP}/url"
ANNOTATION_SIGNING_KEY: Final = f"{GROUP}/signing-key"
ANNOTATION_CONTENT_HASH: Final = f"{GROUP}/content-hash"
ANNOTATION_PROFILE_HASH: Final = f"{GROUP}/profile-hash"  # name, metadata, attributes
ANNOTATION_TEMPLATE: Final = f"{GROUP}/template"  # the keys of the secretTemplate and a hash of all of it
# Of a token Secret too: who has tokens that cannot be revoked, and what those let them do.
ANNOTATION_IDENTITIES: Final = f"{GROUP}/identities"  # and which sources each is denied
ANNOTATION_POWERS: Final = f"{GROUP}/powers"
ANNOTATION_ATTRIBUTES: Final = f"{GROUP}/attributes"  # their keys
ANNOTATION_LAST_EXPIRES_AT: Final = f"{GROUP}/last-expires-at"  # of all tokens ever issued for the role
ANNOTATION_REVOKED: Final = f"{GROUP}/revoked"

# Of the Lease: where its holder listens, as host:port, so that the others can hand webhooks on.
ANNOTATION_ADDRESS: Final = f"{GROUP}/address"

# Of a Recording: how its last attempt ended, so that one that is restored without its status does not record again.
ANNOTATION_LAST_ATTEMPT: Final = f"{GROUP}/last-attempt"
ANNOTATION_SESSION: Final = f"{GROUP}/session"  # the one that it was made for: LiveKit's SID of the room

# Written by people: "true" on a LiveKitServer or a RecordingStorage makes it the default of its own namespace; any new value
# on an object asks for a reconcile now.
ANNOTATION_IS_DEFAULT_SERVER: Final = f"{GROUP}/is-default-server"
ANNOTATION_IS_DEFAULT_STORAGE: Final = f"{GROUP}/is-default-storage"
ANNOTATION_RECONCILE_AT: Final = f"{GROUP}/reconcile-at"

LIST_TYPE: Final = "x-kubernetes-list-type"
LIST_MAP_KEYS: Final = "x-kubernetes-list-map-keys"
MAP_TYPE: Final = "x-kubernetes-map-type"
PRESERVE_UNKNOWN: Final = "x-kubernetes-preserve-unknown-fields"

MAX_NAME: Final = 63  # of an object and of a role: both become values of labels
MAX_SECRET_NAME: Final = 253
MAX_UID: Final = 128
MAX_ROOM_NAME_BYTES: Final = 256  # in LiveKit
MAX_CONDITIONS: Final = 16
MAX_URL: Final = 2048
MAX_ANNOTATION: Final = 256 * 1024  # of all annotations of an object together: the API server's limit
UNSEEN_GENERATION: Final = -1  # of an object that no operator has written to yet
MAX_INT32: Final = 2**31 - 1
MAX_SAFE_INTEGER: Final = 2**53 - 1  # a bound in a schema is a float

DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

_MOST_ERRORS_SHOWN: Final = 10


class Model(BaseModel):
    """The base of everything that is read from or written to the Kubernetes API.

    Attributes are snake_case, keys in JSON camelCase; `model_dump(mode="json", exclude_none=True)` gives what the API
    takes. Unknown fields are ignored, because an older operator must read what a newer CRD stored: refusing them is the
    API server's part.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def rfc3339(moment: datetime) -> str:
    """Render a moment as the Kubernetes API does: UTC, whole seconds, `Z`."""
    return (
        moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    )  # thrice as fast as strftime


def rfc3339_micro(moment: datetime) -> str:
    """Render a moment as the MicroTime of Kubernetes: UTC, six digits behind the second, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Time = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class ConditionStatus(StrEnum):
    """The three values of a condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """A condition in the shape that KEP-1623 (metav1.Condition) gives it."""

    type: str = Field(
        min_length=1,
        max_length=316,
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        description="What the condition is about, in CamelCase.",
    )
    status: ConditionStatus = Field(description="True, False or Unknown.")
    observed_generation: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SAFE_INTEGER,
        description="The `metadata.generation` that the condition was set from. Older than the object's own: out of date.",
    )
    last_transition_time: Time = Field(description="When `status` changed last (RFC 3339).")
    reason: str = Field(
        min_length=1,
        max_length=1024,
        pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        description="A code in CamelCase for programs. The documentation says for each what to do.",
    )
    message: str = Field(
        max_length=32768,
        description="A sentence for people. May be empty.",
    )


def errors(error: ValidationError, root: str = "spec") -> str:
    """Say which fields are wrong and why, as `spec.roles[0].ttlSeconds: …`, without repeating a value.

    A value may be a secret that somebody typed into the wrong field; messages end up in status and events.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{_path(root, detail['loc'])}: {detail['msg']}" for detail in found[:_MOST_ERRORS_SHOWN]]
    if len(found) > _MOST_ERRORS_SHOWN:
        lines.append(f"and {len(found) - _MOST_ERRORS_SHOWN} more")
    return "; ".join(lines)


def _path(root: str, location: tuple[int | str, ...]) -> str:
    return root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
