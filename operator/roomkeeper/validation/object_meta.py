"""The metadata of an object, as far as people write it (apimachinery's pkg/api/validation/objectmeta.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from roomkeeper.validation.expressions import matches
from roomkeeper.validation.field_errors import ErrorType, FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_NAME: Final = 253
_MOST_VALUE: Final = 63
_MOST_ANNOTATIONS: Final = 256 * 1024
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NOT_A_SUBDOMAIN: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end"
    f" with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_NOT_QUALIFIED: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    f" '{_QUALIFIED}')"
)
_NOT_A_VALUE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    f" '({_QUALIFIED})?')"
)


def flaws(metadata: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield what is wrong with name, labels and annotations."""
    name = metadata.get("name", "")
    if not name and not metadata.get("generateName"):
        yield FieldError("metadata.name", ErrorType.REQUIRED, "name or generateName is required")
    elif name:
        yield from _name_flaws(name)
    labels = metadata.get("labels") or {}
    for key, value in labels.items():
        yield from _key_flaws("metadata.labels", key)
        if len(value) > _MOST_VALUE:
            wrong = f"must be no more than {_MOST_VALUE} bytes"
            yield FieldError("metadata.labels", ErrorType.INVALID, wrong, value)
        elif not matches(value, f"^({_QUALIFIED})?$"):
            yield FieldError("metadata.labels", ErrorType.INVALID, _NOT_A_VALUE, value)
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        yield from _key_flaws("metadata.annotations", key.lower(), shown=key)
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MOST_ANNOTATIONS:
        wrong = f"may not be more than {_MOST_ANNOTATIONS} bytes"
        yield FieldError("metadata.annotations", ErrorType.TOO_LONG, wrong)


def _name_flaws(name: str) -> Iterator[FieldError]:
    if len(name) > _MOST_NAME:
        wrong = f"must be no more than {_MOST_NAME} characters"
        yield FieldError("metadata.name", ErrorType.INVALID, wrong, name)
    if not matches(name, f"^{_SUBDOMAIN}$"):
        yield FieldError("metadata.name", ErrorType.INVALID, _NOT_A_SUBDOMAIN, name)


def _key_flaws(path: str, key: str, *, shown: str = "") -> Iterator[FieldError]:
    prefix, separator, name = key.rpartition("/")
    if separator and not prefix:
        yield FieldError(path, ErrorType.INVALID, "prefix part must be non-empty", shown or key)
    elif separator and not matches(prefix, f"^{_SUBDOMAIN}$"):
        wrong = f"prefix part {_NOT_A_SUBDOMAIN}"
        yield FieldError(path, ErrorType.INVALID, wrong, shown or key)
    if not matches(name, f"^{_QUALIFIED}$"):
        yield FieldError(path, ErrorType.INVALID, _NOT_QUALIFIED, shown or key)
