"""CEL: the rules that hang in a schema, and regular expressions as RE2 has them.

The library counts the bytes of a string where CEL counts characters (`size`): our rules take the size of ASCII only, and
a test holds them to it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import cel

from roomkeeper.validation.field_errors import ErrorType, FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VALIDATIONS: Final = "x-kubernetes-validations"
_MATCHES: Final = cel.compile("text.matches(pattern)")


def matches(text: str, pattern: str) -> bool:
    """Tell whether a pattern is found in a text."""
    return bool(_MATCHES.execute({"text": text, "pattern": pattern}))


def broken_rules(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[FieldError]:
    """Yield the rules that do not hold. Those of an edit (`oldSelf`) are left out: there is no object before this one."""
    for validation in schema.get(VALIDATIONS, ()):
        if "oldSelf" not in validation["rule"] and not _program(validation["rule"]).execute({"self": value}):
            at = f"{path}{validation.get('fieldPath', '')}".removeprefix(".")
            is_shown = not isinstance(value, dict | list)
            shown = {"value": value} if is_shown else {}
            yield FieldError(at, ErrorType.INVALID, validation["message"], **shown)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from broken_rules(item, schema.get("items", {}), f"{path}[{number}]")
    elif isinstance(value, dict):
        yield from _broken_within(value, schema, path)


def _broken_within(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    of_others = schema.get("additionalProperties")
    for name, field in value.items():
        if name in schema.get("properties", {}):
            within = f"{path}.{name}" if path else name
            yield from broken_rules(field, schema["properties"][name], within)
        elif of_others:
            yield from broken_rules(field, of_others, f"{path}[{name}]")


@cache  # as many as there are rules
def _program(rule: str) -> cel.Program:
    return cel.compile(rule)
