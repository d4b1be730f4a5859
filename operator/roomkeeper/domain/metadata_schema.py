"""JSON Schemas that a server's policy holds the metadata of Rooms against.

The schema runs in a process that all tenants share, over values that tenants choose. So it is restricted to what ends
soon whatever the value: no regular expressions, nothing that is fetched, no recursion, nothing quadratic. What was
found is remembered by the JSON texts: a Room is judged many times before its schema or its metadata changes.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 32 * 1024
MAX_DEPTH = 32
MAX_VALUE_BYTES = 64 * 1024  # as JSON; LiveKit takes no more metadata
MAX_STEPS = 500  # subschemas and literals, each counted as often as references lead to it
MAX_WORK = 5_000  # steps of the schema times values in what is held against it: 0.1 s at worst
TEXT_OF_ONE = 1024  # characters that count as a step or a value: errors that are gathered repeat both
REMEMBERED = 128  # texts: 12 MiB at worst
DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Regular expressions can take exponential time; uniqueItems compares all pairs; the unevaluated ones evaluate what is
# below them once more per level; the others lead elsewhere, or into recursion.
_FORBIDDEN = frozenset(
    {
        "pattern",
        "patternProperties",
        "format",
        "uniqueItems",
        "unevaluatedItems",
        "unevaluatedProperties",
        "$id",
        "$anchor",
        "$dynamicAnchor",
        "$dynamicRef",
        "$recursiveAnchor",
        "$recursiveRef",
        "$vocabulary",
    }
)
_OF_NAMES = frozenset(
    {"properties", "$defs", "definitions", "dependentSchemas"}
)  # values by names of any kind
_LITERAL = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired"})


class _RefusedError(Exception):
    """The schema is not one that may run; the text says why."""


def problem(schema: Mapping[str, Any]) -> str | None:
    """Return why a schema is refused, in words for whoever wrote it; None: it may be used."""
    try:
        text = _text(schema)
    except RecursionError:
        return "it is nested too deep"
    except ValueError:
        return "it has numbers that are not JSON"
    size = _bytes(text)
    return _problem(text) if size <= MAX_BYTES else f"it has {size} bytes as JSON, more than {MAX_BYTES}"


def violation(schema: Mapping[str, Any], value: Any) -> str | None:
    """Return where and by which keyword a value breaks the schema, as `.a[0]: required`; never the value itself.

    The schema is one without a problem. RecursionError: the value is nested too deep; ValueError, ArithmeticError: it
    has numbers that nobody can compute with.
    """
    text = _text(value)
    if _bytes(text) > MAX_VALUE_BYTES:
        return f": it has more than {MAX_VALUE_BYTES} bytes as JSON"
    return _violation(_text(schema), text)


@lru_cache(maxsize=REMEMBERED)
def _problem(text: str) -> str | None:
    schema = json.loads(text)
    if schema.get("$schema", DIALECT) != DIALECT:
        return f"$schema must be {DIALECT}"
    try:
        _check(schema)
        _count(schema, schema, (), MAX_STEPS, 0)
        Draft202012Validator.check_schema(schema)
    except _RefusedError as error:
        return str(error)
    except RecursionError:
        return "it is nested too deep"
    except SchemaError as error:
        return f"it is no JSON Schema: see {'.'.join(map(str, error.absolute_path)) or 'its root'}"
    return None


@lru_cache(maxsize=REMEMBERED)
def _violation(schema_text: str, text: str) -> str | None:
    schema, value = json.loads(schema_text), json.loads(text)
    steps = MAX_STEPS - _count(schema, schema, (), MAX_STEPS, 0) + len(schema_text) // TEXT_OF_ONE
    if steps * (_size(value) + len(text) // TEXT_OF_ONE) > MAX_WORK:
        return ": it is too much for the schema; shorten it"
    error = next(Draft202012Validator(schema).iter_errors(value), None)
    if error is None:
        return None
    path = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return f"{''.join(path)}: {error.validator}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _check(schema: Any, depth: int = 0) -> None:
    """Refuse keywords that may not be used, wherever a subschema stands."""
    if depth > MAX_DEPTH:
        raise _RefusedError(f"it is nested more than {MAX_DEPTH} deep")
    if not isinstance(schema, dict):
        return
    found = sorted((_FORBIDDEN | ({"$schema"} if depth else set())) & schema.keys())
    if found:
        raise _RefusedError(f"{found[0]} is not allowed in it")
    reference = schema.get("$ref", "#")
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise _RefusedError("$ref may only point into the schema itself, as #/$defs/NAME")
    for below in _subschemas(schema):
        _check(below, depth + 1)


def _count(schema: Any, root: Mapping[str, Any], followed: tuple[str, ...], left: int, depth: int) -> int:
    """Return the steps that are left after a subschema and all that it refers to; each counts every time."""
    if depth > 2 * MAX_DEPTH:
        raise _RefusedError(f"with what it refers to it is nested more than {2 * MAX_DEPTH} deep")
    left -= 1 + _literals(schema)
    if left < 0:
        raise _RefusedError(f"with what it refers to it has more than {MAX_STEPS} parts")
    if not isinstance(schema, dict):
        return left
    if "$ref" in schema:
        reference = schema["$ref"]
        if reference in followed:
            raise _RefusedError(f"$ref {reference} leads back to itself")
        left = _count(_target(root, reference), root, (*followed, reference), left, depth + 1)
    for below in _subschemas(schema):
        left = _count(below, root, followed, left, depth + 1)
    return left


def _literals(schema: Any) -> int:
    if not isinstance(schema, dict):
        return 0
    values = (schema[name] for name in _LITERAL & schema.keys())
    return sum(len(value) for value in values if isinstance(value, list | dict))


def _size(value: Any) -> int:
    """Return how many values there are in a value, itself included."""
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1


def _subschemas(schema: Mapping[str, Any]) -> Iterator[Any]:
    for keyword, value in schema.items():
        if keyword in _LITERAL:
            continue
        if isinstance(value, dict):
            yield from value.values() if keyword in _OF_NAMES else (value,)
        elif isinstance(value, list):
            yield from value


def _target(root: Mapping[str, Any], reference: str) -> Any:
    """Return what a JSON pointer of the schema points at; percent-encoding is not needed and not read."""
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise _RefusedError(f"$ref {reference} points at nothing")
        found = cast("Mapping[str, Any]", found)[name]
    return found
