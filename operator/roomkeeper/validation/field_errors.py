"""One thing that is wrong with one field, and how the API server words it (apimachinery's util/validation/field)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_ESCAPES: Final = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_QUOTED: Final = {'"': '\\"', "\\": "\\\\"}


class ErrorType(StrEnum):
    """The first words of a message."""

    REQUIRED = "Required value"
    DUPLICATE = "Duplicate value"
    INVALID = "Invalid value"
    WRONG_TYPE = "Wrong type"  # worded as INVALID, but rules are not run beside it
    NOT_SUPPORTED = "Unsupported value"
    TOO_LONG = "Too long"
    TOO_MANY = "Too many"
    UNKNOWN = "unknown field"


# Beside one of these the API server does not run the rules: what they read may not be there.
BLOCKING: Final = frozenset(
    {
        ErrorType.NOT_SUPPORTED,
        ErrorType.REQUIRED,
        ErrorType.TOO_LONG,
        ErrorType.TOO_MANY,
        ErrorType.WRONG_TYPE,
    }
)

_OMITTED: Final = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field by its path (`spec.roles[0].name`), and what is wrong with it."""

    path: str
    type: ErrorType
    detail: str = ""
    value: Any = _OMITTED

    def __str__(self) -> str:
        """Word it as the API server does."""
        if self.type is ErrorType.UNKNOWN:
            return f"unknown field {quoted(self.path)}"
        return f"{self.path or '<nil>'}: {self.body}"

    @property
    def body(self) -> str:
        """What is said behind the path."""
        said = str(ErrorType.INVALID if self.type is ErrorType.WRONG_TYPE else self.type)
        if self.value is not _OMITTED:
            said += f": {_shown(self.value)}"
        return f"{said}: {self.detail}" if self.detail else said


def quoted(text: str) -> str:
    """Quote as Go's strconv.Quote does."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    known = _QUOTED.get(character) or _ESCAPES.get(character)
    if known:
        return known
    if character.isprintable():
        return character
    point = ord(character)
    if point < 0x80:  # noqa: PLR2004 - ASCII
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x1_0000 else f"\\U{point:08x}"  # noqa: PLR2004 - one UTF-16 unit


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return shown_number(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def shown_number(number: float) -> str:
    """Write a number as Go's %v does."""
    return f"{number:.17g}" if isinstance(number, int) else repr(number).removesuffix(".0")
