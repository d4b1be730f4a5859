"""Which server an object belongs to, and what a namespace that may not use it learns: nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roomkeeper.api.server import ServerSpec
from roomkeeper.domain.livekit import Credentials
from roomkeeper.domain.objects import SERVER, CustomObject, Key
from roomkeeper.engine.connection import Connection
from roomkeeper.engine.namespaces import NamespaceCache
from roomkeeper.engine.servers import OWN, Assignment, KnownServer, ServerDirectory
from tests.unit.engine.clock import HandClock
from tests.unit.engine.harness import CREDENTIALS

DELETED = datetime(2026, 1, 2, tzinfo=UTC)
MAIN = Key(SERVER, "livekit", "main")
ALL = {"from": "All"}
GOLD = {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}
OTHER_SECRET = Credentials(CREDENTIALS.api_key, "a-bogus-secret-of-at-least-32-characters")


class NoLiveKit:
    """A client that nobody calls."""


def room(*, deleted: bool = False, spec: dict[str, Any] | None = None, **status: Any) -> CustomObject:
    metadata = {
        "namespace": "team-a",
        "name": "standup",
        "uid": "uid-of-the-room",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **({"deletionTimestamp": "2026-01-02T00:00:00Z"} if deleted else {}),
    }
    return CustomObject.from_body("Room", {"metadata": metadata, "spec": spec or {}, "status": status})


def naming(name: str = "main", **more: str) -> dict[str, Any]:
    return {"serverRef": {"name": name, **more}}


def connected(credentials: Credentials = CREDENTIALS) -> Connection:
    return Connection(
        url="wss://main.example.com",
        credentials=credentials,
        connect=lambda _, __: NoLiveKit(),  # type: ignore[arg-type,return-value]
        clock=HandClock(),
        count_people=True,
        on_suspicion=lambda: None,
    )


def a_server(
    key: Key = MAIN,
    *,
    uid: str = "uid-1",
    allowed: dict[str, Any] | None = None,
    is_default: bool = False,
    connection: Connection | None = None,
    **spec: Any,
) -> KnownServer:
    declared = {
        "url": "wss://main.example.com",
        "credentialsSecretRef": {"name": "x"},
        "allowedNamespaces": allowed or {"from": "Same"},
        **spec,
    }
    return KnownServer(
        key,
        "wss://main.example.com",
        connection,
        uid=uid,
        spec=ServerSpec.model_validate(declared),
        is_default=is_default,
    )


@pytest.fixture
def namespaces() -> NamespaceCache:
    return NamespaceCache(is_readable=True)


@pytest.fixture
def own() -> KnownServer:
    return KnownServer(OWN, "wss://livekit.example.com")


@pytest.fixture
def directory(namespaces: NamespaceCache, own: KnownServer) -> ServerDirectory:
    return ServerDirectory(own=own, default=None, namespaces=namespaces)


def test_an_object_that_names_none_gets_the_operators_own(
    directory: ServerDirectory, own: KnownServer
) -> None:
    directory.put(a_server(allowed=ALL))
    assert directory.resolve(room()) == Assignment(own, is_named=False)


def test_without_any_server_there_is_none(namespaces: NamespaceCache) -> None:
    assert ServerDirectory(own=None, default=None, namespaces=namespaces).resolve(room()) == Assignment()


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        (naming(namespace="livekit"), MAIN),
        (naming(), Key(SERVER, "team-a", "main")),
    ],
    ids=["elsewhere", "in its own namespace"],
)
def test_an_object_gets_the_server_that_it_names(
    directory: ServerDirectory, spec: dict[str, Any], key: Key
) -> None:
    servers = [a_server(allowed=ALL), a_server(Key(SERVER, "team-a", "main"), uid="uid-2")]
    for server in servers:
        directory.put(server)
    [wanted] = [server for server in servers if server.key == key]
    assert directory.resolve(room(spec=spec)) == Assignment(wanted, is_named=True)


def test_the_default_of_the_namespace_comes_before_that_of_the_operator(namespaces: NamespaceCache) -> None:
    directory = ServerDirectory(own=None, default=MAIN, namespaces=namespaces)
    main, theirs = a_server(allowed=ALL), a_server(Key(SERVER, "team-a", "x"), uid="2", is_default=True)
    directory.put(main)
    assert directory.resolve(room()) == Assignment(main, is_named=True)
    directory.put(theirs)
    assert directory.resolve(room()) == Assignment(theirs, is_named=True)
    directory.remove(theirs.key)
    assert directory.resolve(room()) == Assignment(main, is_named=True)


def test_of_two_defaults_the_first_by_name_counts(directory: ServerDirectory) -> None:
    servers = [a_server(Key(SERVER, "team-a", name), uid=name, is_default=True) for name in "ba"]
    for server in servers:
        directory.put(server)
    assert directory.resolve(room()).known is servers[1]


def test_the_annotation_never_counts_beyond_its_namespace(
    directory: ServerDirectory, own: KnownServer
) -> None:
    directory.put(a_server(Key(SERVER, "evil", "main"), allowed=ALL, is_default=True))
    assert directory.resolve(room()) == Assignment(own, is_named=False)


def test_the_default_of_the_operator_that_is_missing_is_not_replaced_by_its_own(
    namespaces: NamespaceCache, own: KnownServer
) -> None:
    directory = ServerDirectory(own=own, default=MAIN, namespaces=namespaces)
    assert directory.resolve(room()) == Assignment(None, is_named=True)


def test_the_first_server_stays_whatever_becomes_the_default(directory: ServerDirectory) -> None:
    main = a_server(allowed=ALL)
    directory.put(main)
    directory.put(a_server(Key(SERVER, "team-a", "x"), uid="2", is_default=True))
    assert directory.resolve(room(serverRef=main.ref)) == Assignment(main, is_named=True)
    other = naming("x")
    assert directory.resolve(room(spec=other, serverRef=main.ref)) == Assignment(main, is_named=True)


def test_the_operators_own_stays_though_a_default_appears(
    directory: ServerDirectory, own: KnownServer
) -> None:
    directory.put(a_server(Key(SERVER, "team-a", "x"), is_default=True))
    assert directory.resolve(room(roomName="team-a_standup")) == Assignment(own, is_named=False)


@pytest.mark.parametrize("deleted", [False, True])
def test_a_successor_of_the_same_name_is_another_server(directory: ServerDirectory, *, deleted: bool) -> None:
    before = a_server(allowed=ALL)
    directory.put(a_server(allowed=ALL, uid="uid-2"))
    assert directory.resolve(room(deleted=deleted, serverRef=before.ref)) == Assignment(None, is_named=True)


@pytest.mark.parametrize(
    ("allowed", "labels", "is_let_in"),
    [
        ({"from": "Same"}, {}, False),
        (ALL, None, True),
        (GOLD, {"tier": "gold", "more": "x"}, True),
        (GOLD, {"tier": "lead"}, False),
        (GOLD, {}, False),
        (GOLD, None, False),
    ],
    ids=["same", "all", "selected", "another label", "no label", "not known"],
)
def test_who_is_not_let_in_cannot_tell_the_server_from_a_missing_one(
    directory: ServerDirectory,
    namespaces: NamespaceCache,
    allowed: dict[str, Any],
    labels: dict[str, str] | None,
    *,
    is_let_in: bool,
) -> None:
    asking = room(spec=naming(namespace="livekit"))
    missing = directory.resolve(asking)
    server = a_server(allowed=allowed)
    directory.put(server)
    if labels is not None:
        namespaces.observe({"metadata": {"name": "team-a", "labels": labels}})
    assert directory.resolve(asking) == (Assignment(server, is_named=True) if is_let_in else missing)
    assert missing == Assignment(None, is_named=True)


def test_a_server_lets_its_own_namespace_in_whatever_it_selects(directory: ServerDirectory) -> None:
    server = a_server(Key(SERVER, "team-a", "main"), allowed=GOLD)
    directory.put(server)
    assert directory.resolve(room(spec=naming())).known is server


def test_a_deletion_reaches_a_server_that_lets_nobody_in_any_more(directory: ServerDirectory) -> None:
    server = a_server()
    directory.put(server)
    assert directory.resolve(room(serverRef=server.ref)).known is None
    assert directory.resolve(room(deleted=True, serverRef=server.ref)).known is server


def test_the_name_of_a_room_is_made_as_its_server_says(directory: ServerDirectory) -> None:
    directory.put(a_server(allowed=ALL, roomNameTemplate="eu.{namespace}_{name}"))
    at_main = naming(namespace="livekit")
    assert directory.room_name(room()) == "team-a_standup"
    assert directory.room_name(room(spec=at_main)) == "eu.team-a_standup"
    assert directory.room_name(room(spec={**at_main, "roomName": "eu.team-a_x"})) == "eu.team-a_x"
    assert directory.room_name(room(spec=at_main, roomName="first")) == "first"


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("wss://LiveKit.example.com", "https://livekit.example.com:443/"),
        ("ws://livekit.example.com", "http://livekit.example.com:80"),
    ],
)
def test_two_addresses_of_one_server_are_the_same(one: str, another: str) -> None:
    assert KnownServer(MAIN, one).address == KnownServer(MAIN, another).address


@pytest.mark.parametrize(
    "url", ["wss://livekit.example.com:8443", "ws://livekit.example.com", "wss://x/path"]
)
def test_another_port_or_path_is_another_server(url: str) -> None:
    assert KnownServer(MAIN, url).address != KnownServer(MAIN, "wss://livekit.example.com").address


@pytest.mark.parametrize("url", ["wss://x:99999", "wss://[x", "wss://x:port"])
def test_an_address_that_cannot_be_read_is_one_of_its_own(url: str) -> None:
    assert KnownServer(MAIN, url).address != KnownServer(MAIN, "wss://x").address


def test_two_servers_with_the_same_key_name_are_told_apart_by_the_secret(directory: ServerDirectory) -> None:
    one, another = connected(), connected(OTHER_SECRET)
    directory.put(a_server(connection=one))
    directory.put(a_server(Key(SERVER, "evil", "main"), uid="2", connection=another))
    secrets = [CREDENTIALS.api_secret, OTHER_SECRET.api_secret]
    assert directory.webhook_keys() == {CREDENTIALS.api_key: secrets}
    assert directory.signed_by(CREDENTIALS) == [one]
    assert directory.signed_by(OTHER_SECRET) == [another]


def test_one_server_declared_twice_is_heard_for_both(directory: ServerDirectory) -> None:
    one, another = connected(), connected()
    directory.put(a_server(connection=one))
    directory.put(a_server(Key(SERVER, "team-a", "main"), uid="2", connection=another))
    assert directory.webhook_keys() == {CREDENTIALS.api_key: [CREDENTIALS.api_secret]}
    assert directory.signed_by(CREDENTIALS) == [one, another]


def test_a_server_that_is_removed_signs_nothing(directory: ServerDirectory) -> None:
    server = a_server(connection=connected())
    directory.put(server)
    assert directory.remove(server.key) is server
    assert directory.remove(server.key) is None
    assert directory.webhook_keys() == {}
    assert directory.signed_by(CREDENTIALS) == []
