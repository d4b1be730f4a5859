"""Writes the reference of every kind and field to `docs/api.md`; with `--check` it only says whether it is up to date.

It is made of the schemas that the CustomResourceDefinitions have. A description is written as "What it is. Default: what
holds without it. LiveKit: its own word."; a table has a column for each of the three.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roomkeeper.api.common import API_VERSION
from roomkeeper.api.crd import schema
from roomkeeper.api.generate import KINDS
from roomkeeper.api.generated import write_or_check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roomkeeper.api.crd import JSON
    from roomkeeper.api.kind import Kind

PAGE: Final = Path(__file__).parents[3] / "docs" / "api.md"
DESCRIPTION: Final = re.compile(
    r"(?P<meaning>.*?)(?: Default: (?P<default>(?:(?! Default: ).)*?)\.?)?(?: LiveKit: (?P<livekit>.*?)\.?| LiveKit has no such notion\.)?",
    re.DOTALL,
)

_HEAD: Final = f"""\
# API reference

<!-- Generated from the models in roomkeeper.api by `make generate`: change those. -->

Every field of every kind of `{API_VERSION}`. `kubectl explain` tells the same.

A field that is not required may be left out; the column "default" says what holds then. "LiveKit" is LiveKit's own word
for it. Below a table stand the rules that the API server checks beside types and bounds, in the words in which it refuses;
what an edit may not change, the field says.
"""
_COLUMNS: Final = "| field | type | default | meaning | LiveKit |\n|---|---|---|---|---|"
_STATUS_COLUMNS: Final = "| field | type | meaning | LiveKit |\n|---|---|---|---|"
# What is described elsewhere: what a kind has of another one, and what all of them have.
_CONDITION: Final = "Condition"
_ELSEWHERE: Final = {
    "RecordingSchedule.spec.recordingTemplate.spec": "Recording.spec",
    **{f"{kind.kind}.status.conditions[]": _CONDITION for kind in KINDS},
}


def page() -> str:
    """Render the page."""
    kinds = "".join(f"\n- [{kind.kind}](#{kind.kind.lower()})" for kind in KINDS)
    sections = [line for kind in KINDS for line in _kind(kind)]
    condition = schema(KINDS[0])["properties"]["status"]["properties"]["conditions"]["items"]
    shared = [
        f"\n## {_CONDITION}\n\nThe conditions of every kind.\n",
        *_fields(_CONDITION, condition, is_status=True),
    ]
    return "\n".join(
        [_HEAD.rstrip(), f"{kinds}\n- [{_CONDITION}](#{anchor(_CONDITION)})", *sections, *shared]
    )


def anchor(path: str) -> str:
    """Return the anchor of an object's heading: that of `Room.spec.roles[]` is `roomspecroles`."""
    return re.sub(r"[^a-z0-9]", "", path.lower())


def _kind(kind: Kind) -> Iterator[str]:
    root = schema(kind)
    columns = ", ".join(f"{column.name}{' (wide)' * column.wide}" for column in kind.columns)
    selectors = ", ".join(f"`{path.removeprefix('.')}`" for path in kind.selectable_fields)
    yield f"\n## {kind.kind}\n"
    yield f"{root['description']}\n"
    yield f"- `kubectl get {kind.plural}`, `{kind.short_name}` for short. Columns: {columns}."
    if selectors:
        yield f"- Field selectors: {selectors}."
    yield from _rules(root)
    for part in ("spec", "status"):
        yield from _object(f"{kind.kind}.{part}", root["properties"][part])


def _object(path: str, node: JSON) -> Iterator[str]:
    """Yield the table of an object, and then those of the objects in it."""
    yield f"\n### {path}\n"
    yield from _fields(path, node, is_status=".status" in path)
    for _, where, child in _children(path, node):
        if "properties" in _item(child) and where not in _ELSEWHERE:
            yield from _object(where, _item(child))


