"""Kubernetes objects as the decisions need them: small, frozen, without what nobody reads."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from roomkeeper.api import common

if TYPE_CHECKING:
    from collections.abc import Mapping

# The kinds, as a Key and the API have them.
SERVER: Final = "LiveKitServer"
STORAGE: Final = "RecordingStorage"
ROOM: Final = "Room"
RECORDING: Final = "Recording"
SCHEDULE: Final = "RecordingSchedule"

FIXED_KEYS = ("LIVEKIT_IDENTITY", "LIVEKIT_ROOM", "LIVEKIT_TOKEN", "LIVEKIT_URL", "tokens.json")


LAST_YEAR = 9999  # of datetime: a second more is an error
MOST_SHARED = 6  # levels of an object that are looked through for strings; people may nest theirs without end
_OURS = f"{common.GROUP}/"


class Key(NamedTuple):
    """What a wake-up names and a reconcile is about."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.kind} {self.namespace}/{self.name}"


def parse_time(text: str) -> datetime:
    """Return the aware datetime of an RFC 3339 text; ValueError for any other, also one without a time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no zone")
    return moment


def read_time(text: object) -> datetime | None:
    """Return the moment that somebody may have edited, in whole seconds; None for whatever is not one to count with."""
    try:
        moment = parse_time(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(microsecond=0) if moment and moment.year < LAST_YEAR else None


def read_object(text: str | None) -> dict[str, Any]:
    """Return the JSON object that somebody may have edited; empty for whatever is not one."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class CustomObject:
    """An object of one of our kinds: its identity, what is declared, what was last written to status."""

    key: Key
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    deleted_at: datetime | None
    finalizers: tuple[str, ...]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    annotations: Mapping[str, str] = field(default_factory=dict)  # only ours
    owner_uid: str = ""  # of the controller that made it; "" when somebody declared it
    owner_name: str = ""
    shard: str | None = None  # its label, by which shards divide the work; None: it has none

    @classmethod
    def from_body(cls, kind: str, body: Mapping[str, Any]) -> CustomObject:
        """Read a body of the API server."""
        meta = body["metadata"]
        deleted = meta.get("deletionTimestamp")
        owner = _controller(meta.get("ownerReferences", ()))
        return cls(
            key=Key(kind, intern(meta["namespace"]), meta["name"]),
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            generation=meta.get("generation", 0),
            created_at=parse_time(meta["creationTimestamp"]),
            deleted_at=parse_time(deleted) if deleted else None,
            finalizers=tuple(_shared(meta.get("finalizers") or [])),
            spec=_shared(body.get("spec") or {}),
            status=_shared(body.get("status") or {}),
            annotations=_ours(meta),
            owner_uid=owner.get("uid", ""),
            owner_name=owner.get("name", ""),
            shard=_labels(meta).get(common.LABEL_SHARD),
        )

    @property
    def is_held(self) -> bool:
        """Tell whether our finalizer keeps the object."""
        return common.FINALIZER in self.finalizers


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """A Secret labelled as ours, without the tokens: those need no copy in memory."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str  # of the Room; "" when nobody owns it
    owner_name: str
    role: str
    annotations: Mapping[str, str]  # only ours
    data_keys: frozenset[str]
    content_hash: str  # of our keys: one that others added is theirs, server-side apply would not remove it
    shard: str | None = None  # its label, which is its Room's

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> TokenSecret:
        """Read a Secret of the API server."""
        meta = body["metadata"]
        owner = _controller(meta.get("ownerReferences", ()))
        data = body.get("data") or {}
        return cls(
            namespace=intern(meta["namespace"]),
            name=meta["name"],
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            owner_uid=owner.get("uid", ""),
            owner_name=owner.get("name", ""),
            role=intern(_labels(meta).get(common.LABEL_ROLE, "")),
            annotations=_ours(meta),
            data_keys=_one_set(frozenset(data)),
            content_hash=content_hash({name: _decoded(data[name]) for name in FIXED_KEYS if name in data}),
            shard=_labels(meta).get(common.LABEL_SHARD),
        )


def content_hash(data: Mapping[str, bytes]) -> str:
    """Return a short digest of a Secret's data, by which an edit by hand is noticed."""
    digest = hashlib.sha256()
    for name in sorted(data):
        digest.update(b"%d:%s%d:%s" % (len(name), name.encode(), len(data[name]), data[name]))
    return digest.hexdigest()[:16]


def _labels(meta: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = meta.get("labels") or {}
    return labels


def _ours(meta: Mapping[str, Any]) -> dict[str, str]:
    annotations = meta.get("annotations") or {}
    ours: dict[str, str] = _shared(
        {name: value for name, value in annotations.items() if name.startswith(_OURS)}
    )
    return ours


def _shared(value: Any, depth: int = 0) -> Any:
    """Return a JSON value whose strings are those of all other objects, where they say the same.

    Thousands of Rooms differ by a few names and times; what the parser hands out are copies for each of them.
    """
    if isinstance(value, str):
        return _one_text(value)
    if depth == MOST_SHARED:
        return value
    if isinstance(value, dict):
        return {intern(name): _shared(each, depth + 1) for name, each in value.items()}
    return [_shared(each, depth + 1) for each in value] if isinstance(value, list) else value


@lru_cache(maxsize=8192)
def _one_text(text: str) -> str:
    """Return one text for all objects that say the same; those that few say are soon forgotten here."""
    return text


@lru_cache
def _one_set(keys: frozenset[str]) -> frozenset[str]:
    """Return one set for all Secrets that have the same keys."""
    return keys


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):
        return b""


def _controller(references: Any) -> Mapping[str, str]:
    return next((reference for reference in references if reference.get("controller")), {})
