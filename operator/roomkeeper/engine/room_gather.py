"""Collects what a decision about a Room needs to know; it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.adapters.kubernetes.resources import SECRETS
from roomkeeper.adapters.ports import LiveKitError, NotFoundError
from roomkeeper.api import common
from roomkeeper.api.room import AdoptionPolicy, RoomSpec
from roomkeeper.domain import agents, changes, checks, moderation, names
from roomkeeper.domain.objects import TokenSecret
from roomkeeper.domain.rooms import World
from roomkeeper.engine import moves
from roomkeeper.engine.connection import Look
from roomkeeper.engine.failures import finding_of

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.objects import CustomObject, Key
    from roomkeeper.domain.shards import Shard
    from roomkeeper.engine.cache import ObjectCache, SecretCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.servers import Assignment, KnownServer, ServerDirectory


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads the caches, and LiveKit where its last list is not enough."""

    kubernetes: Kubernetes
    objects: ObjectCache
    secrets: SecretCache
    servers: ServerDirectory
    shard: Shard
    clock: Clock

    async def gather(self, room: CustomObject, assignment: Assignment) -> World:
        """Return what is known about a Room now; `complete` asks for what only some need."""
        if self.shard.name:
            await self._read_unseen(room)
        spec, error = _parse(room)
        name = self.servers.room_name(room)
        server, connection = assignment.known, assignment.connection
        world = World(
            room=room,
            spec=spec,
            spec_error=error,
            room_name=name,
            server=server.view if server else None,
            names_server=assignment.is_named,
            now=self.clock.now(),
            is_terminating=self.servers.is_terminating(room.key.namespace),
            secrets=self._secrets(room, spec),
            older_claim=self._older_claim(room, name, server) if server else None,
            rooms_before=self._rooms_before(room, server) if server else None,
        )
        if server is None or connection is None or not connection.is_usable:
            return world
        is_unreadable = spec is None and not room.deleted_at  # a deletion needs no spec
        if is_unreadable or world.older_claim or not _may_see(room, name, server):
            return world
        look, failure = await self._look(connection, room, name)
        return replace(
            world,
            live=look.live,
            is_doubted=look.is_doubted,
            absence=look.absence,
            people=look.people,
            participants=look.participants,
            nobody_ever_joined=connection.sightings.surely_nobody_ever_joined(name),
            overwritten=connection.overwritten.count(name),
            corrected=connection.corrected.snapshot(),
            failure=failure,
        )

    async def complete(self, world: World, connection: Connection | None) -> World:
        """Ask who is there and who was sent, where what is declared depends on it."""
        if connection is None or world.live is None or world.failure or not connection.is_usable:
            return world
        name = world.room_name
        is_moderated = moderation.needs_people(world)
        connection.keep_watching(name, is_moderated)
        try:
            if world.participants is None and (is_moderated or changes.needs_people(world)):
                look = await connection.look(name, who=True)
                world = replace(world, people=look.people, participants=look.participants)
            if world.dispatches is None and agents.needs_list(world):
                world = replace(world, dispatches=await connection.list_dispatches(name))
        except LiveKitError as error:
            connection.suspect()
            connection.doubt(name)
            return replace(world, failure=finding_of(error))
        return world

    async def _look(
        self, connection: Connection, room: CustomObject, name: str
    ) -> tuple[Look, Finding | None]:
        # The application may have written metadata since the list: an edit is merged with what is there now.
        is_edited = room.generation != room.status.get("observedGeneration")
        is_asked_for = room.annotations.get(common.ANNOTATION_RECONCILE_AT) != room.status.get(
            "lastHandledReconcileAt"
        )
        is_listed = connection.sightings.get(name) is not None
        # Lists are kept of claimed rooms only, so one that was there before its Room is not in them yet. To be adopted
        # it may be created again, which changes nothing; where that is refused it is not touched.
        is_strange = room.spec.get("adoptionPolicy") == AdoptionPolicy.REFUSE and not room.status.get("sid")
        is_due = room.deleted_at is not None or is_asked_for or is_strange
        fresh = is_due or (is_edited and is_listed)
        try:
            look = await connection.look(name, known_sid=room.status.get("sid", ""), fresh=fresh)
        except LiveKitError as error:
            connection.suspect()
            return Look(None), finding_of(error)
        return look, None

    def _older_claim(self, room: CustomObject, name: str, server: KnownServer) -> Key | None:
        """Return the Room that declared this name first and may: by creation, then by namespace and name.

        Another object that speaks of the same server counts too, if that server has accepted its credentials.
        """
        older = sorted(
            other for claimant in self.objects.claimants(name) if (other := _age(claimant)) < _age(room)
        )
        rivals = (self.objects.get(key) for *_, key in older)
        return next(
            (rival.key for rival in rivals if rival and self._is_rival(rival, room, name, server)), None
        )

    def _is_rival(self, other: CustomObject, room: CustomObject, name: str, server: KnownServer) -> bool:
        theirs = self.servers.resolve(other).known
        if theirs is None or theirs.connection is None or not _may_see(other, name, theirs):
            return False
        sid = room.status.get("sid")
        # A stranger's server can show whatever SID it likes, and whoever has been in the room knows it.
        is_trusted = theirs.key.namespace in ("", server.key.namespace, room.key.namespace)
        shows_same = is_trusted and sid and sid == other.status.get("sid")
        is_same = theirs.address == server.address or bool(shows_same)
        is_accepted = theirs is server or theirs.connection.keys.was_accepted
        return is_same and is_accepted

    def _rooms_before(self, room: CustomObject, server: KnownServer) -> int | None:
        """Count the older Rooms of the namespace on this server, where a policy limits them."""
        if server.policy.max_rooms_per_namespace is None:
            return None
        mine = (room.created_at, room.key.name)
        return sum(
            (other.created_at, other.key.name) < mine
            for other in self.objects.rooms(room.key.namespace)
            if self.servers.resolve(other).known is server
        )

    async def _read_unseen(self, room: CustomObject) -> None:
        """Read the Secrets that status names and no watch shows: they are still in the shard that the Room has left."""
        for tokens in room.status.get("tokens", ()):
            namespace, name = room.key.namespace, tokens["secretName"]
            if self.secrets.get(namespace, name):
                continue
            try:
                body = await self.kubernetes.get(SECRETS, namespace=namespace, name=name)
            except NotFoundError:
                continue
            found = TokenSecret.from_body(body)
            if found.owner_uid == room.uid:
                await moves.check_is_current(room, self.kubernetes)
                self.secrets.observe(found)

    def _secrets(self, room: CustomObject, spec: RoomSpec | None) -> dict[str, TokenSecret]:
        """Return the Room's Secrets, and whatever else of ours has a name that it declares."""
        found = dict(self.secrets.owned_by(room.key.namespace, room.uid))
        for role in spec.roles if spec else ():
            name = names.secret_name(room.key.name, role.name, role.secret_template.name)
            known = self.secrets.get(room.key.namespace, name)
            if known:
                found[name] = known
        return found


def _age(room: CustomObject) -> tuple[datetime, str, str, Key]:
    """Return by what Rooms are put in the order in which they came."""
    return room.created_at, room.key.namespace, room.key.name, room.key


def _may_see(room: CustomObject, name: str, server: KnownServer) -> bool:
    """Tell whether the name is the Room's by policy, or was when it got it: else it sees and claims nothing."""
    if not names.is_usable(name):
        return False
    if room.status.get("roomName") == name:
        return True
    return checks.may_have_name(server.view, namespace=room.key.namespace, room_name=name)


def _parse(room: CustomObject) -> tuple[RoomSpec | None, str]:
    try:
        return RoomSpec.model_validate(room.spec), ""
    except ValidationError as error:
        return None, common.errors(error)
