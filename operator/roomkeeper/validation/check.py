"""One manifest against its kind: everything that the API server would refuse it for, and what only the operator can tell."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from roomkeeper.api.common import API_VERSION, GROUP
from roomkeeper.api.crd import schema
from roomkeeper.api.generate import KINDS
from roomkeeper.validation import object_meta, operator_checks
from roomkeeper.validation.expressions import broken_rules
from roomkeeper.validation.field_errors import BLOCKING, ErrorType, FieldError
from roomkeeper.validation.list_keys import repeated_keys
from roomkeeper.validation.structural import OBJECT_META, completed, misfits, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roomkeeper.validation.manifests import Manifest

NOT_CHECKED: Final = FieldError(
    "",
    ErrorType.INVALID,
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
    value=None,
)


class Severity(StrEnum):
    """Errors are the API server's; a warning is about what only the operator or other objects can refuse."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an object in a file, for people. `line` is 0 where none can be told."""

    file: str
    line: int
    object: str
    severity: Severity
    field: str
    message: str
    hint: str = ""


def is_ours(manifest: Manifest) -> bool:
    """Tell whether an object is of our group; others are left to their owners."""
    return str(manifest.value.get("apiVersion", "")).partition("/")[0] == GROUP


def problems(manifest: Manifest, among: Iterable[Manifest] = ()) -> Iterator[Problem]:
    """Yield everything that is wrong with an object of our group; `among` are the objects that it stands beside."""
    of_kind = schema_of(manifest)
    if of_kind is None:
        yield _no_such_kind(manifest)
        return
    for path in manifest.repeated:
        name = path.rpartition(".")[2]
        yield _problem(manifest, path, f'key "{name}" already set in map')
    found = errors(manifest.value, of_kind)
    for error in found:
        yield _problem(manifest, error.path, str(error), hint=_hint(error, of_kind))
    if found or manifest.repeated:
        return
    for doubt in operator_checks.doubts(manifest, among):
        yield _problem(manifest, doubt.field, doubt.message, severity=Severity.WARNING)


def errors(value: dict[str, Any], of_kind: dict[str, Any]) -> list[FieldError]:
    """Return what the API server answers to the creation of an object under strict validation.

    It answers unknown fields alone, before it looks at the rest; here both are told.
    """
    unknown = list(unknown_fields(value, of_kind))
    stored = completed(value, of_kind)
    metadata = stored.get("metadata", {})
    found = list(object_meta.flaws({**metadata, **_plain(value.get("metadata"))}))
    found += [*misfits(stored, of_kind), *repeated_keys(stored, of_kind)]
    if any(error.type in BLOCKING for error in found):
        found.append(NOT_CHECKED)
    else:
        found += broken_rules(stored, of_kind)
    return unknown + found


def schema_of(manifest: Manifest) -> dict[str, Any] | None:
    """Return the schema of an object's kind; None: there is no such kind, or not in that version."""
    if manifest.value.get("apiVersion") != API_VERSION:
        return None
    return _schemas().get(str(manifest.value.get("kind")))


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {kind.kind: schema(kind) for kind in KINDS}


def _plain(metadata: Any) -> dict[str, Any]:
    return metadata if isinstance(metadata, dict) else {}


def _problem(
    manifest: Manifest, field: str, message: str, *, severity: Severity = Severity.ERROR, hint: str = ""
) -> Problem:
    return Problem(manifest.path, manifest.line_of(field), manifest.name, severity, field, message, hint)


def _no_such_kind(manifest: Manifest) -> Problem:
    version, kind = manifest.value.get("apiVersion"), manifest.value.get("kind")
    if version != API_VERSION:
        field, message, hint = (
            "apiVersion",
            f'no matches for kind "{kind}" in version "{version}"',
            API_VERSION,
        )
    else:
        field, message = "kind", f'no matches for kind "{kind}" in version "{version}"'
        hint = _closest(str(kind), _schemas())
    return _problem(manifest, field, message, hint=f'did you mean "{hint}"?' if hint else "")


def _hint(error: FieldError, of_kind: dict[str, Any]) -> str:
    """Say what an unknown field may have been meant to be."""
    if error.type is not ErrorType.UNKNOWN:
        return ""
    parent, _, name = error.path.rpartition(".")
    known = OBJECT_META if parent == "metadata" else _fields_at(of_kind, parent)
    meant = _closest(name, known)
    return f'did you mean "{meant}"?' if meant else ""


def _fields_at(node: dict[str, Any], path: str) -> Iterable[str]:
    for step in path.split(".") if path else ():
        name, *indices = step.split("[")
        node = node.get("properties", {}).get(name, {})
        for _ in indices:
            node = node.get("items", {})
    return tuple(node.get("properties", {}))


def _closest(name: str, known: Iterable[str]) -> str:
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""
