"""The one place that turns answers of the API server into the errors of the port."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.ports import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubernetesError,
    KubernetesUnreachableError,
    NotFoundError,
)

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body

GONE = 410

_ERRORS: dict[int, type[KubernetesError]] = {
    400: InvalidError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidError,
    422: InvalidError,
    429: KubernetesUnreachableError,
}
_FIRST_ERROR = 300
_FIRST_SERVER_ERROR = 500


def is_error(status: int) -> bool:
    """Tell whether there is no object in the answer; the API server does not redirect."""
    return status >= _FIRST_ERROR


def parse(text: bytes) -> Body:
    """Return the JSON object; KubernetesUnreachableError if something else than an API server answered."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise KubernetesUnreachableError("the answer is not JSON: is this address a Kubernetes API server?")
    return body


def error_of(status: int, text: bytes, *, request: str, about_secret: bool) -> KubernetesError:
    """Name what went wrong: our words, the Status' reason and, where it can quote no secret, its message."""
    answer = _status_of(text)
    reason = str(answer.get("reason") or "")
    kind = _ERRORS.get(
        status, KubernetesUnreachableError if status >= _FIRST_SERVER_ERROR else KubernetesError
    )
    if kind is ConflictError and reason == "AlreadyExists":
        kind = AlreadyExistsError
    if kind is InvalidError and _is_about_uid(answer):
        kind = ConflictError  # a patch for another object of this name: the API server calls it immutable
    message = f"{request}: {status} {reason}".rstrip()
    if issubclass(kind, (InvalidError, ForbiddenError)) and not about_secret:
        message = f"{message}: {answer.get('message', '')}".rstrip(": ")
    return kind(message, status=status)


def _status_of(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _is_about_uid(answer: dict[str, Any]) -> bool:
    causes = (answer.get("details") or {}).get("causes") or []
    return any(cause.get("field") == "metadata.uid" for cause in causes)
