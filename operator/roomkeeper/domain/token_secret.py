"""The Secret of a role as it is sent: data, labels, annotations, owner."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.domain import shards
from roomkeeper.domain.objects import content_hash, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.objects import CustomObject, TokenSecret
    from roomkeeper.domain.tokens import Issue

MAX_BYTES = 900 * 1024  # of its data; the API server takes 1 MiB in all
MAX_ANNOTATION_BYTES = 250 * 1024  # the API server takes 256 KiB, and others may add theirs


def body(issue: Issue, signed: Mapping[str, str], *, room: CustomObject) -> dict[str, Any]:
    """Return the Secret as it is sent; `signed` holds the token of each identity."""
    tokens = issue.tokens
    first = tokens.identities[0]
    data = {
        "LIVEKIT_URL": tokens.url.encode(),
        "LIVEKIT_ROOM": tokens.room.encode(),
        "LIVEKIT_IDENTITY": first.encode(),
        "LIVEKIT_TOKEN": signed[first].encode(),
        "tokens.json": json.dumps(signed, separators=(",", ":"), ensure_ascii=False).encode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "namespace": room.key.namespace,
            "name": tokens.secret_name,
            "labels": {
                **tokens.template.labels,
                common.LABEL_MANAGED_BY: common.MANAGED_BY,
                common.LABEL_ROOM: room.key.name,
                common.LABEL_ROLE: tokens.role,
                **shards.inherited_labels(room),
            },
            "annotations": {
                **tokens.template.annotations,
                **tokens.annotations(),
                **issue.annotations(),
                common.ANNOTATION_EXPIRES_AT: rfc3339(issue.expires_at),
                common.ANNOTATION_RENEWS_AT: rfc3339(issue.renews_at),
                common.ANNOTATION_CONTENT_HASH: content_hash(data),
            },
            "ownerReferences": [_owner(room)],
        },
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }


def removed_keys(body: Mapping[str, Any], existing: TokenSecret) -> dict[str, dict[str, None]]:
    """Return the labels and annotations of an older template or shard that have to go, as a merge patch says it.

    Server-side apply removes only what an apply has written, and a Secret is first written by a POST.
    """
    before = read_object(existing.annotations.get(common.ANNOTATION_TEMPLATE))
    gone: dict[str, dict[str, None]] = {}
    for field in ("labels", "annotations"):
        known = before.get(field)
        ours = f"{common.GROUP}/"
        keys = {key for key in known if isinstance(key, str)} if isinstance(known, list) else set()
        left = {key for key in keys if key not in body["metadata"][field] and not key.startswith(ours)}
        if left:
            gone[field] = dict.fromkeys(sorted(left))
    if existing.shard is not None and common.LABEL_SHARD not in body["metadata"]["labels"]:
        gone.setdefault("labels", {})[common.LABEL_SHARD] = None
    return gone


def too_large(body: Mapping[str, Any]) -> str | None:
    """Return why the API server would refuse the Secret for its size, in words for people."""
    annotations = body["metadata"]["annotations"]
    size = sum(len(value) for value in body["data"].values())
    beside = sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items())
    if size > MAX_BYTES:
        return f"{size} bytes in one Secret"
    return f"{beside} bytes of annotations on one Secret" if beside > MAX_ANNOTATION_BYTES else None


def _owner(room: CustomObject) -> dict[str, Any]:
    return {
        "apiVersion": common.API_VERSION,
        "kind": room.key.kind,
        "name": room.key.name,
        "uid": room.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
