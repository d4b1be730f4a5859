"""Lists that are maps or sets: no key or value twice (apiextensions-apiserver's schema/listtype)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import LIST_MAP_KEYS, LIST_TYPE
from roomkeeper.validation.field_errors import ErrorType, FieldError
from roomkeeper.validation.structural import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def repeated_keys(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[FieldError]:
    """Yield the second one of those that are there twice or more."""
    if isinstance(value, list):
        yield from _repeated(value, schema, path)
        for number, item in enumerate(value):
            yield from repeated_keys(item, schema.get("items", {}), f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, field in value.items():
            within = schema.get("properties", {}).get(name)
            if within:
                yield from repeated_keys(field, within, child(path, name))


def _repeated(value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    match schema.get(LIST_TYPE):
        case "set":
            keys = value
        case "map":
            odd = [
                number for number, item in enumerate(value) if item is not None and not isinstance(item, dict)
            ]
            if odd:
                wrong = "must be an object for an array of list-type map"
                yield FieldError(f"{path}[{odd[0]}]", ErrorType.INVALID, wrong, value[odd[0]])
                return
            names = schema[LIST_MAP_KEYS]
            keys = [{name: item[name] for name in names if name in (item or {})} for item in value]
        case _:
            return
    times: dict[str, int] = {}
    for number, key in enumerate(keys):
        rendered = json.dumps(key, sort_keys=True)
        times[rendered] = times.get(rendered, 0) + 1
        if times[rendered] == 2:  # noqa: PLR2004 - the third one is not told
            yield FieldError(f"{path}[{number}]", ErrorType.DUPLICATE, value=key)
