"""Every reason that a condition or an Event can carry, with what to do about it.

The texts here are the source of docs/reasons.md; a test holds the two together.
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
    ON_DEMAND = "OnDemand", "Nothing to do: the room is not there now, and is born when somebody joins."
    FINISHED = (
        "Finished",
        "Nothing to do: a room with lifecycle Once has been closed. Its tokens are deleted; delete this object when you like.",
    )
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
    NOT_HONOURED = (
        "NotHonoured",
        (
            "The room was created as declared, and LiveKit shows it otherwise; it is not replaced again. Look at the limits"
            " in LiveKit's configuration (`room`), or for a client that joined with a token of before."
        ),
    )
    METADATA_CONTESTED = (
        "MetadataContested",
        (
            "Somebody overwrites the declared metadata again and again; the operator pauses. Leave the declared keys alone in"
            " the application, declare fewer of them, or set spec.metadataPolicy to Initial."
        ),
    )
    SUSPENDED = (
        "Suspended",
        "Nothing is written to LiveKit while spec.suspend is true. Set it to false to go on.",
    )
    SERVER_UNREACHABLE = (
        "ServerUnreachable",
        (
            "See whether LiveKit runs, and whether `url` and `apiURL` of the LiveKitServer (or LIVEKIT_URL) are right and"
            " reachable from the operator. It tries again by itself."
        ),
    )
    INVALID_CREDENTIALS = (
        "InvalidCredentials",
        (
            "LiveKit refuses the API key or secret: compare LIVEKIT_API_KEY and LIVEKIT_API_SECRET, of the credentials"
            " Secret or of the operator, with `keys` in LiveKit's configuration. Where the message tells of clocks, have both"
            " machines keep time (NTP)."
        ),
    )
    NO_SERVER = (
        "NoServer",
        (
            "Name a LiveKitServer in spec.serverRef, annotate one of this namespace as its default, or start the operator"
            " with --default-server or with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET."
        ),
    )
    SERVER_NOT_ALLOWED = (
        "ServerNotAllowed",
        (
            "There is no LiveKitServer of that name that this namespace may use. Check the name, or ask whoever runs the"
            " server to allow the namespace in `allowedNamespaces`."
        ),
    )
    AUTO_CREATE_DISABLED = (
        "AutoCreateDisabled",
        (
            "Lifecycle OnDemand needs a LiveKit that makes a room when somebody joins: set `room.auto_create: true` there, or"
            " declare lifecycle Persistent."
        ),
    )
    ADOPTION_REFUSED = (
        "AdoptionRefused",
        (
            "A room of this name was there before this object, and spec.adoptionPolicy is Refuse. Close it in LiveKit, choose"
            " another roomName, or allow Adopt."
        ),
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
    METADATA_TOO_LARGE = (
        "MetadataTooLarge",
        "Shorten spec.metadata to at most 64 KiB as JSON, or spec.rawMetadata to as many bytes.",
    )
    DUPLICATE_IDENTITY = (
        "DuplicateIdentity",
        "Give every identity to one role only: a second join with the same identity throws out the first.",
    )
    SECRET_CONFLICT = (
        "SecretConflict",
        "A Secret of that name belongs to somebody else, or to another role, and was left alone. Rename the role, or delete the Secret.",
    )
    TOKEN_TOO_LARGE = (
        "TokenTooLarge",
        "Shorten the identity or the grants of the role: a token stays under 6 kB.",
    )
    SECRET_TOO_LARGE = "SecretTooLarge", "Split the role: its tokens together must stay under 900 KiB."
    SECRET_REFUSED = (
        "SecretRefused",
        "The API server refuses the Secret: look for a ResourceQuota, an admission policy, or `immutable: true` on it.",
    )

    CONNECTED = "Connected", "Nothing to do: the server answers and accepts the credentials."
    INVALID_URL = (
        "InvalidURL",
        "Correct the URL that the message names: ws, wss, http or https, a host, no more.",
    )
    SECRET_NOT_FOUND = (
        "SecretNotFound",
        "Create the Secret that the message names, in the namespace of the object that refers to it, with the entries it needs.",
    )
    SELECTOR_NEEDS_CLUSTER_SCOPE = (
        "SelectorNeedsClusterScope",
        (
            "The operator runs for single namespaces (`-n`) and cannot read their labels: use `allowedNamespaces` Same or All,"
            " or run it cluster-wide."
        ),
    )
    IN_USE = (
        "InUse",
        "Delete the Rooms and Recordings of this server first, or wait for their deletionGraceSeconds.",
    )
    EGRESS_AVAILABLE = "EgressAvailable", "Nothing to do: a recording has been started on this server."
    NO_REDIS = (
        "NoRedis",
        "This LiveKit cannot record: give it Redis (`redis` in its configuration) and run Egress beside it.",
    )
    NOT_TRIED_YET = (
        "NotTriedYet",
        "Nothing to do: whether this server records shows when a recording is started.",
    )
    RECEIVED = "Received", "Nothing to do: webhooks of this server arrive."
    NONE_SEEN_WHILE_ROOMS_ACTIVE = (
        "NoneSeenWhileRoomsActive",
        (
            "Rooms change and no webhook tells: everything takes a resync. Put the operator's /livekit/webhook into"
            " `webhook.urls` of LiveKit's configuration, and its signing key into the credentials or webhook keys."
        ),
    )
    NO_ROOMS_ACTIVE = (
        "NoRoomsActive",
        "Nothing to do: nothing has happened on this server of which a webhook could have told.",
    )

    ROOM_RECREATED = (
        "RoomRecreated",
        "Nothing to do: LiveKit had closed or lost the room and it was created again, as a new session.",
    )
    ROOM_ADOPTED = (
        "RoomAdopted",
        "The room was older than this object. It is kept on deletion unless spec.deletionPolicy says Delete.",
    )
    PARTICIPANTS_REMOVED = (
        "ParticipantsRemoved",
        "Nothing to do: who is blocked, or has lost what their token says, was put out. They are again at every join.",
    )
    ORPHANED_ROOM = (
        "OrphanedRoom",
        "LiveKit could not be told to delete the room in time. When it is back: `lk room delete NAME`.",
    )

    ARMED = "Armed", "Nothing to do: it is recorded as soon as what the message names is there."
    START_UNANSWERED = (
        "StartUnanswered",
        (
            "LiveKit was asked to record and has not answered: no Egress worker is free, or the answer was lost. It is looked"
            " for before it is asked again. If it stays, see whether Egress runs, has the same Redis, and has CPU to spare."
        ),
    )
    RECORDING_STARTING = (
        "RecordingStarting",
        "Nothing to do: the Egress worker has it. A room composite begins with the first track that somebody publishes.",
    )
    RECORDING = "Recording", "Nothing to do: it is being recorded."
    RECORDING_ENDING = "RecordingEnding", "Nothing to do: it has ended, and the media are being uploaded."
    COMPLETED = "Completed", "Nothing to do: status.results says where the media are."
    STOPPED = (
        "Stopped",
        "Nothing to do: it was stopped by spec.desiredState, and status.results says where the media are.",
    )
    LIMIT_REACHED = (
        "LimitReached",
        (
            "It has been recorded for as long as it may: activeDeadlineSeconds, maxSeconds of the server's policy, or"
            " session_limits of Egress. status.results says where the media are."
        ),
    )
    NOTHING_TO_RECORD = (
        "NothingToRecord",
        "What the message names was not there within startDeadlineSeconds. Create another Recording if it is still wanted.",
    )
    RECORDING_FAILED = (
        "RecordingFailed",
        (
            "Egress has failed as often as backoffLimit allows; its log says why (look for the egress id). Error code 400 is an"
            " upload that was refused: check bucket and credentials; 404 is somebody or a track that was not there."
        ),
    )
    RECORDING_ABORTED = (
        "RecordingAborted",
        (
            "LiveKit gave up before anything was recorded: the room closed before anybody published, or the page never began."
            " Use start: WhenPublishing, or see whether customBaseURL logs START_RECORDING."
        ),
    )
    RESULT_UNKNOWN = (
        "ResultUnknown",
        "LiveKit forgot the egress before its end was seen (24 hours, or its Redis was emptied). Look into the storage.",
    )
    RESTORED_WITHOUT_STATUS = (
        "RestoredWithoutStatus",
        (
            "This object has recorded before and was restored without its status; it never records again. The annotation"
            " roomkeeper.dev/last-attempt says what came of it. Create another Recording to record again."
        ),
    )
    EGRESS_REJECTED = (
        "EgressRejected",
        "LiveKit or Egress refuses the request as it is; the log of Egress says why. Correct the source, outputs or encoding.",
    )
    EGRESS_UNRESPONSIVE = (
        "EgressUnresponsive",
        (
            "The Egress worker has died or lost its connection: it was told to end, and another attempt follows within"
            " backoffLimit. What it had recorded may be on its disk. See why it died: memory and CPU are the usual reasons."
        ),
    )
    EGRESS_RESPONSIVE = "EgressResponsive", "Nothing to do: the Egress worker is in the room."
    ROOM_NOT_FOUND = (
        "RoomNotFound",
        "Create the Room that spec.roomRef names, in the namespace of the Recording.",
    )
    ROOM_NOT_AVAILABLE = (
        "RoomNotAvailable",
        "See the condition RoomAvailable of the Room: there is nothing to record until it is true.",
    )
    WEBHOOK_URL_REQUIRED = (
        "WebhookURLRequired",
        (
            "A recording without file, hls and images could not be found again after a crash. Start the operator with"
            " --webhook-url, set spec.webhook.url of the LiveKitServer, or add an output that is stored."
        ),
    )
    EGRESS_ADOPTED = (
        "EgressAdopted",
        "Nothing to do: an egress whose start was not answered was found, and goes on.",
    )
    ATTEMPT_FAILED = (
        "AttemptFailed",
        "Usually nothing: another attempt follows. The message says what became of this one.",
    )
    ORPHANED_EGRESS = (
        "OrphanedEgress",
        "LiveKit could not be told to stop the egress in time. When it is back: `lk egress list`, `lk egress stop --id ID`.",
    )
    STORAGE_READY = (
        "StorageReady",
        "Nothing to do: Recordings can be put here, as far as that shows before anything is written.",
    )
    STORAGE_NOT_ALLOWED = (
        "StorageNotAllowed",
        (
            "There is no RecordingStorage of that name that this Recording may use. Check the name, or ask whoever runs the"
            " storage to allow the namespace in `allowedNamespaces` and the LiveKitServer in `allowedServers`."
        ),
    )
    PREFIX_WITHOUT_NAMESPACE = (
        "PrefixWithoutNamespace",
        (
            "Put {namespace}/ into spec.prefixTemplate, so that no namespace writes over another's media, or set"
            " spec.allowedNamespaces to Same."
        ),
    )
    SCHEDULED = "Scheduled", "Nothing to do: a Recording is made when it is due, or when a session begins."
    RECORDING_CONFLICT = (
        "RecordingConflict",
        "A Recording of that name is there and is not of this schedule; it was left alone. Delete it, or rename the schedule.",
    )
    RECORDING_REFUSED = (
        "RecordingRefused",
        "The API server refuses the Recording: look for a ResourceQuota or an admission policy, and correct recordingTemplate.",
    )
    RECORDING_MISSED = (
        "RecordingMissed",
        (
            "A Recording was not made within startingDeadlineSeconds: the operator was down, or an earlier Recording went on."
            " Allow more time, or another concurrencyPolicy; what is past cannot be recorded any more."
        ),
    )


def named(value: str) -> Reason:
    """Return the reason that the API shows under this name."""
    return next(reason for reason in Reason if reason.value == value)
