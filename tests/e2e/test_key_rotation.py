"""Keys are rotated, in Kubernetes or in LiveKit first, and nobody fails to join whom LiveKit itself would let in."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.e2e.people import Person
from tests.e2e.support import RESYNC_SECONDS, eventually, http_status, settle
from tests.e2e.tenancy import Namespace, another_livekit, namespaces, rooms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

LATER = RESYNC_SECONDS + 2
ROOMS = 6


class Rotating:
    """A LiveKit whose keys can be changed, a namespace that offers it, and Rooms on it."""

    def __init__(self, stack: LocalStack, keys: dict[str, str], provider: Namespace) -> None:
        """Begin with one key."""
        self.stack, self.provider, self._also = stack, provider, keys
        self.api_key, self.api_secret = stack.livekit.api_key, stack.livekit.api_secret
        self.rooms = [f"room-{number}" for number in range(ROOMS)]

    def declare(self, **spec: Any) -> None:
        """Tell Kubernetes the present key."""
        self.provider.offer("main", self.stack.livekit.url, self.api_key, self.api_secret, **spec)

    def begin(self, **spec: Any) -> None:
        """Have every Room Ready."""
        self.declare(**spec)
        self.provider.apply(*(self.provider.uses(self.provider, "main", room) for room in self.rooms))
        for room in self.rooms:
            eventually(f"{room} is Ready", lambda room=room: self.provider.is_ready(room), within=3)

    def restart(self, *, also: Mapping[str, str] = {}) -> None:
        """Have LiveKit take the present key, and maybe more; a restart is how it reads its keys."""
        self._also.clear()
        self._also.update(also)
        self.stack.livekit.restart(api_key=self.api_key, api_secret=self.api_secret)

    def tokens(self) -> dict[str, str]:
        """Return the token that is in each Room's Secret now."""
        return {room: self.provider.token(f"{room}.host") for room in self.rooms}

    def refuses(self, token: str) -> bool:
        """Tell whether LiveKit does not let somebody join with a token."""
        return self.answer(token) == 401

    def answer(self, token: str) -> int:
        """Return what LiveKit tells a client before it joins; 0 while it is away."""
        return http_status(f"{self.stack.livekit.http_url}/rtc/validate?access_token={token}")

    def all_join(self, tokens: dict[str, str]) -> bool:
        """Tell whether LiveKit lets everybody join."""
        return [self.answer(token) for token in tokens.values()] == [200] * len(tokens)


@pytest.fixture
def rotating(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory, operator: OperatorProcess
) -> Iterator[Rotating]:
    keys = {"unused": uuid.uuid4().hex * 2}
    directory = tmp_path_factory.mktemp("rotating")
    with (
        another_livekit(stack, directory, livekit_config={"keys": keys}) as running,
        namespaces(stack) as make,
    ):
        yield Rotating(running, keys, make())


@pytest.fixture
def person() -> Iterator[Person]:
    one = Person()
    yield one
    one.end()


def renewed(rotating: Rotating, before: dict[str, str]) -> bool:
    """Tell whether every Secret has another token than before."""
    return not set(rotating.tokens().values()) & set(before.values())


def test_new_secret_in_kubernetes_first(rotating: Rotating) -> None:
    rotating.begin()
    old = rotating.tokens()
    rotating.api_secret = uuid.uuid4().hex * 2
    rotating.declare()
    refused = ("main", "False", "InvalidCredentials")
    eventually("the key is tried first", lambda: rotating.provider.server_says(*refused), within=LATER)
    assert rotating.tokens() == old, "tokens of a key that LiveKit refuses"
    assert rotating.all_join(old)
    assert all(map(rotating.provider.is_ready, rotating.rooms))
    rotating.restart()
    eventually("every token is of the new key", lambda: renewed(rotating, old), within=LATER)
    assert rotating.all_join(rotating.tokens())
    eventually("Ready", lambda: rotating.provider.server_says("main", "True", "Connected"), within=2)


def test_new_secret_in_livekit_first(rotating: Rotating, stack: LocalStack) -> None:
    rotating.begin()
    old = rotating.tokens()
    rotating.api_secret = uuid.uuid4().hex * 2
    rotating.restart()
    refused = ("main", "False", "InvalidCredentials")
    eventually("it is refused", lambda: rotating.provider.server_says(*refused), within=LATER)
    settle(stack)
    assert rotating.tokens() == old, "tokens of a key that LiveKit refuses"
    rotating.declare(resyncSeconds=RESYNC_SECONDS + 1)  # an edit of the server, so that it is read at once
    eventually("every token is of the new key", lambda: renewed(rotating, old), within=3)
    assert rotating.all_join(rotating.tokens())
    for room in rotating.rooms:
        eventually("its Room is Ready", lambda room=room: rotating.provider.is_ready(room), within=3)


