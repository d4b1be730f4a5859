"""Reads the values of the chart with the comments that describe them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

_LINE: Final = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):")
_SECTION: Final = re.compile(r"^# === (.+) ===$")
_DESCRIPTION: Final = re.compile(r"^ *# -- (.+)$")
_CONTINUATION: Final = re.compile(r"^ *# (.+)$")


class ValuesError(ValueError):
    """values.yaml cannot be read as this project writes it; the message says where."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its description. What lies below it is described together with it."""

    section: str
    path: str
    """The keys, joined with dots."""
    default: Any
    description: str


def documented(text: str) -> list[Value]:
    """Return the described values in their order; ValuesError when there is a value that nothing describes."""
    values: list[Value] = []
    keys: list[str] = []
    defaults = yaml.safe_load(text)
    section = comment = ""
    for line in text.splitlines():
        if found := _SECTION.match(line):
            section = found[1]
        elif found := _DESCRIPTION.match(line):
            comment = found[1]
        elif comment and (found := _CONTINUATION.match(line)):
            comment = f"{comment} {found[1]}"
        elif found := _LINE.match(line):
            depth = len(found["indent"]) // 2
            keys = [*keys[:depth], found["key"]]
            if comment:
                path = ".".join(keys)
                values.append(Value(section, path, _at(defaults, keys), comment))
            comment = ""
        else:
            comment = ""
    _check_complete(defaults, {value.path for value in values})
    return values


def _at(defaults: Any, keys: list[str]) -> Any:
    for key in keys:
        defaults = defaults[key]
    return defaults


def _check_complete(node: Any, described: set[str], path: str = "") -> None:
    if path in described:
        return
    if not isinstance(node, dict) or not node:
        raise ValuesError(f"values.yaml: nothing describes {path}")
    for key, child in node.items():
        _check_complete(child, described, f"{path}.{key}" if path else key)
