"""What the SDK raises, mapped once to the port's errors: by code and status, never by message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError
from livekit.api import TwirpError

from roomkeeper.adapters.ports import (
    LiveKitCredentialsError,
    LiveKitNobodyAnsweredError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.livekit import skew_told

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
_NOBODY = frozenset({"deadline_exceeded", "unavailable"})
# 409: a worker has the egress already, from an earlier try of LiveKit's to start it.
_PASSING = frozenset({408, 409, 429})
_SERVER_ERRORS = 500


class RefusedAnswerError(aiohttp.ClientPayloadError):
    """An answer that is not read (to its end): a code for metrics, and what is told of it."""

    def __init__(self, code: str, told: str) -> None:
        """Take texts of our own, nothing that the server wrote."""
        super().__init__(told)
        self.code = code
        self.told = told


class WrongTimeError(aiohttp.ClientPayloadError):
    """A refusal by a server whose clock is so far from ours that it would refuse the right secret too."""

    def __init__(self, skew_seconds: int) -> None:
        """Take by how much its clock is ahead of ours."""
        super().__init__()
        self.skew_seconds = skew_seconds


class ServerFaultError(LiveKitUnreachableError):
    """The server answered with Twirp's `internal`: among others, what it says of egress when it has no Redis."""


def translate(method: str, error: Exception) -> tuple[str, LiveKitError]:
    """Return a short code for metrics, and the port's error with a text of our own."""
    match error:
        case TwirpError():
            return _from_twirp(method, error)
        case aiohttp.ClientResponseError():
            return _from_status(method, error.status)
        case WrongTimeError(skew_seconds=skew):
            return "unauthenticated", LiveKitCredentialsError(
                f"{method}: {skew_told(skew)}", skew_seconds=skew
            )
        case _:
            code, told = _from_transport(error)
            return code, LiveKitUnreachableError(f"{method}: {told}")


def _from_transport(error: Exception) -> tuple[str, str]:
    match error:
        case TimeoutError():
            return "timeout", "no answer within the time limit"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "tls", "no TLS connection: check the certificate and the URL"
        case aiohttp.ClientConnectorError():
            return "connect", "no connection: check the URL and the network"
        case DecodeError() | AttributeError():
            return "unreadable", "not LiveKit's answer: check the URL"
        case RefusedAnswerError():
            return error.code, error.told
        case _:
            return "transport", "the connection broke"


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
    if error.status < _SERVER_ERRORS and error.status not in _PASSING:
        told = f"{told}: this is not LiveKit: check the URL"
    if code == "internal":
        return code, ServerFaultError(told)
    if code in _NOBODY:
        return code, LiveKitNobodyAnsweredError(told)
    return code, LiveKitUnreachableError(told)


def _from_status(method: str, status: int) -> tuple[str, LiveKitError]:
    """Map an answer that is no Twirp's: what the probe of a join got, or a redirect."""
    told = f"{method}: HTTP {status}"
    if status in _REFUSED_CREDENTIALS:
        return "unauthenticated", LiveKitCredentialsError(f"{told}: check the API key and its secret")
    if status < _SERVER_ERRORS and status not in _PASSING:
        told = f"{told}: this is not LiveKit: check the URL"
    return "unknown", LiveKitUnreachableError(told)
