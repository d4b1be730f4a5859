"""Gives whoever asks and may a token of a dynamic role. It writes nothing, so every replica does."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter
from pydantic import ValidationError

from roomkeeper.adapters.livekit.tokens import TokenTooLargeError, mint
from roomkeeper.adapters.ports import KubernetesError
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import dynamic, rooms, token_request, tokens
from roomkeeper.domain.token_request import BadRequestError, RefusedError
from roomkeeper.engine.current import Run, running
from roomkeeper.engine.reviews import Reviews, TooManyStrangersError

if TYPE_CHECKING:
    from typing import Any

    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.api.role import Dynamic, Role
    from roomkeeper.domain.livekit import Credentials, TokenClaims
    from roomkeeper.domain.objects import CustomObject, Key
    from roomkeeper.domain.policy import Policy
    from roomkeeper.domain.rooms import Server
    from roomkeeper.domain.tokens import RoleTokens
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.reviews import Caller
    from roomkeeper.engine.servers import ServerDirectory

logger = logging.getLogger(__name__)

MOST_LIMITS = 10_000  # callers and roles whose rate is known at a time
_OWN_IDENTITY_BYTES = 9


class RefusalError(Exception):
    """No token. The status and the text are for who asked: they tell nobody what they may not know."""

    def __init__(self, result: str, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.result = result  # the label in the metric
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: for a role of a Room, for so many seconds (None: as long as may be), and what LiveKit's client sent."""

    room: Key
    role: str
    ttl: int | None
    body: Any


@dataclass(frozen=True, slots=True)
class Given:
    """The answer."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class _Declared:
    """A Room that is as declared, a dynamic role of it, and the server that it is on."""

    room: CustomObject
    spec: RoomSpec
    role: Role
    dynamic: Dynamic
    server: Server
    credentials: Credentials

    @property
    def policy(self) -> Policy | None:
        """The policy that the Room is under."""
        return rooms.limits_of(self.server, self.room.key.namespace)


class TokenDesk:
    """Authenticates, authorises, limits, and signs, in this order."""

    def __init__(
        self, kubernetes: Kubernetes, objects: ObjectCache, servers: ServerDirectory, clock: Clock
    ) -> None:
        self._reviews = Reviews(kubernetes, clock)
        self._objects = objects
        self._servers = servers
        self._clock = clock
        self._limits: OrderedDict[tuple[str, str, str, int], AsyncLimiter] = OrderedDict()

    async def give(self, bearer: str, asked: Asked) -> Given:
        """Return a token, or raise RefusalError; each token has a line in the log."""
        return await self._sign(await self._authorised(bearer, asked.room), asked)

    async def _authorised(self, bearer: str, room: Key) -> Caller:
        try:
            caller = await self._reviews.caller(bearer)
            is_allowed = caller is not None and await self._reviews.may(caller, room)
        except TooManyStrangersError:
            raise RefusalError("limited", HTTPStatus.TOO_MANY_REQUESTS, "too many requests") from None
        except KubernetesError as error:
            logger.warning("nobody can be asked who wants a token: %s", error)
            text = "the API server does not say who you are: try again"
            raise RefusalError("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, text) from None
        if caller is None:
            text = "a ServiceAccount token for the audience roomkeeper is needed"
            raise RefusalError("unauthenticated", HTTPStatus.UNAUTHORIZED, text)
        if not is_allowed:
            text = "you may not create rooms/token of roomkeeper.dev of that name in that namespace"
            raise RefusalError("forbidden", HTTPStatus.FORBIDDEN, text)
        return caller

    async def _sign(self, caller: Caller, asked: Asked) -> Given:
        declared = self._find(asked)
        await self._limit(caller, declared)
        limit = declared.policy.max_token_ttl_seconds if declared.policy else None
        try:
            said = token_request.answer(
                token_request.read(asked.body),
                declared.role,
                declared.spec,
                self._wanted(declared),
                own=secrets.token_urlsafe(_OWN_IDENTITY_BYTES),
                ttl=token_request.ttl_seconds(declared.dynamic, asked.ttl, limit),
                now=self._clock.now(),
            )
            token = mint(declared.credentials, said)
        except (BadRequestError, TokenTooLargeError) as error:
            raise RefusalError("bad request", HTTPStatus.BAD_REQUEST, str(error)) from None
        except RefusedError as error:
            raise RefusalError("refused", HTTPStatus.FORBIDDEN, str(error)) from None
        _note(declared, said, caller)
        return Given(declared.server.url, token)

    def _find(self, asked: Asked) -> _Declared:
        """Return what is asked for, if it is there and as declared."""
        room = self._objects.get(asked.room)
        spec = _spec(room) if room else None
        role = next((one for one in spec.roles if one.name == asked.role), None) if spec else None
        if room is None or spec is None or role is None or role.dynamic is None:
            text = "there is no such Room, or no such role of it that is dynamic"
            raise RefusalError("not found", HTTPStatus.NOT_FOUND, text)
        known = self._servers.resolve(room).known
        connection = known.connection if known else None
        if (
            known is None
            or connection is None
            or not dynamic.may_be_signed(room, role, connection.keys.fingerprint)
        ):
            text = "the Room is not as declared yet: its condition TokensIssued says why"
            raise RefusalError("not ready", HTTPStatus.SERVICE_UNAVAILABLE, text)
        return _Declared(room, spec, role, role.dynamic, known.view, connection.keys.current)

    def _wanted(self, declared: _Declared) -> RoleTokens:
        server = declared.server
        return tokens.for_role(
            declared.role,
            spec=declared.spec,
            room=declared.room,
            room_name=self._servers.room_name(declared.room),
            url=server.url,
            config=rooms.config(declared.spec, policy=declared.policy),
            signing_key=server.signing_key,
        )

    async def _limit(self, caller: Caller, declared: _Declared) -> None:
        most = declared.dynamic.max_per_minute
        key = (caller.username, declared.room.uid, declared.role.name, most)
        limiter = self._limits.get(key)
        if limiter is None:
            limiter = self._limits[key] = AsyncLimiter(most, 60.0)
        self._limits.move_to_end(key)
        if len(self._limits) > MOST_LIMITS:
            self._limits.popitem(last=False)
        if not limiter.has_capacity():
            text = f"more than {most} tokens in a minute (maxPerMinute): try again later"
            raise RefusalError("limited", HTTPStatus.TOO_MANY_REQUESTS, text)
        await limiter.acquire()  # at once, as there is room


def _spec(room: CustomObject) -> RoomSpec | None:
    try:
        return RoomSpec.model_validate(room.spec)
    except ValidationError:
        return None


def _note(declared: _Declared, said: TokenClaims, caller: Caller) -> None:
    """Leave the line by which somebody can tell later who got which token."""
    room = declared.room
    with running(Run(room.key, room.uid, room.generation)):
        logger.info(
            "token of role %s for %r until %s, asked for by %s",
            declared.role.name,
            said.identity,
            said.expires_at.isoformat(),
            caller.username,
        )