def _fields(path: str, node: JSON, *, is_status: bool) -> Iterator[str]:
    yield _STATUS_COLUMNS if is_status else _COLUMNS
    for name, where, child in _children(path, node):
        meaning, default, livekit = _described(child, required=name in node.get("required", ()))
        bounds = "" if is_status else _bounds(child)
        cells = [f"`{name}`", _cell(_type(where, child) + bounds), default, meaning, livekit]
        if is_status:
            del cells[2]
        yield f"| {' | '.join(cells)} |"
    if not is_status:
        yield from _rules(node)


def _children(path: str, node: JSON) -> Iterator[tuple[str, str, JSON]]:
    """Yield the fields of an object: name, path and schema."""
    for name, child in node["properties"].items():
        yield name, f"{path}.{name}{'[]' if child.get('type') == 'array' else ''}", child


def _item(node: JSON) -> JSON:
    """Return the schema of what a list has, or the schema itself."""
    item: JSON = node.get("items", node)
    return item


def _described(node: JSON, *, required: bool) -> tuple[str, str, str]:
    """Take a description apart: meaning, default, and LiveKit's word, as cells."""
    found = DESCRIPTION.fullmatch(node.get("description", ""))
    parts = found.groupdict() if found else {}
    default = "required" if required else parts.get("default") or ""
    return _cell(parts.get("meaning") or ""), _cell(default), _cell(parts.get("livekit") or "")


def _type(path: str, node: JSON) -> str:
    item = _item(node)
    name = _linked(path, item) if "properties" in item else str(item["type"])
    if "enum" in item:
        name += ": " + ", ".join(f"`{value}`" for value in item["enum"])
    if item.get("format") == "date-time":
        name += ", RFC 3339"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map of {node['additionalProperties']['type']}"
    if node.get("type") != "array":
        return name
    keys = node.get("x-kubernetes-list-map-keys")
    kind = "set" if node.get("x-kubernetes-list-type") == "set" else "list"
    return f"{kind} of {name}" + (f", one per `{', '.join(keys)}`" if keys else "")


def _linked(path: str, item: JSON) -> str:
    target = _ELSEWHERE.get(path)
    return f"[{target or item['type']}](#{anchor(target or path)})"


def _bounds(node: JSON) -> str:
    """Say how much of it there may be: numbers, characters, keys, items of a list and each of them."""
    item = _item(node)
    told = _between(node, "Items", " items") + _between(item, "Length", " characters")
    told += _between(item, "Properties", " keys") + _between(item, "imum", "")
    return told + (f", a multiple of {item['multipleOf']}" if "multipleOf" in item else "")


def _between(node: JSON, of: str, unit: str) -> str:
    low, high = node.get(f"min{of}"), node.get(f"max{of}")
    if low is not None and high is not None:
        return f", {low} to {high}{unit}"
    if high is not None:
        return f", at most {high}{unit}"
    return f", at least {low}{unit}" if low is not None else ""


def _rules(node: JSON) -> Iterator[str]:
    """Yield what an object is refused for, and its fields that are no objects with their own rules."""
    found = _messages(node)
    for name, child in node.get("properties", {}).items():
        for one in {id(one): one for one in (child, _item(child))}.values():
            if "properties" not in one:
                found += _messages(one)
                found += [f"`{name}` must match `{one['pattern']}`"] if "pattern" in one else []
    if found:
        yield ""
        yield from (f"- {message}" for message in dict.fromkeys(found))


def _messages(node: JSON) -> list[str]:
    """Return the rules at a place, but for those about edits: the field says that it is immutable or frozen."""
    rules = node.get("x-kubernetes-validations", ())
    return [_cell(rule["message"]) for rule in rules if "oldSelf" not in rule["rule"]]


def _cell(text: str) -> str:
    """Make a text one cell of a table: outside of code "<" is no tag, and a bar is no border anywhere."""
    parts = text.replace("|", "\\|").split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2]]
    return " ".join("`".join(parts).split())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with `--check` exit with 1 and a diff if it is out of date."""
    return write_or_check({PAGE: page() + "\n"}, __doc__, "python -m roomkeeper.api.reference", arguments)


if __name__ == "__main__":
    sys.exit(main())
