"""The RecordingStorage: a store that tenants record to without ever seeing its credentials."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from roomkeeper.api import key_rules, namespaces, storage_target
from roomkeeper.api.common import LIST_MAP_KEYS, LIST_TYPE, MAX_CONDITIONS, Condition, Model
from roomkeeper.api.kind import NAME_RULE, Column, Kind, Rule
from roomkeeper.api.namespaces import AllowedNamespaces
from roomkeeper.api.references import ServerRef
from roomkeeper.api.status import Status
from roomkeeper.api.storage_target import StorageTarget

MAX_PREFIX: Final = 128
MAX_ALLOWED_SERVERS: Final = 32
DEFAULT_PREFIX_TEMPLATE: Final = "{namespace}/"


class RecordingStorageSpec(StorageTarget):
    """The part of a RecordingStorage that people write."""

    prefix_template: str = Field(
        default=DEFAULT_PREFIX_TEMPLATE,
        max_length=MAX_PREFIX,
        description="What stands before every key, at most 128 characters, with the variable {namespace}, which is the "
        "Recording's. If other namespaces are allowed, it must hold `{namespace}/`, so that no tenant writes over another's "
        "media. Default: `{namespace}/`. LiveKit has no such notion.",
    )
    allowed_namespaces: AllowedNamespaces = Field(
        default=AllowedNamespaces(),
        description="Whose Recordings may be put here; they never see the credentials. Default: those of its own namespace. "
        "LiveKit has no such notion.",
    )
    allowed_servers: tuple[ServerRef, ...] = Field(
        default=(),
        max_length=MAX_ALLOWED_SERVERS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="The LiveKitServers that may be told the credentials, at most 32: they travel in the request to LiveKit, "
        "whoever runs that. Default: the LiveKitServers of its own namespace, and the server in the operator's own environment. "
        "LiveKit has no such notion.",
    )


class RecordingStorageStatus(Status):
    """The part of a RecordingStorage that the operator writes."""

    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=MAX_CONDITIONS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]},
        description="Ready: its credentials are there. Reconciling and Stalled are there only while true: Stalled means that "
        "somebody must act.",
    )


class RecordingStorage(Model):
    """A store for recordings, and whose Recordings may be put there."""

    spec: RecordingStorageSpec = Field(description="What is declared.")
    status: RecordingStorageStatus = Field(
        default=RecordingStorageStatus(),
        description="What Roomkeeper has seen and done. Written by it alone.",
    )


KIND: Final = Kind(
    kind="RecordingStorage",
    plural="recordingstorages",
    short_name="lkstore",
    model=RecordingStorage,
    rules=(
        NAME_RULE,
        *storage_target.rules("spec"),
        *key_rules.prefix_rules("spec.prefixTemplate"),
        *namespaces.rules("spec.allowedNamespaces"),
        Rule(
            at="spec",
            rule="!has(self.allowedNamespaces) || !has(self.allowedNamespaces.from) || self.allowedNamespaces.from == 'Same'"
            f" || (has(self.prefixTemplate) ? self.prefixTemplate : '{DEFAULT_PREFIX_TEMPLATE}').contains('{{namespace}}/')",
            message="prefixTemplate must hold {namespace}/ if other namespaces are allowed: one tenant would write over another's"
            " media",
            field_path=".prefixTemplate",
        ),
    ),
    columns=(
        Column("READY", '.status.conditions[?(@.type=="Ready")].status'),
        Column("STATUS", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        Column("AGE", ".metadata.creationTimestamp", type="date"),
    ),
)
