"""What the SDK raises, mapped once to the port's errors: by code and status, never by message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError
from livekit.api import TwirpError

from roomkeeper.adapters.ports import (
    LiveKitCredentialsError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import LiveKitError

SDK_ERRORS = (
    TwirpError,
    aiohttp.ClientError,
    OSError,  # TimeoutError among them
    DecodeError,  # 200, but not protobuf
    AttributeError,  # an error body that is JSON but not an object: the SDK asks it for .get
)

# https://twitchtv.github.io/twirp/docs/spec_v7.html#error-codes; a code is repeated in messages and metrics only
# if it is one of these, so that a server cannot write into them.
_TWIRP_CODES = frozenset({
    "aborted", "already_exists", "bad_route", "canceled", "dataloss", "deadline_exceeded", "failed_precondition",
    "internal", "invalid_argument", "malformed", "not_found", "out_of_range", "permission_denied",
    "resource_exhausted", "unauthenticated", "unavailable", "unimplemented", "unknown",
})  # fmt: skip
_REFUSED_CREDENTIALS = frozenset({401, 403})
_REJECTED = frozenset({400, 412, 413})
_BUSY = frozenset({408, 429})
_SERVER_ERRORS = 500


def translate(method: str, error: Exception) -> tuple[str, LiveKitError]:
    """Return a short code for metrics, and the port's error with a text of our own."""
    match error:
        case TwirpError():
            return _from_twirp(method, error)
        case TimeoutError():
            return "timeout", LiveKitUnreachableError(f"{method}: no answer within the time limit")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "tls", LiveKitUnreachableError(
                f"{method}: no TLS connection: check the certificate and the URL"
            )
        case aiohttp.ClientConnectorError():
            return "connect", LiveKitUnreachableError(
                f"{method}: no connection: check the URL and the network"
            )
        case DecodeError() | AttributeError():
            return "unreadable", LiveKitUnreachableError(f"{method}: not LiveKit's answer: check the URL")
        case _:
            return "transport", LiveKitUnreachableError(f"{method}: the connection broke")


def _from_twirp(method: str, error: TwirpError) -> tuple[str, LiveKitError]:
    code = error.code if isinstance(error.code, str) and error.code in _TWIRP_CODES else "unknown"
    told = f"{method}: {code} (HTTP {error.status})"
    # Only LiveKit says not_found; a bare 404 comes from something else at that URL, and must not pass for
    # "the room is gone".
    if code == "not_found":
        return code, LiveKitNotFoundError(told)
    if error.status in _REFUSED_CREDENTIALS:
        return code, LiveKitCredentialsError(f"{told}: check the API key and its secret")
    if error.status in _REJECTED:
        return code, LiveKitRejectedError(told)
    if error.status < _SERVER_ERRORS and error.status not in _BUSY:
        told = f"{told}: this is not LiveKit: check the URL"
    return code, LiveKitUnreachableError(told)
