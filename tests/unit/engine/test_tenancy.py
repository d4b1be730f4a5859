"""What wakes tenants and servers: a place in a quota, first use, the end of a namespace; and a key that is refused."""

from __future__ import annotations

import base64
from typing import Any

from roomkeeper.adapters.kubernetes.resources import LIVEKIT_SERVERS, SECRETS
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials
from roomkeeper.domain.objects import Key
from roomkeeper.engine.connection import Connection
from tests.unit.engine.harness import CREDENTIALS, NAME, NAMESPACE, OWN_URL, Engine

NEW_KEY = Credentials("newkey", "another-secret-of-at-least-32-characters")
SERVER = {"serverRef": {"namespace": "provider", "name": "main"}}


def offer(engine: Engine, **spec: Any) -> Key:
    """Create a LiveKitServer that lets everybody in, as `kubectl create` does."""
    where = {"namespace": "provider", "name": "main"}
    data = {"LIVEKIT_API_KEY": CREDENTIALS.api_key, "LIVEKIT_API_SECRET": CREDENTIALS.api_secret}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": where, "data": encoded}
    engine.kubernetes.store.create(SECRETS, secret)
    declared = {"url": OWN_URL, "credentialsSecretRef": {"name": "main"}, **spec}
    declared["allowedNamespaces"] = {"from": "All"}
    body = {"apiVersion": common.API_VERSION, "kind": "LiveKitServer", "metadata": where, "spec": declared}
    engine.kubernetes.store.create(LIVEKIT_SERVERS, body)
    return Key("LiveKitServer", "provider", "main")


async def test_a_server_is_held_as_soon_as_it_is_used() -> None:
    engine = Engine()
    server = offer(engine)
    engine.declare(**SERVER)
    await engine.settle()
    body = engine.kubernetes.store.get(LIVEKIT_SERVERS, namespace=server.namespace, name=server.name)
    assert body["metadata"]["finalizers"] == [common.IN_USE_FINALIZER]


async def test_a_room_gets_the_place_that_another_leaves() -> None:
    engine = Engine()
    offer(engine, policy={"maxRoomsPerNamespace": 1})
    first = engine.declare("a", **SERVER)
    second = engine.declare("b", **SERVER)
    await engine.settle()
    assert (engine.ready_reason(first), engine.ready_reason(second)) == ("Available", "PolicyViolation")
    engine.delete(first)
    await engine.settle()
    assert engine.ready_reason(second) == "Available"


async def test_nothing_is_made_in_a_namespace_that_ends() -> None:
    engine = Engine()
    await engine.ready(roles=[{"name": "host"}])
    ends = {"metadata": {"name": NAMESPACE, "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    engine.wakeups.namespace_event("MODIFIED", ends)
    secret = engine.secret("standup.host")
    engine.kubernetes.store.delete(SECRETS, namespace=NAMESPACE, name=secret["metadata"]["name"])
    await engine.livekit.delete_room(NAME)
    await engine.settle()
    assert [call for call in engine.asked() if call.startswith("create")] == []
    assert await engine.livekit.list_rooms() == []


async def test_tokens_of_a_key_that_is_refused_are_replaced_at_once() -> None:
    engine = Engine()

    async def changed(*, still_takes_the_old: bool) -> Connection:
        connection = Connection(
            url=OWN_URL,
            credentials=CREDENTIALS,
            connect=lambda _, credentials: engine.livekit.client(credentials),
            clock=engine.clock,
            count_people=True,
            on_suspicion=lambda: None,
        )
        engine.livekit.accepted.clear()
        engine.livekit.accepted |= {NEW_KEY, CREDENTIALS} if still_takes_the_old else {NEW_KEY}
        await connection.use(connection.url, NEW_KEY)
        return connection

    assert (await changed(still_takes_the_old=False)).keys.since is None
    assert (await changed(still_takes_the_old=True)).keys.since == engine.clock.now()
