"""What the annotations of a token Secret say.

Whoever writes Secrets can edit them. So each is bounded before it is parsed, and parsed once per text: what is
returned is shared, nobody may change it.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.api.role import MAX_IDENTITIES, POWERS
from roomkeeper.domain.objects import read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.domain.objects import TokenSecret

MAX_CHARACTERS = 128 * 1024  # MAX_IDENTITIES of the longest have 115 000, escaped
REMEMBERED = 96  # texts: of a Room's own Secrets, and of as many others as are judged


def bounded(secret: TokenSecret, annotation: str, limit: int = MAX_CHARACTERS) -> str:
    """Return the annotation; nothing for one that is longer than we write them."""
    text = secret.annotations.get(annotation, "")
    return text if len(text) <= limit else ""


def attribute_keys(secret: TokenSecret) -> frozenset[str]:
    """Return the attributes that tokens of this role have given."""
    return _keys(bounded(secret, common.ANNOTATION_ATTRIBUTES))


def identities(secret: TokenSecret) -> Mapping[str, str]:
    """Return the sources that each identity with a token is denied, with commas between them."""
    return _texts(bounded(secret, common.ANNOTATION_IDENTITIES))


def powers(secret: TokenSecret) -> frozenset[str]:
    """Return the powers that the tokens give."""
    return frozenset(secret.annotations.get(common.ANNOTATION_POWERS, "").split(",")) & POWERS


def last_end(secret: TokenSecret) -> datetime | None:
    """Return when the last token of the Secret's role ends."""
    names = (common.ANNOTATION_LAST_EXPIRES_AT, common.ANNOTATION_EXPIRES_AT)
    ends = [end for name in names if (end := read_time(secret.annotations.get(name)))]
    return max(ends, default=None)


@lru_cache(maxsize=REMEMBERED)
def _keys(text: str) -> frozenset[str]:
    return frozenset(read_object(text))


@lru_cache(maxsize=REMEMBERED)
def _texts(text: str) -> Mapping[str, str]:
    found = read_object(text)
    is_ours = len(found) <= MAX_IDENTITIES and all(isinstance(value, str) for value in found.values())
    return MappingProxyType(found if is_ours else {})
