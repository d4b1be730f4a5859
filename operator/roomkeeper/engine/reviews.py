"""Who asks for a token, and whether they may: the API server's word (TokenReview, SubjectAccessReview), kept for seconds."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiolimiter import AsyncLimiter

from roomkeeper.adapters.kubernetes import reviews
from roomkeeper.api.common import GROUP
from roomkeeper.engine.remembered import Remembered

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Clock, Kubernetes
    from roomkeeper.domain.objects import Key

AUDIENCE: Final = "roomkeeper"
KEPT_SECONDS = 10.0
MOST_KEPT = 4096
MOST_TOKEN_BYTES = 8192
STRANGERS_PER_SECOND = (
    50.0  # tokens that nobody has asked about before; whoever makes them up costs the API server no more
)


class TooManyStrangersError(Exception):
    """More tokens that are not known come than the API server is asked about."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whom the API server knows; what it says of them is handed back to it as it is."""

    username: str
    user: str  # JSON of its UserInfo

    @classmethod
    def of(cls, info: Body) -> Caller:
        """Take a UserInfo."""
        return cls(str(info["username"]), json.dumps(info, sort_keys=True))


class Reviews:
    """Asks the API server, once for a caller and a Room in half of KEPT_SECONDS. Its errors pass through (KubernetesError)."""

    def __init__(self, kubernetes: Kubernetes, clock: Clock) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._callers: Remembered[Caller | None] = Remembered(clock, seconds=KEPT_SECONDS, most=MOST_KEPT)
        self._rights: Remembered[bool] = Remembered(clock, seconds=KEPT_SECONDS, most=MOST_KEPT)
        self._strangers = AsyncLimiter(STRANGERS_PER_SECOND, 1.0)

    async def caller(self, token: str) -> Caller | None:
        """Return whose token this is; None: nobody's, or not for this audience, or expired."""
        if not self._may_be_one(token):
            return None
        digest = hashlib.sha256(token.encode()).digest()
        return await self._callers.get(digest, lambda: self._review(token))

    async def may(self, caller: Caller, room: Key) -> bool:
        """Tell whether somebody may create the subresource `token` of a Room, whether there is one or not."""
        return await self._rights.get((caller, room), lambda: self._ask(caller, room))

    def _may_be_one(self, token: str) -> bool:
        """Tell whether it is worth a question: what it says of itself is read, and believed of nobody."""
        if len(token) > MOST_TOKEN_BYTES or not token.isascii():
            return False
        try:
            payload = token.split(".")[1]
            claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            audience, expires = claims["aud"], float(claims["exp"])
            is_ours = AUDIENCE in ([audience] if isinstance(audience, str) else audience)
        except (
            ArithmeticError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):  # whoever it is may write anything
            return False
        return is_ours and expires > self._clock.now().timestamp()

    async def _review(self, token: str) -> Caller | None:
        if not self._strangers.has_capacity():
            raise TooManyStrangersError
        await self._strangers.acquire()
        info = await reviews.whose(self._kubernetes, token, audience=AUDIENCE)
        return Caller.of(info) if info else None

    async def _ask(self, caller: Caller, room: Key) -> bool:
        info = json.loads(caller.user)
        subject = {
            "user": caller.username,
            "uid": info.get("uid", ""),
            "groups": info.get("groups", []),
            "extra": info.get("extra", {}),
        }
        attributes = {
            "group": GROUP,
            "resource": "rooms",
            "subresource": "token",
            "verb": "create",
            "namespace": room.namespace,
            "name": room.name,
        }
        return await reviews.may(self._kubernetes, subject, attributes)
