"""From an error of LiveKit to what people read: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import (
    LiveKitCredentialsError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import LiveKitError

_REASONS = {
    LiveKitUnreachableError: Reason.SERVER_UNREACHABLE,
    LiveKitCredentialsError: Reason.INVALID_CREDENTIALS,
    LiveKitNotFoundError: Reason.WAITING_FOR_LIVEKIT,
    LiveKitRejectedError: Reason.ROOM_REJECTED,
}


def finding_of(error: LiveKitError) -> Finding:
    """Return the reason and message that a condition shows for an error."""
    return Finding(_REASONS.get(type(error), Reason.SERVER_UNREACHABLE), str(error))
