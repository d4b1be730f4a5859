"""Carries out one action after another, and puts what came back into the world."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import SECRETS
from roomkeeper.adapters.livekit.tokens import TokenTooLargeError, mint
from roomkeeper.adapters.ports import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    LiveKitError,
    LiveKitUnreachableError,
    NotFoundError,
)
from roomkeeper.api import common
from roomkeeper.domain import agents, moderation, revocations, rooms, token_secret, tokens
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.objects import TokenSecret
from roomkeeper.domain.reasons import Reason
from roomkeeper.engine import people
from roomkeeper.engine.failures import finding_of

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Kubernetes
    from roomkeeper.domain.rooms import Action, World
    from roomkeeper.engine.cache import ObjectCache, SecretCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.status import StatusWriter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Executor:
    """The effects of a reconcile. Kubernetes errors pass through; LiveKit's become part of the world."""

    kubernetes: Kubernetes
    objects: ObjectCache
    secrets: SecretCache
    status: StatusWriter

    async def execute(self, action: Action, world: World, server: Connection | None) -> World:
        """Carry out one action and return the world as it is then."""
        match action:
            case rooms.AddFinalizer():
                return await self._patch_finalizers(world, [*world.room.finalizers, common.FINALIZER])
            case rooms.RemoveFinalizer():
                if server and action.buried_until:
                    server.bury(world.room_name, action.buried_until, namespace=world.room.key.namespace)
                return await self._let_go(world, action.orphan)
            case rooms.IssueTokens():
                return await self._issue(action, world, server) if server else world
            case rooms.DeleteSecret():
                return await self._delete_secret(action, world)
            case _:
                return await self._ask_livekit(action, world, server)

    async def _ask_livekit(self, action: Action, world: World, server: Connection | None) -> World:
        if server is None:
            return world
        try:
            match action:
                case moderation.RemoveParticipant() | moderation.UpdateParticipant():
                    return await people.put_right(action, world, server)
                case agents.CreateDispatch() | agents.DeleteDispatch():
                    return await people.dispatch(action, world, server)
                case _:
                    return await _change_room(action, world, server)
        except LiveKitError as error:
            logger.warning("%s", error)
            server.suspect()
            if isinstance(error, LiveKitUnreachableError):
                server.doubt(world.room_name)
            return replace(world, failure=finding_of(error))

    async def _let_go(self, world: World, orphan: str) -> World:
        remaining = [name for name in world.room.finalizers if name != common.FINALIZER]
        try:
            world = await self._patch_finalizers(world, remaining)
        except NotFoundError:
            world = replace(world, room=replace(world.room, finalizers=()))
        if not remaining:
            self.objects.forget(world.room.key, world.room.uid)
        return replace(world, orphan=orphan)

    async def _patch_finalizers(self, world: World, finalizers: list[str]) -> World:
        return replace(world, room=await self.status.write_finalizers(world.room, finalizers))

    async def _issue(self, action: rooms.IssueTokens, world: World, server: Connection) -> World:
        wanted = action.issue.tokens
        try:
            signed = {claims.identity: mint(server.keys.current, claims) for claims in action.issue.claims()}
        except TokenTooLargeError as error:
            return _refuse(world, wanted.role, Reason.TOKEN_TOO_LARGE, str(error))
        body = token_secret.body(action.issue, signed, room=world.room)
        if too_large := token_secret.too_large(body):
            return _refuse(world, wanted.role, Reason.SECRET_TOO_LARGE, too_large)
        try:
            written = await self._write_secret(body, action.existing)
        except (ForbiddenError, InvalidError) as error:
            return _refuse(world, wanted.role, Reason.SECRET_REFUSED, str(error))
        except AlreadyExistsError:
            found = await self._read_own(body, world)
            if found is None:
                return replace(world, foreign_secrets=world.foreign_secrets | {wanted.secret_name})
            return await self._issue(_over(action, found, world), world, server)
        level = logging.DEBUG if action.issue.reason == tokens.EXPIRE_SOON else logging.INFO
        logger.log(level, "tokens of role %s are issued: %s", wanted.role, action.issue.reason)
        return replace(world, secrets={**world.secrets, written.name: written})

    async def _write_secret(self, body: Body, existing: TokenSecret | None) -> TokenSecret:
        """Write over exactly the version that is known, or create; AlreadyExistsError where the name is taken."""
        if existing is None:
            return self._observe(await self.kubernetes.create(SECRETS, body))
        meta, gone = body["metadata"], token_secret.removed_keys(body, existing)
        guard = {"uid": existing.uid, "resourceVersion": existing.resource_version}
        guarded = {**body, "metadata": {**meta, **guard}}
        try:
            if not gone:
                return self._observe(await self.kubernetes.apply(SECRETS, guarded))
            guarded["metadata"] |= {field: {**meta[field], **keys} for field, keys in gone.items()}
            return self._observe(
                await self.kubernetes.patch(
                    SECRETS, namespace=meta["namespace"], name=meta["name"], patch=guarded
                )
            )
        except (ConflictError, NotFoundError):
            # It changed or went meanwhile. What is known is out of date: read it, and let the retry decide.
            await self._refresh(existing)
            raise

    async def _read_own(self, body: Body, world: World) -> TokenSecret | None:
        """Read a Secret that is in the way; None: it is not this Room's."""
        meta = body["metadata"]
        read = await self.kubernetes.get(SECRETS, namespace=meta["namespace"], name=meta["name"])
        found = TokenSecret.from_body(read)
        return found if found.owner_uid == world.room.uid else None

    async def _refresh(self, known: TokenSecret) -> None:
        try:
            body = await self.kubernetes.get(SECRETS, namespace=known.namespace, name=known.name)
        except NotFoundError:
            self.secrets.forget(known.namespace, known.name, known.uid)
        else:
            self._observe(body)

    async def _delete_secret(self, action: rooms.DeleteSecret, world: World) -> World:
        secret = action.secret
        try:
            await self.kubernetes.delete(
                SECRETS,
                namespace=secret.namespace,
                name=secret.name,
                uid=secret.uid,
                resource_version=secret.resource_version,
            )
        except NotFoundError:
            logger.debug("Secret %s was gone already", secret.name)
        except ConflictError:
            await self._refresh(secret)
            raise
        else:
            logger.info("Secret %s is deleted", secret.name)
        self.secrets.forget(secret.namespace, secret.name, secret.uid)
        left = {name: other for name, other in world.secrets.items() if name != secret.name}
        return replace(world, secrets=left)

    def _observe(self, body: Body) -> TokenSecret:
        secret = TokenSecret.from_body(body)
        self.secrets.observe(secret)
        return secret


