"""Collects what a decision about a Recording needs to know; it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.adapters.ports import LiveKitError
from roomkeeper.api import common
from roomkeeper.api.recording import RecordingSpec
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import (
    attempts,
    markers,
    object_keys,
    recording_checks,
    recording_plan,
    recording_policy,
    recording_request,
    recording_room,
    recording_source,
    recording_stop,
    recording_streams,
    recordings,
)
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.object_keys import KeyTemplateError
from roomkeeper.domain.objects import ROOM, Key
from roomkeeper.domain.recordings import RecordingWorld
from roomkeeper.domain.storages import Storage
from roomkeeper.engine.failures import finding_of
from roomkeeper.engine.secrets import read_secret
from roomkeeper.engine.storages import read_storage, read_target

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.egress import EgressRequest, Target
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.recording_quota import RecordingQuota
    from roomkeeper.engine.recording_watch import RecordingWatch
    from roomkeeper.engine.servers import Assignment, KnownServer, ServerDirectory
    from roomkeeper.engine.storages import StorageDirectory


@dataclass(frozen=True, slots=True)
class RecordingGatherer:
    """Reads the caches, Secrets by their name, and of LiveKit what depends on where the Recording is."""

    kubernetes: Kubernetes
    objects: ObjectCache
    servers: ServerDirectory
    storages: StorageDirectory
    quota: RecordingQuota
    watch: RecordingWatch
    clock: Clock
    webhook_url: str  # for servers that do not say it themselves

    def assign(self, recording: CustomObject) -> Assignment:
        """Return the server: the one it has had, else its Room's, else as for any object."""
        return self.servers.resolve_recording(recording, self.objects)

    async def gather(self, recording: CustomObject, assignment: Assignment) -> RecordingWorld:
        """Return what is known about a Recording now; `complete` asks for what only some need."""
        spec, error = _parse(recording)
        room = self._room(recording)
        server, connection = assignment.known, assignment.connection
        world = RecordingWorld(
            recording=recording,
            spec=spec,
            spec_error=error,
            now=self.clock.now(),
            server=server.view if server else None,
            names_server=assignment.is_named,
            is_let_in=assignment.is_let_in,
            room_name=_room_name(recording, room),
            room_trouble=recording_room.trouble(recording, room),
            is_terminating=self.servers.is_terminating(recording.key.namespace),
            storage=self._storage(recording, spec, server),
            others_active=self.quota.others(recording, server),
            webhook_url=self._webhook_url(server),
        )
        attempt = recordings.current(world)
        if attempt and self.watch.is_unasked(recording.uid, attempt.marker):
            world = replace(world, is_unasked=True)
        if connection is None or not connection.is_usable or recordings.has_ended(world):
            return world
        try:
            return await self._look(world, connection)
        except LiveKitError as failed:
            connection.suspect()
            return replace(world, failure=finding_of(failed))

    async def complete(self, world: RecordingWorld, connection: Connection | None) -> RecordingWorld:
        """Search for egresses of ours where one may be, and make the request where everything else is there."""
        if connection is None or world.failure:
            return world
        try:
            if recording_plan.needs_search(world):
                world = await self._search(world, connection)
            if recording_plan.needs_room(world):
                world = await self._see_room(world, connection)
        except LiveKitError as failed:
            connection.suspect()
            return replace(world, failure=finding_of(failed))
        if recording_plan.needs_request(world):
            made = await self._request(world, connection)
            if isinstance(made, Finding):
                return replace(world, refusal=made)
            return replace(world, request=made)
        if recording_checks.needs_secrets(world):
            return replace(world, refusal=await self._missing_secret(world))
        return world

    def forget(self, recording: CustomObject, connection: Connection | None) -> None:
        """Drop what was remembered of a Recording that is over: nobody asks any more."""
        egresses = [one.egress_id for one in attempts.read(recording.status) if one.egress_id]
        self.watch.forget(recording.uid, egresses)
        if connection:
            connection.egresses.forget(*egresses)

    async def _look(self, world: RecordingWorld, connection: Connection) -> RecordingWorld:
        """See how the current attempt's egress is, and whether it and anybody else is in the room."""
        attempt = recordings.current(world)
        if attempt is None or not attempt.egress_id:
            return world
        egress = await connection.egresses.read(connection.api, attempt.egress_id)
        if egress is None:
            return replace(world, is_lost=True)
        world = replace(world, egress=egress)
        if world.room_name and egress.state.is_live:
            world = await self._see_who_is_there(world, connection, attempt)
        gone = connection.egresses.is_gone(egress.id, is_missing=recording_stop.is_missing(world))
        world = replace(world, gone=frozenset({egress.id}) if gone else frozenset())
        return await self._see_stream(world)

    async def _see_who_is_there(
        self, world: RecordingWorld, connection: Connection, attempt: Attempt
    ) -> RecordingWorld:
        egress_id, is_gone = attempt.egress_id, False
        live = connection.sightings.get(world.room_name)
        if attempt.room_sid:  # nothing but the room tells that it is to end
            live = await connection.read_room(world.room_name)
            is_gone = live is None
        there = await connection.who(world.room_name)
        is_there = any(someone.identity == egress_id for someone in there)
        is_empty = not recording_source.people(there)
        return replace(
            world,
            live=live,
            is_room_gone=is_gone,
            participants=there,
            missing_looks=self.watch.missing_looks(
                egress_id, is_there=is_there, look=connection.egresses.looks
            ),
            seen_at=self.watch.seen_at(egress_id),
            empty_seconds=self.watch.empty_seconds(egress_id, is_empty=is_empty),
        )

    async def _see_room(self, world: RecordingWorld, connection: Connection) -> RecordingWorld:
        live = connection.sightings.get(world.room_name)
        is_of_session = common.ANNOTATION_SESSION in world.recording.annotations
        if live is None or is_of_session or recordings.all_attempts(world):
            live = await connection.read_room(world.room_name)
        there = await connection.who(world.room_name) if live else ()
        return replace(world, live=live, is_room_gone=live is None, participants=there)

    async def _search(self, world: RecordingWorld, connection: Connection) -> RecordingWorld:
        """Find every egress of this Recording, ended ones too."""
        listed = await connection.api.list_egress(room_name=recordings.listed_under(world))
        found = tuple(
            connection.egresses.saw(egress)
            for egress in listed
            if markers.belongs(egress, world.recording.uid)
        )
        attempt = recordings.current(world)
        ours = markers.with_marker(found, attempt.marker) if attempt and not attempt.egress_id else None
        return replace(world, found=found, egress=ours or world.egress)

    async def _see_stream(self, world: RecordingWorld) -> RecordingWorld:
        stream = world.spec.outputs.stream if world.spec else None
        attempt = recordings.current(world)
        if stream is None or attempt is None or attempt.state is not RecordingState.ACTIVE:
            return world
        name = stream.urls_secret_ref.name
        read = await read_secret(self.kubernetes, namespace=world.recording.key.namespace, name=name)
        urls = read if isinstance(read, Finding) else recording_streams.declared(name, read)
        if isinstance(urls, Finding):
            return world  # what runs goes on
        uid = world.recording.uid
        # Also what an earlier process has added: to be taken back, an address has to be told in full.
        self.watch.streams_to(uid, {recording_streams.url_hash(uid, url): url for url in urls})
        change = recording_streams.change(
            world.recording,
            urls,
            known=self.watch.stream_urls(uid),
            may_add=recording_policy.may_stream(world),
        )
        return replace(world, stream=change)

    async def _request(self, world: RecordingWorld, connection: Connection) -> EgressRequest | Finding:
        """Read the Secrets that the request needs, and make it."""
        spec, namespace = world.spec, world.recording.key.namespace
        if spec is None or world.server is None:
            raise TypeError(spec)
        target = await self._target(world, spec)
        if isinstance(target, Finding):
            return target
        urls = await self._urls(spec, namespace)
        if isinstance(urls, Finding):
            return urls
        tracks = recording_source.tracks(world.participants or (), spec.source)
        try:
            return recording_request.build(
                spec,
                room_name=world.room_name,
                mark=markers.marker(world.recording.uid, recording_plan.next_number(world)),
                prefix=recording_request.key_prefix(world),
                target=target,
                tracks=tracks or recording_source.Tracks(),
                stream_urls=urls if spec.outputs.stream else (),
                websocket_url=urls[0] if spec.outputs.websocket else "",
                webhook_url=world.webhook_url,
                signing_key=connection.keys.current.api_key,
            )
        except KeyTemplateError as error:
            return object_keys.refused("spec.outputs", error)

    async def _missing_secret(self, world: RecordingWorld) -> Finding | None:
        """Return what is wrong with a Secret that the request will need; None: nothing, as far as that shows."""
        if world.spec is None:
            return None
        target = await self._target(world, world.spec)
        urls = await self._urls(world.spec, world.recording.key.namespace)
        return next((found for found in (target, urls) if isinstance(found, Finding)), None)

    async def _target(self, world: RecordingWorld, spec: RecordingSpec) -> Target | Finding | None:
        """Return where media go; None: to the worker's own storage, or nowhere."""
        namespace = world.recording.key.namespace
        if not recording_policy.stores(spec):
            return None
        if spec.storage:
            return await read_target(self.kubernetes, spec.storage, namespace)
        return (
            await read_storage(self.kubernetes, world.storage, namespace)
            if isinstance(world.storage, Storage)
            else None
        )

    async def _urls(self, spec: RecordingSpec, namespace: str) -> tuple[str, ...] | Finding:
        """Return the addresses that media are sent to."""
        outputs = spec.outputs
        if outputs.stream:
            name = outputs.stream.urls_secret_ref.name
            read = await read_secret(self.kubernetes, namespace=namespace, name=name)
            if isinstance(read, Finding):
                return read
            return recording_streams.declared(name, read) or recording_streams.no_url(name)
        if outputs.websocket:
            name = outputs.websocket.url_secret_ref.name
            read = await read_secret(self.kubernetes, namespace=namespace, name=name)
            if isinstance(read, Finding):
                return read
            return (read["url"],) if read.get("url") else recording_streams.no_url(name, key="url")
        return ()

    def _room(self, recording: CustomObject) -> CustomObject | None:
        name = (recording.spec.get("roomRef") or {}).get("name")
        return self.objects.get(Key(ROOM, recording.key.namespace, str(name))) if name else None

    def _storage(
        self, recording: CustomObject, spec: RecordingSpec | None, server: KnownServer | None
    ) -> Storage | Finding | None:
        if spec is None or server is None or spec.storage or not recording_policy.stores(spec):
            return None
        return self.storages.resolve(recording, spec, server)

    def _webhook_url(self, server: KnownServer | None) -> str:
        declared = server.spec.webhook.url if server and server.spec else None
        return declared or self.webhook_url


def _room_name(recording: CustomObject, room: CustomObject | None) -> str:
    known = recording.status.get("roomName") or recording.spec.get("roomName")
    return str(known or (room.status.get("roomName") if room else "") or "")


def _parse(recording: CustomObject) -> tuple[RecordingSpec | None, str]:
    try:
        return RecordingSpec.model_validate(recording.spec), ""
    except ValidationError as error:
        return None, common.errors(error)
