"""What the engine asks of the outside world, and the errors it can answer with.

Every implementation maps its library's errors to these once, so nothing above knows Twirp or HTTP codes.
Messages of errors are ours: they never carry a response body, a token or a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from roomkeeper.domain.egress import Egress, EgressRequest
    from roomkeeper.domain.livekit import Dispatch, LiveRoom, Participant, ParticipantUpdate, RoomConfig

Body = dict[str, Any]


class Clock(Protocol):
    """Where the time comes from, so that a test can move it."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""


class LiveKitError(Exception):
    """LiveKit did not do what was asked."""


class LiveKitUnreachableError(LiveKitError):
    """No usable answer: connection refused, time limit, 408, 429 or 5xx. Trying again later is right."""


class LiveKitNobodyAnsweredError(LiveKitUnreachableError):
    """The server answered that nobody it asked did: there is no such node or worker, or it is busy (408, 503)."""


class LiveKitCredentialsError(LiveKitError):
    """The server refused the API key or its secret (401). Only a person can mend it.

    `skew_seconds` is by how much its clock is ahead of ours, negative when it is behind, where that alone would do:
    a token is refused before its first second and after its last. Else 0.
    """

    def __init__(self, told: str, *, skew_seconds: int = 0) -> None:
        super().__init__(told)
        self.skew_seconds = skew_seconds


class LiveKitNotFoundError(LiveKitError):
    """The room or participant is not there (404)."""


class LiveKitRejectedError(LiveKitError):
    """The server understood and refuses (400, 412, 413): the same request will fail again."""


class LiveKit(Protocol):
    """One LiveKit server. Every method raises LiveKitError and returns within a bounded time."""

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        """List the named rooms, or all; names that are not there are silently missing."""

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        """Create the room, or return the live one unchanged."""

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room."""

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""

    async def update_participant(self, name: str, identity: str, update: ParticipantUpdate) -> None:
        """Change a connected participant; the permission replaces the whole set."""

    async def remove_participant(self, name: str, identity: str) -> None:
        """Disconnect somebody; the token still lets them in again."""

    async def list_dispatches(self, name: str) -> list[Dispatch]:
        """List the agents that were asked into a live room."""

    async def create_dispatch(self, name: str, agent_name: str, metadata: str = "") -> Dispatch:
        """Ask an agent into a room. LiveKit prevents no duplicate, and creates a room that is not there."""

    async def delete_dispatch(self, name: str, dispatch_id: str) -> None:
        """Take an agent's dispatch back."""

    async def start_egress(self, request: EgressRequest) -> Egress:
        """Start an egress. After LiveKitUnreachableError it may have started all the same, or start later."""

    async def stop_egress(self, egress_id: str) -> Egress:
        """Ask an egress to end, and return it as it was then; LiveKitNotFoundError and LiveKitRejectedError: it has ended."""

    async def list_egress(
        self, *, room_name: str = "", egress_id: str = "", active: bool = False
    ) -> list[Egress]:
        """List those of a room, the one of that id, or all; `active`: only those that have not ended.

        An id that is not there is an empty list.
        """

    async def update_layout(self, egress_id: str, layout: str) -> None:
        """Have a room composite that runs laid out otherwise; LiveKitNotFoundError until it has joined."""

    async def update_stream(
        self, egress_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Send a stream to further addresses, or to some no longer."""

    async def creates_rooms_on_join(self) -> bool:
        """Tell whether a join creates its room (the server's room.auto_create)."""

    async def has_redis(self) -> bool:
        """Tell whether the server can have egress at all."""

    async def aclose(self) -> None:
        """Release the connections."""


class KubernetesError(Exception):
    """The API server did not do what was asked. `status` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class KubernetesUnreachableError(KubernetesError):
    """No usable answer: connection refused, time limit, 429 or 5xx."""


class NotFoundError(KubernetesError):
    """The object is not there (404)."""


class ConflictError(KubernetesError):
    """The object changed meanwhile, or is another one of the same name (409 with a uid or resourceVersion)."""


class AlreadyExistsError(KubernetesError):
    """An object of that name is there already (409 on create)."""


class ForbiddenError(KubernetesError):
    """RBAC or a terminating namespace does not let us (401, 403)."""


class InvalidError(KubernetesError):
    """The API server refuses the content (400, 422)."""


class FencedError(KubernetesError):
    """This replica does not hold the Lease, or not any more: nothing was sent.

    LiveKit's client raises it too: no LiveKitError, which would be taken for something that LiveKit did.
    """


class Effect(Enum):
    """What a request does, for whoever decides whether it may be sent."""

    READ = auto()
    WRITE = auto()
    START = auto()  # of an egress: nothing would undo a second one


Admit = Callable[[Effect], None]
"""Asked right before a request is sent; raises FencedError where it must not be."""


def admit_all(_: Effect) -> None:
    """Let everything be sent: there is one replica."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object as the API server addresses it; the core group is the empty string."""

    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """Return `group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


class Kubernetes(Protocol):
    """The API server. Every method raises KubernetesError and returns within a bounded time."""

    def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = ""
    ) -> AsyncIterator[Body]:
        """Yield every object, read in pages of 500; an empty namespace means all of them."""

    async def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        """Read one object."""

    async def create(self, resource: Resource, body: Body) -> Body:
        """Create an object; AlreadyExistsError where the name is taken."""

    async def apply(self, resource: Resource, body: Body) -> Body:
        """Apply server-side as our field manager, with force; a uid and resourceVersion in the metadata guard it."""

    async def patch(
        self,
        resource: Resource,
        *,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
    ) -> Body:
        """Merge-patch an object or its subresource; metadata.uid and resourceVersion in the patch guard it.

        A status is guarded by its resourceVersion alone: there the API server ignores a uid.
        """

    async def replace(self, resource: Resource, body: Body) -> Body:
        """Replace an object by this one; the uid and resourceVersion of the one that was read guard it.

        Without the uid, the API server makes a Lease anew that was deleted meanwhile.
        """

    async def delete(
        self, resource: Resource, *, namespace: str, name: str, uid: str, resource_version: str
    ) -> None:
        """Delete exactly this version of this object; NotFoundError and ConflictError tell otherwise."""

    async def aclose(self) -> None:
        """Release the connections."""