def test_new_key_in_kubernetes_first(rotating: Rotating) -> None:
    rotating.begin()
    old = rotating.tokens()
    rotating.api_key, rotating.api_secret = f"API{uuid.uuid4().hex[:12]}", uuid.uuid4().hex * 2
    rotating.declare()
    refused = ("main", "False", "InvalidCredentials")
    eventually("the key is tried first", lambda: rotating.provider.server_says(*refused), within=LATER)
    assert rotating.tokens() == old
    rotating.restart()  # which forgets the old key
    eventually("every token is of the new key", lambda: renewed(rotating, old), within=LATER)
    assert rotating.all_join(rotating.tokens())


def test_new_key_in_livekit_first(rotating: Rotating, stack: LocalStack) -> None:
    rotating.begin()
    old = rotating.tokens()
    rotating.api_key, rotating.api_secret = f"API{uuid.uuid4().hex[:12]}", uuid.uuid4().hex * 2
    rotating.restart()  # which forgets the old key
    settle(stack)
    assert all(rotating.refuses(token) for token in old.values())
    assert rotating.tokens() == old
    rotating.declare()
    eventually("every token is of the new key", lambda: renewed(rotating, old), within=LATER)
    assert rotating.all_join(rotating.tokens())


class Joining:
    """Tries to join with every token ever seen in a Secret, all the time; LiveKit must never refuse one."""

    def __init__(self, rotating: Rotating) -> None:
        """Begin."""
        self.seen: set[str] = set()
        self.failures: list[int] = []
        self.tries = 0
        self._rotating, self._ended = rotating, threading.Event()
        self._thread = threading.Thread(target=self._join)

    def __enter__(self) -> Self:
        """Begin to try."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Try no more."""
        self._ended.set()
        self._thread.join()

    def _join(self) -> None:
        while not self._ended.is_set():
            self.seen |= set(self._rotating.tokens().values())
            for token in self.seen:
                self.tries += 1
                if (answer := self._rotating.answer(token)) != 200:
                    self.failures.append(answer)


def test_two_keys_at_once(rotating: Rotating, person: Person) -> None:
    """The way without any gap: LiveKit has both, then Kubernetes the new one; webhooks are signed by the old."""
    old_key, old_secret = rotating.api_key, rotating.api_secret
    new_key, new_secret = f"API{uuid.uuid4().hex[:12]}", uuid.uuid4().hex * 2
    rotating.restart(also={new_key: new_secret})
    rotating.begin(resyncSeconds=3600)  # from here on nothing but webhooks tells
    secret = rotating.provider.secret("room-0.host")
    assert secret
    person.join(secret)
    joined = person_in(rotating)
    with Joining(rotating) as joining:
        eventually("tokens are seen", lambda: len(joining.seen) == ROOMS and joining.tries > ROOMS, within=3)
        rotating.api_key, rotating.api_secret = new_key, new_secret
        rotating.declare(resyncSeconds=3599)
        rotating.provider.apply(rotating.provider.uses(rotating.provider, "main", "room-0", roles=[
            {"name": "host", "identities": ["alice", "bob"]}]))  # fmt: skip
        eventually("a token of the new key is seen", lambda: len(joining.seen) > ROOMS, within=3)
        tries = joining.tries
        eventually("and tried", lambda: joining.tries > tries + 2 * ROOMS, within=3)
    print(f"{joining.tries} joins with {len(joining.seen)} tokens, not one refused")
    assert joining.failures == []
    assert person_in(rotating) == joined, "whoever is connected stays so"

    sid = {room.name: room.sid for room in rooms(rotating.stack)}
    name = f"{rotating.provider.namespace}_room-1"
    delete(rotating, name)

    def is_back() -> bool:
        return {room.name: room.sid for room in rooms(rotating.stack)}.get(name, sid[name]) != sid[name]

    assert rotating.stack.livekit.api_key == old_key, "which signs LiveKit's webhooks"
    assert rotating.stack.livekit.api_secret == old_secret
    eventually("a webhook of the old key counts", is_back, within=2)


def person_in(rotating: Rotating) -> list[tuple[str, int]]:
    """Return who is in room-0, and since when."""
    import asyncio  # noqa: PLC0415

    from livekit.protocol import room as pb  # noqa: PLC0415

    from tests.e2e.support import with_livekit  # noqa: PLC0415

    async def ask(client: Any) -> list[tuple[str, int]]:
        request = pb.ListParticipantsRequest(room=f"{rotating.provider.namespace}_room-0")
        return [
            (one.sid, one.joined_at_ms) for one in (await client.room.list_participants(request)).participants
        ]

    return asyncio.run(with_livekit(rotating.stack, ask))


def delete(rotating: Rotating, name: str) -> None:
    """Delete a room behind the operator's back."""
    import asyncio  # noqa: PLC0415

    from livekit.protocol import room as pb  # noqa: PLC0415

    from tests.e2e.support import with_livekit  # noqa: PLC0415

    async def ask(client: Any) -> Any:
        return await client.room.delete_room(pb.DeleteRoomRequest(room=name))

    asyncio.run(with_livekit(rotating.stack, ask))