def _over(action: rooms.IssueTokens, found: TokenSecret, world: World) -> rooms.IssueTokens:
    """Return the same over a Secret that was not known: it may remember tokens that still work."""
    known = replace(world, secrets={**world.secrets, found.name: found})
    past = revocations.past(known, action.issue.tokens)
    return rooms.IssueTokens(replace(action.issue, past=past), found)


async def _change_room(action: Action, world: World, server: Connection) -> World:
    match action:
        case rooms.CreateRoom():
            live = await server.create(action.name, action.config, action.metadata)
            if world.live is None or world.live.sid != live.sid:  # else it was only doubted
                logger.info("room %s is created as %s", action.name, live.sid)
            return replace(world, live=live, is_doubted=False, sent=action.config)
        case rooms.UpdateMetadata():
            if action.is_correction:
                server.overwritten.add(action.name)
            return replace(world, live=await server.update_metadata(action.name, action.metadata))
        case rooms.DeleteRoom():
            await server.delete(action.name)
            logger.info("room %s is deleted", action.name)
            return replace(
                world,
                live=None,
                absence=rooms.Absence.CERTAIN,
                participants=None,
                people=None,
                dispatches=None,
            )
    raise TypeError(type(action))


def _refuse(world: World, role: str, reason: Reason, message: str) -> World:
    finding = Finding(reason, f"role {role!r}: {message}")
    return replace(world, refusals={**world.refusals, role: finding})
