"""What people get wrong, how that is declared, and what they are told; docs/troubleshooting.md has the same table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.tenancy import ROLES

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.tenancy import Namespace

GROUP = "roomkeeper.dev/v1alpha1"


@dataclass(frozen=True)
class Mistake:
    """One mistake: the object that shows it, the reason, what the message says of it, and what it says to do.

    `where` is who tells what to do, beside the doctor.
    """

    title: str
    kind: str
    name: str
    reason: str
    says: str
    to_do: str
    where: str = "kubectl describe"


NOT_YOURS = (
    "There is no LiveKitServer of that name that this namespace may use",
    "ask whoever runs the server to allow the namespace in `allowedNamespaces`",
)
MISTAKES = (
    Mistake(
        "The Secret has other entries than LIVEKIT_API_KEY and LIVEKIT_API_SECRET", "LiveKitServer", "wrong-entries",
        "SecretNotFound", "has no LIVEKIT_API_KEY and no LIVEKIT_API_SECRET", "with the entries it needs",
    ),
    Mistake(
        "The Secret is not there", "LiveKitServer", "no-secret",
        "SecretNotFound", "Secret 'absent' is not in namespace", "Create the Secret that the message names",
    ),
    Mistake(
        "The API secret is another one", "LiveKitServer", "wrong-secret",
        "InvalidCredentials", "LiveKit refuses the API key or its secret", "with `keys` in LiveKit's configuration",
    ),
    Mistake(
        "LiveKit is not there, or not at that address", "LiveKitServer", "nobody-there",
        "ServerUnreachable", "LiveKit", "whether `url` and `apiURL` of the LiveKitServer",
    ),
    Mistake(
        "LiveKit has no Redis, and so no Egress", "LiveKitServer", "bare",
        "NoRedis", "this LiveKit has no Redis", "give it Redis (`redis` in its configuration) and run Egress beside it",
        where="roomkeeper doctor",
    ),
    Mistake(
        "LiveKit's webhook goes elsewhere", "LiveKitServer", "bare",
        "NoneSeenWhileRoomsActive", "rooms change and no webhook tells", "Put the operator's /livekit/webhook into",
        where="roomkeeper doctor",
    ),
    Mistake(
        "The server is not there", "Room", "unknown-server",
        "ServerNotAllowed", *NOT_YOURS,
    ),
    Mistake(
        "The server does not let this namespace in", "Room", "forbidden",
        "ServerNotAllowed", *NOT_YOURS,
    ),
    Mistake(
        "The room's name is another namespace's", "Room", "stolen-name",
        "PolicyViolation", "is the name of a room of another namespace", "Change what the message names",
    ),
    Mistake(
        "Two Rooms have one name", "Room", "twin",
        "RoomConflict", "Room 'standup' is older and declares the same room", "delete one of the two",
    ),
    Mistake(
        "An identity is in two roles", "Room", "doubled",
        "DuplicateIdentity", "spec.roles: 'alice' is given more than once", "Give every identity to one role only",
    ),
    Mistake(
        "The Room of a Recording is not there", "Recording", "no-room",
        "RoomNotFound", "Room 'stand-up' is not in this namespace", "Create the Room that spec.roomRef names",
    ),
    Mistake(
        "The storage of a Recording is not there", "Recording", "no-storage",
        "StorageNotAllowed", "There is no RecordingStorage of that name that this Recording may use", "Check the name",
    ),
    Mistake(
        "The Secret of a storage lacks an entry", "RecordingStorage", "half-a-key",
        "SecretNotFound", "has no AWS_SECRET_ACCESS_KEY", "with the entries it needs",
    ),
    Mistake(
        "The time zone is none", "RecordingSchedule", "no-zone",
        "InvalidSpec", "spec.timeZone: there is no such time zone", "Correct the field that the message names",
    ),
)  # fmt: skip
WRONG_CLOCK = Mistake(
    "The clocks of the operator and of LiveKit differ", "LiveKitServer", "ahead",
    "InvalidCredentials", "LiveKit's clock is 600 s behind the operator's", "have both machines keep time (NTP)",
)  # fmt: skip
MISSPELT = Mistake(
    "A field is misspelt", "Room", "misspelt",
    "unknown field", 'unknown field "spec.maxParticipant"', 'did you mean "maxParticipants"?',
    where="roomkeeper validate",
)  # fmt: skip
ALL = (*MISTAKES, WRONG_CLOCK, MISSPELT)


def servers(provider: Namespace, good: LocalStack, bare: LocalStack) -> None:
    """Declare the LiveKitServers, one of them as it should be."""
    url, key, secret = good.livekit.url, good.livekit.api_key, good.livekit.api_secret
    provider.offer_livekit("main", good)
    provider.apply(_secret("wrong-entries-api", API_KEY=key, API_SECRET=secret))
    provider.server("wrong-entries", url)
    provider.server("no-secret", url, credentialsSecretRef={"name": "absent"})
    provider.offer("wrong-secret", url, key, "not-the-secret-that-livekit-was-given")
    provider.offer("nobody-there", "ws://127.0.0.1:9", key, secret)
    provider.offer_livekit("bare", bare)
    provider.apply(provider.uses(provider, "bare", "noticed"))


def rooms(provider: Namespace, tenant: Namespace) -> None:
    """Declare the Rooms: those of the tenant on a server that does not let it in, the others on the one that is."""
    tenant.apply(tenant.uses(provider, "main", "forbidden"), tenant.uses(provider, "mian", "unknown-server"))
    name = f"{provider.namespace}_standup"
    twice = [*ROLES, {"name": "guest", "identities": ["alice"]}]
    stolen = {"roomName": f"{tenant.namespace}_standup"}
    provider.apply(provider.uses(provider, "main", "standup"))
    provider.stack.kubectl(
        "wait", "-n", provider.namespace, "--for=condition=Ready", "room/standup", "--timeout=30s"
    )
    provider.apply(
        provider.uses(provider, "main", "twin", roomName=name),
        provider.uses(provider, "main", "stolen-name", **stolen),
        provider.uses(provider, "main", "doubled", roles=twice),
    )


def recordings(provider: Namespace) -> None:
    """Declare what records, and where to."""
    half = {"bucket": "recordings", "credentialsSecretRef": {"name": "half-a-key"}}
    provider.apply(
        _secret("half-a-key", AWS_ACCESS_KEY_ID="id"),
        _object("RecordingStorage", "half-a-key", s3=half),
        _object("Recording", "no-room", **_recording("stand-up")),
        _object("Recording", "no-storage", storageRef={"name": "absent"}, **_recording("standup")),
        _object(
            "RecordingSchedule",
            "no-zone",
            schedule="0 9 * * *",
            timeZone="Europe/Berln",
            recordingTemplate={"spec": _recording("standup")},
        ),
    )


def _recording(room: str) -> dict[str, Any]:
    return {
        "roomRef": {"name": room},
        "source": {"roomComposite": {}},
        "outputs": {"file": {"filepath": "recordings/{room_name}"}},
    }


def _object(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _secret(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
