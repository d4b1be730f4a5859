"""Every reason that a condition or an Event can carry, with what to do about it.

The texts here are the source of the table in the README; a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a condition is as it is, or why an Event was sent."""

    advice: str

    def __new__(cls, value: str, advice: str) -> Self:
        """Attach the advice to the member."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.advice = advice
        return member

    AVAILABLE = "Available", "Nothing to do: the room is live and its tokens are issued."
    ISSUED = "Issued", "Nothing to do: every role has its Secret."
    AS_DECLARED = "AsDeclared", "Nothing to do: the live room is configured as declared."
    WAITING_FOR_LIVEKIT = (
        "WaitingForLiveKit",
        "Nothing to do: LiveKit has just closed or created the room; the operator looks again in a moment.",
    )
    WAITING_FOR_GARBAGE_COLLECTION = (
        "WaitingForGarbageCollection",
        (
            "Usually nothing: a Secret of a deleted Room of the same name is about to be collected. If it stays,"
            " see whether kube-controller-manager runs."
        ),
    )
    REQUIRES_RECREATE = (
        "RequiresRecreate",
        (
            "LiveKit takes these fields only when a room is created; status.pendingChanges lists them. They apply"
            " when the room is next created: after the last person has left, or after you delete it in LiveKit."
        ),
    )
    SERVER_UNREACHABLE = (
        "ServerUnreachable",
        "See whether LiveKit runs and LIVEKIT_URL is right and reachable from the operator. It tries again by itself.",
    )
    INVALID_CREDENTIALS = (
        "InvalidCredentials",
        (
            "LiveKit refuses the API key or secret: compare LIVEKIT_API_KEY and LIVEKIT_API_SECRET of the operator"
            " with `keys` in LiveKit's configuration."
        ),
    )
    NO_SERVER = (
        "NoServer",
        "Start the operator with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
    )
    ROOM_REJECTED = (
        "RoomRejected",
        "LiveKit refuses the room as declared: look at the limits in its configuration (`limit`, `room`).",
    )
    INVALID_SPEC = "InvalidSpec", "Correct the field that the message names."
    INVALID_ROOM_NAME = (
        "InvalidRoomName",
        "Choose a roomName of at most 256 bytes without control characters.",
    )
    POLICY_VIOLATION = (
        "PolicyViolation",
        "Change what the message names, or ask whoever runs the server to allow it.",
    )
    ROOM_CONFLICT = (
        "RoomConflict",
        "An older Room declares the same room name on this server. Choose another roomName or delete one of the two.",
    )
    METADATA_TOO_LARGE = "MetadataTooLarge", "Shorten spec.metadata to at most 64 KiB as JSON."
    DUPLICATE_IDENTITY = (
        "DuplicateIdentity",
        "Give every identity to one role only: a second join with the same identity throws out the first.",
    )
    SECRET_CONFLICT = (
        "SecretConflict",
        "A Secret of that name belongs to somebody else and was left alone. Rename the role, or delete the Secret.",
    )
    TOKEN_TOO_LARGE = (
        "TokenTooLarge",
        "Shorten the identity or the grants of the role: a token stays under 6 kB.",
    )
    SECRET_TOO_LARGE = "SecretTooLarge", "Split the role: its tokens together must stay under 900 KiB."

    ROOM_RECREATED = (
        "RoomRecreated",
        "Nothing to do: LiveKit had closed or lost the room and it was created again, as a new session.",
    )
    ROOM_ADOPTED = (
        "RoomAdopted",
        "The room was older than this object. It is kept on deletion unless spec.deletionPolicy says Delete.",
    )
    ORPHANED_ROOM = (
        "OrphanedRoom",
        "LiveKit could not be told to delete the room in time. When it is back: `lk room delete NAME`.",
    )


def named(value: str) -> Reason:
    """Return the reason that the API shows under this name."""
    return next(reason for reason in Reason if reason.value == value)
