"""An object against a structural schema: what is unknown, what is filled in, what does not fit.

After kube-openapi's pkg/validation/validate, as far as our schemas go: no combination of schemas, no format but of numbers.
"""

from __future__ import annotations

import operator
import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from roomkeeper.validation.expressions import matches
from roomkeeper.validation.field_errors import ErrorType, FieldError, quoted, shown_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    JSON = dict[str, Any]

PRESERVE_UNKNOWN: Final = "x-kubernetes-preserve-unknown-fields"
# What the API server knows of every object; the CRD spells out no more than rules need.
OBJECT_META: Final = frozenset(
    {
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
KEEPS_ALL: Final = {PRESERVE_UNKNOWN: True}  # below a field whose content is free
_FORMATS: Final = {"integer": "int64", "number": "float64"}  # of what JSON is read into


_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[tT]([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.]\d+)?([zZ]|[+-]\d{2}:\d{2})", re.ASCII
)


def is_date_time(text: str) -> bool:
    """Tell whether a text is a moment as the API server takes it (kube-openapi's strfmt, IsDateTime)."""
    found = _DATE_TIME.fullmatch(text)
    if not found:
        return False
    try:
        date.fromisoformat(found[1])
    except ValueError:
        return False
    return True


def child(path: str, name: str) -> str:
    """Return the path of a field."""
    return f"{path}.{name}" if path else name


def unknown_fields(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[FieldError]:
    """Yield the fields that the API server would drop, or refuse under strict validation."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from unknown_fields(item, schema.get("items", KEEPS_ALL), f"{path}[{number}]")
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        of_others = schema.get("additionalProperties")
        for name, field in value.items():
            if path == "metadata":
                is_known = name in OBJECT_META
            else:
                is_known = name in properties or bool(of_others) or bool(schema.get(PRESERVE_UNKNOWN))
            if not is_known:
                yield FieldError(child(path, name), ErrorType.UNKNOWN)
            else:
                yield from unknown_fields(
                    field, properties.get(name) or of_others or KEEPS_ALL, child(path, name)
                )


def completed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return the value as the API server stores it: without unknown fields and nulls, with defaults."""
    if isinstance(value, list) and "items" in schema:
        return [completed(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    of_others = schema.get("additionalProperties")
    keeps_all = schema.get(PRESERVE_UNKNOWN) or not (properties or of_others)
    kept: JSON = {}
    for name, field in value.items():
        within = properties.get(name) or of_others
        if within and field is not None:
            kept[name] = completed(field, within)
        elif not within and keeps_all:
            kept[name] = field
    for name, within in properties.items():
        if name not in kept and "default" in within:
            kept[name] = within["default"]
    return kept


def misfits(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[FieldError]:
    """Yield what does not fit the schema."""
    yield from _type_misfits(value, schema, path)
    if isinstance(value, str):
        yield from _string_misfits(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_misfits(value, schema, path)
    elif isinstance(value, list):
        yield from _list_misfits(value, schema, path)
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(quoted(str(one)) for one in schema["enum"])
        yield FieldError(path, ErrorType.NOT_SUPPORTED, f"supported values: {supported}", value)
    if isinstance(value, dict):
        yield from _object_misfits(value, schema, path)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    for known, name in (
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, known):
            return name
    return "null"


def _type_misfits(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    wanted, found = schema.get("type"), _type_of(value)
    if wanted in (None, found) or (wanted == "number" and found == "integer"):
        return
    if wanted == "integer" and isinstance(value, float) and value.is_integer():
        return
    if "format" in schema and found in ("boolean", "object", "number"):
        wanted, found = schema["format"], _FORMATS.get(found, "")
    yield FieldError(
        path, ErrorType.WRONG_TYPE, f"{path} in body must be of type {wanted}: {quoted(found)}", found
    )


def _string_misfits(value: str, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Yield the first of: too long, too short, not of the pattern."""
    most, least = schema.get("maxLength"), schema.get("minLength", 0)
    if most is not None and len(value) > most:
        yield FieldError(path, ErrorType.TOO_LONG, f"may not be more than {most} byte{'s' * (most != 1)}")
    elif len(value) < least:
        wrong = f"{path} in body should be at least {least} chars long"
        yield FieldError(path, ErrorType.INVALID, wrong, value)
    elif "pattern" in schema and not matches(value, schema["pattern"]):
        wrong = f"{path} in body should match '{schema['pattern']}'"
        yield FieldError(path, ErrorType.INVALID, wrong, value)
    if schema.get("format") == "date-time" and not is_date_time(value):
        wrong = f"{path} in body must be of type date-time: {quoted(value)}"
        yield FieldError(path, ErrorType.WRONG_TYPE, wrong, value)


def _number_misfits(value: float, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if schema.get("type") == "integer" and not _is_in_range(value, schema["format"]):
        wrong = f"Checked value must be of type integer with format {schema['format']} in {path}"
        yield FieldError("", ErrorType.INVALID, wrong, "")
    bounds: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
        ("multipleOf", "be a multiple of", lambda number, factor: number % factor == 0),
        ("maximum", "be less than or equal to", operator.le),
        ("minimum", "be greater than or equal to", operator.ge),
    )
    for name, words, holds in bounds:
        if name in schema and not holds(value, schema[name]):
            wrong = f"{path} in body should {words} {shown_number(schema[name])}"
            yield FieldError(path, ErrorType.INVALID, wrong, value)


def _is_in_range(value: float, integer: str) -> bool:
    bits = int(integer.removeprefix("int")) - 1
    return float(value).is_integer() and -(2**bits) <= value < 2**bits


def _list_misfits(value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for number, item in enumerate(value):
        yield from misfits(item, schema.get("items", KEEPS_ALL), f"{path}[{number}]")
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < least:
        wrong = f"{path} in body should have at least {least} items"
        yield FieldError(path, ErrorType.INVALID, wrong, len(value))
    if most is not None and len(value) > most:
        yield _too_many(path, len(value), most)


def _object_misfits(value: JSON, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    least, most = schema.get("minProperties", 0), schema.get("maxProperties")
    if len(value) < least:
        wrong = f"{path} in body should have at least {least} properties"
        yield FieldError(path, ErrorType.INVALID, wrong, len(value))
    if most is not None and len(value) > most:
        yield _too_many(path, len(value), most)
    properties = schema.get("properties", {})
    of_others = schema.get("additionalProperties")
    for name, field in value.items():
        if within := properties.get(name) or of_others:
            yield from misfits(field, within, child(path, name))
    for name in schema.get("required", ()):
        if name not in value:
            yield FieldError(child(path, name), ErrorType.REQUIRED)


def _too_many(path: str, number: int, most: int) -> FieldError:
    return FieldError(path, ErrorType.TOO_MANY, f"must have at most {most} item{'s' * (most != 1)}", number)
