"""Manifests in files: each object with the line of every field."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from roomkeeper.validation.structural import child

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_PACKAGES: Final = "node_modules"
"""npm's folder, which a web client beside its manifests has: the JSON in it is anybody's, and no manifest."""
# kubectl turns YAML into JSON, where dates and times are strings.
_TEXT_IN_JSON: Final = frozenset({"tag:yaml.org,2002:timestamp"})

_SURROGATES: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


class ManifestError(Exception):
    """A file cannot be read, or holds no YAML. `line` is 0 where none can be told."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object as it stands in a file. `lines` are by path, counted from 1; "" is where it begins."""

    path: str
    value: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()  # paths of keys that stand twice, where YAML keeps one of them

    @property
    def name(self) -> str:
        """Return the object as kubectl names it: `room/standup`, with its namespace if it has one."""
        metadata = self.metadata
        name = f"{str(self.value.get('kind', '?')).lower()}/{metadata.get('name', '?')}"
        return f"{metadata['namespace']}:{name}" if metadata.get("namespace") else name

    @property
    def metadata(self) -> dict[str, Any]:
        """Return the metadata, empty where there are none."""
        metadata = self.value.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    def line_of(self, path: str) -> int:
        """Return the line of a field, or of what it would stand in."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


def read(paths: Iterable[str]) -> Iterator[Manifest | ManifestError]:
    """Yield every object in files and folders, and what cannot be read; `-` is standard input."""
    for path in paths:
        for file in files(Path(path)):
            try:
                text = file.read_text() if str(file) != "-" else Path("/dev/stdin").read_text()
                yield from parse(text, str(file))
            except ManifestError as error:
                yield error
            except (OSError, UnicodeDecodeError) as error:
                yield ManifestError(
                    str(file), 0, f"cannot be read: {getattr(error, 'strerror', None) or error}"
                )


def parse(text: str, path: str = "-") -> Iterator[Manifest]:
    """Yield the objects of a YAML stream; those of a List one by one. ManifestError for what is no YAML."""
    if text.lstrip().startswith("{"):  # JSON: YAML's reader knows no pairs of surrogates
        text = _SURROGATES.sub(lambda pair: json.loads(f'"{pair[0]}"'), text)
    try:
        for node in yaml.compose_all(text, Loader=yaml.CSafeLoader):
            yield from _objects(node, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise ManifestError(path, mark.line + 1 if mark else 0, f"is no YAML: {problem}") from None


def _objects(node: yaml.Node, path: str) -> Iterator[Manifest]:
    reader = _Reader()
    value = reader.value_of(node, "")
    if value is None:
        return
    if not isinstance(value, dict):
        raise ManifestError(path, node.start_mark.line + 1, "is no object: it must have apiVersion and kind")
    if value.get("kind") == "List" and isinstance(value.get("items"), list):
        items = next(of for key, of in node.value if key.value == "items")
        for item in items.value:
            yield from _objects(item, path)
        return
    yield Manifest(path, value, reader.lines, tuple(reader.repeated))


def files(path: Path) -> list[Path]:
    """Return the files of manifests in a folder, or the file itself."""
    if not path.is_dir():
        return [path]
    found = (file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    return sorted(file for file in found if _PACKAGES not in file.relative_to(path).parts)


class _Reader:
    """Makes values of nodes, and keeps where they stand."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.repeated: list[str] = []
        self._scalars = yaml.constructor.SafeConstructor()

    def value_of(self, node: yaml.Node, path: str) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._object_of(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value_of(item, f"{path}[{number}]") for number, item in enumerate(node.value)]
        if node.tag in _TEXT_IN_JSON:
            return node.value
        return self._scalars.construct_object(node)

    def _object_of(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        self._scalars.flatten_mapping(node)  # `<<: *anchor`
        value: dict[str, Any] = {}
        for key, of in node.value:
            name = str(key.value)
            within = child(path, name)
            self.lines[within] = key.start_mark.line + 1
            if name in value:
                self.repeated.append(within)
            value[name] = self.value_of(of, within)
        return value
