"""Collects what a decision needs to know; it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.adapters.ports import LiveKitError
from roomkeeper.api import common
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import names
from roomkeeper.domain.policy import allows_name
from roomkeeper.domain.rooms import World
from roomkeeper.engine.cache import room_name
from roomkeeper.engine.failures import finding_of
from roomkeeper.engine.servers import Look

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.objects import CustomObject, Key, TokenSecret
    from roomkeeper.engine.cache import ObjectCache, SecretCache
    from roomkeeper.engine.servers import LiveKitServer, ServerDirectory


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads the caches, and LiveKit where its last list is not enough."""

    objects: ObjectCache
    secrets: SecretCache
    servers: ServerDirectory
    clock: Clock

    async def gather(self, room: CustomObject) -> World:
        """Return everything that is known about a Room now."""
        spec, error = _parse(room)
        name = room_name(room)
        server = self.servers.resolve(room)
        claim = self._older_claim(room, name, server)
        look, failure = Look(None), None
        if server and spec and claim is None and names.is_usable(name) and _may_have(room, name, server):
            look, failure = await self._look(server, room, name)
        return World(
            room=room,
            spec=spec,
            spec_error=error,
            room_name=name,
            server=server.view if server else None,
            now=self.clock.now(),
            live=look.live,
            is_doubted=look.is_doubted,
            absence=look.absence,
            people=look.people,
            secrets=self._secrets(room, spec),
            older_claim=claim,
            failure=failure,
        )

    async def _look(
        self, server: LiveKitServer, room: CustomObject, name: str
    ) -> tuple[Look, Finding | None]:
        """Look at the room; a server that is known not to answer is not asked."""
        if not server.is_usable:
            return Look(None), None
        # The application may have written metadata since the list: an edit is merged with what is there now.
        is_edited = room.generation != room.status.get("observedGeneration")
        fresh = room.deleted_at is not None or (is_edited and server.lists(name))
        try:
            look = await server.look(name, known_sid=room.status.get("sid", ""), fresh=fresh)
        except LiveKitError as error:
            server.suspect()
            return Look(None), finding_of(error)
        return look, None

    def _older_claim(self, room: CustomObject, name: str, server: LiveKitServer | None) -> Key | None:
        """Return the Room that declared this name first and may: by creation, then by namespace and name."""
        if server is None:
            return None
        first = min(
            (other for other in self.objects.claimants(name) if _may_have(other, name, server)),
            key=lambda other: (other.created_at, other.key.namespace, other.key.name),
            default=room,
        )
        return None if first.key == room.key else first.key

    def _secrets(self, room: CustomObject, spec: RoomSpec | None) -> dict[str, TokenSecret]:
        """Return the Room's Secrets, and whatever else of ours has a name that it declares."""
        found = dict(self.secrets.owned_by(room.uid))
        for role in spec.roles if spec else ():
            name = names.secret_name(room.key.name, role.name, role.secret_template.name)
            known = self.secrets.get(room.key.namespace, name)
            if known:
                found[name] = known
        return found


def _may_have(room: CustomObject, name: str, server: LiveKitServer) -> bool:
    """Tell whether the name is the Room's by policy, or was when it got it: else it sees and claims nothing."""
    is_sticky = room.status.get("roomName") == name
    return is_sticky or allows_name(server.view.policy, namespace=room.key.namespace, room_name=name)


def _parse(room: CustomObject) -> tuple[RoomSpec | None, str]:
    try:
        return RoomSpec.model_validate(room.spec), ""
    except ValidationError as error:
        return None, common.errors(error)
