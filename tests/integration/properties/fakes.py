"""The in-memory ports, with an operator that can die at any call, and a LiveKit that people join with real tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jwt

from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.adapters.livekit.memory_client import InMemoryClient
from roomkeeper.adapters.ports import LiveKitError, LiveKitUnreachableError
from roomkeeper.domain.livekit import Participant, Permission, RoomConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.adapters.kubernetes.memory import Call
    from roomkeeper.adapters.livekit.memory_room import MemoryRoom
    from roomkeeper.adapters.ports import Clock, LiveKit
    from roomkeeper.domain.livekit import Credentials

LEEWAY_SECONDS = 60  # that LiveKit takes a token after its end (protocol: auth/verifier.go)


class OperatorKilled(BaseException):
    """The process is gone before the call that it was about to make. No error: nothing may catch it."""


@dataclass(slots=True)
class Fuse:
    """How many more calls the operator makes before it dies; None: it lives."""

    calls_left: int | None = None

    def burn(self) -> None:
        """Count a call."""
        if self.calls_left is None:
            return
        if self.calls_left == 0:
            raise OperatorKilled
        self.calls_left -= 1


class MortalKubernetes(InMemoryKubernetes):
    """An API server whose client dies when the fuse has burnt down."""

    def __init__(self, clock: Clock, fuse: Fuse) -> None:
        super().__init__(clock)
        self._fuse = fuse

    async def _do(self, call: Call, work: Callable[[], Any]) -> Any:
        self._fuse.burn()
        return await super()._do(call, work)


@dataclass(slots=True)
class Join:
    """How somebody came in: by a token of ours, or (None) by one that the application made itself."""

    claims: dict[str, Any] | None
    owner_uid: str = ""  # of the Room whose Secret held the token
    is_touched: bool = False  # the application has changed their permission


class PeopledLiveKit(InMemoryLiveKit):
    """A LiveKit that reads tokens as the real one does, and is down after a crash until somebody has noticed.

    A ghost is found on suspicion only (section 3 of the design), so a crash that no probe ran into would leave
    ghosts to the next join; a real restart takes longer than a moment, and a new operator meets it as well.
    """

    def __init__(self, clock: Clock, fuse: Fuse) -> None:
        super().__init__(clock)
        self.joins: dict[str, Join] = {}
        self.wrongly_deleted: list[tuple[str, int]] = []  # by the operator, with how many people in it
        self.may_disconnect: Callable[[str], bool] = lambda _: True
        self._fuse = fuse

    @property
    def rooms(self) -> dict[str, MemoryRoom]:
        """Return every record, ghosts included."""
        return self._rooms

    def people(self, name: str) -> list[Participant]:
        """Return who is connected."""
        room = self._rooms.get(name)
        return list(room.participants.values()) if room and not room.is_ghost else []

    def restart_keeping_records(self) -> None:
        """Crash; be down until a probe has failed."""
        self.crash_keeping_records()
        self.outage = LiveKitUnreachableError("down")

    def still_down(self) -> None:
        """Meet a new operator as the old one was met, while there are ghosts."""
        if any(room.is_ghost for room in self._rooms.values()):
            self.outage = LiveKitUnreachableError("down")

    def join_with(self, token: str, owner_uid: str) -> None:
        """Join with a token; LiveKit's refusals are nothing that happens."""
        claims = self._verified(token)
        if claims is None or self.outage:
            return
        video, asked = claims["video"], claims.get("roomConfig", {})
        name, identity = video["room"], claims["sub"]
        is_born = name not in self._rooms
        try:
            person = self.join(name, identity, room_config=_config(asked), permission=permission(video))
        except LiveKitError:
            return
        room = self._rooms[name]
        if is_born:
            room.live = replace(room.live, metadata=asked.get("metadata", ""))
        room.participants[identity] = replace(
            person,
            name=claims.get("name", ""),
            metadata=claims.get("metadata", ""),
            attributes=dict(claims.get("attributes", {})),
        )
        self.joins[person.sid] = Join(claims, owner_uid)

    def join_as_stranger(self, name: str, identity: str) -> None:
        """Join with a token that the application has made."""
        room = self._rooms.get(name)
        if room is None or room.is_ghost or self.outage:
            return
        try:
            self.joins[self.join(name, identity).sid] = Join(None)
        except LiveKitError:
            return

    def client(self, credentials: Credentials) -> LiveKit:
        """Return a port: who is down refuses nobody's key."""
        return _Client(self, credentials)

    async def delete_room(self, name: str) -> None:
        people = len(self.people(name))
        may_disconnect = self.may_disconnect(name)
        await super().delete_room(name)
        if people and not may_disconnect:
            self.wrongly_deleted.append((name, people))

    def _called(self, method: str, name: str) -> None:
        self._fuse.burn()
        try:
            super()._called(method, name)
        except LiveKitUnreachableError:
            if method == "list_rooms" and not name:
                self.outage = None
            raise

    def _verified(self, token: str) -> dict[str, Any] | None:
        key = jwt.decode(token, options={"verify_signature": False})["iss"]
        for credentials in self.accepted:
            if credentials.api_key == key and (claims := verify(token, credentials)):
                return claims if claims["exp"] + LEEWAY_SECONDS > self._clock.now().timestamp() else None
        return None


class _Client(InMemoryClient):
    def _admitted(self, method: str, name: str = "") -> InMemoryLiveKit:
        return self._server if self._server.outage else super()._admitted(method, name)


def verify(token: str, credentials: Credentials) -> dict[str, Any] | None:
    """Return what a token says if this key has signed it, expired or not."""
    options = {"verify_exp": False, "verify_nbf": False}
    try:
        claims: dict[str, Any] = jwt.decode(
            token, credentials.api_secret, algorithms=["HS256"], options=options
        )
    except jwt.InvalidSignatureError:
        return None
    return claims


def permission(video: dict[str, Any]) -> Permission:
    """Return what a join with these grants permits (livekit: protocol/auth/grants.go, ToPermission)."""
    return Permission(
        can_subscribe=video.get("canSubscribe", True),
        can_publish=video.get("canPublish", True),
        can_publish_data=video.get("canPublishData", True),
        can_publish_sources=frozenset(video.get("canPublishSources", ())),
        can_update_metadata=video.get("canUpdateOwnMetadata", False),
        can_subscribe_metrics=video.get("canSubscribeMetrics", False),
        hidden=video.get("hidden", False),
    )


def _config(asked: dict[str, Any]) -> RoomConfig:
    return RoomConfig(
        empty_timeout_seconds=asked.get("emptyTimeout", 0),
        departure_timeout_seconds=asked.get("departureTimeout", 0),
        max_participants=asked.get("maxParticipants", 0),
    )
