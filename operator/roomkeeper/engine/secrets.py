"""Secrets of people, read by name: they carry no label of ours, so nothing lists or watches them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import SECRETS
from roomkeeper.adapters.ports import NotFoundError
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Kubernetes


async def read_secret(kubernetes: Kubernetes, *, namespace: str, name: str) -> dict[str, str] | Finding:
    """Return the entries as text, or what is wrong with the Secret."""
    try:
        body = await kubernetes.get(SECRETS, namespace=namespace, name=name)
    except NotFoundError:
        return Finding(Reason.SECRET_NOT_FOUND, f"Secret {name!r} is not in namespace {namespace!r}")
    try:
        return {
            key: base64.b64decode(value).decode().strip() for key, value in (body.get("data") or {}).items()
        }
    except (binascii.Error, UnicodeDecodeError):
        return Finding(Reason.SECRET_NOT_FOUND, f"Secret {name!r} holds something that is not text")
