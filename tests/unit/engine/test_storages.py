"""Which storage a Recording is put on, and what whoever may not use one learns: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from roomkeeper.api import common
from roomkeeper.api.recording import RecordingSpec
from roomkeeper.domain import egress, storages
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.objects import SERVER, STORAGE, Key
from roomkeeper.domain.outcomes import Done, Stalled
from roomkeeper.domain.reasons import Reason
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.servers import KnownServer
from roomkeeper.engine.storages import StorageDirectory, read_storage, read_target
from tests.unit.engine.warehouse import ENVIRONMENT, KEYS, PROVIDER, TENANT, Warehouse

THEIRS = KnownServer(Key(SERVER, PROVIDER, "main"), "wss://main.example.com")
TENANTS = KnownServer(Key(SERVER, TENANT, "evil"), "wss://evil.example.com")
ALL = {"from": "All"}
GOLD = {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}
IS_DEFAULT = {common.ANNOTATION_IS_DEFAULT_STORAGE: "true"}


@pytest.fixture
async def warehouse() -> Warehouse:
    return Warehouse()


def named(namespace: str | None = PROVIDER, name: str = "archive") -> dict[str, Any]:
    return {"storageRef": {"name": name, **({"namespace": namespace} if namespace else {})}}


ALLOWED: list[tuple[str, dict[str, Any], bool]] = [
    ("same", {}, False),
    ("all", {"allowedNamespaces": ALL}, True),
    ("selector", {"allowedNamespaces": GOLD}, True),
    ("another selector", {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"tier": "x"}}}}, False),
    ("no place", {"allowedNamespaces": ALL, "prefixTemplate": "media/"}, False),
    ("a place that others reach", {"allowedNamespaces": ALL, "prefixTemplate": "{namespace}"}, False),
    ("a broken prefix", {"allowedNamespaces": ALL, "prefixTemplate": "../{namespace}/"}, False),
    ("unreadable", {"allowedNamespaces": {"from": "Nobody"}}, False),
]  # fmt: skip
TOLD: list[tuple[str, dict[str, Any], dict[str, bool]]] = [
    ("by default", {}, {"environment": True, "theirs": True, "tenants": False}),
    ("named", {"allowedServers": [{"name": "main"}]}, {"environment": False, "theirs": True, "tenants": False}),
    (
        "a tenant's",
        {"allowedServers": [{"namespace": TENANT, "name": "evil"}]},
        {"environment": False, "theirs": False, "tenants": True},
    ),
]  # fmt: skip
SERVERS = {"environment": ENVIRONMENT, "theirs": THEIRS, "tenants": TENANTS}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("told", "servers"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
@pytest.mark.parametrize(
    ("allowed", "is_let_in"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED]
)
async def test_a_shared_storage_serves_whom_it_lets_in_through_servers_that_it_trusts(
    warehouse: Warehouse,
    *,
    allowed: dict[str, Any],
    is_let_in: bool,
    told: dict[str, Any],
    servers: dict[str, bool],
    server: str,
) -> None:
    warehouse.see_namespace(TENANT, tier="gold")
    key = warehouse.add_storage(**allowed, **told)
    expected = key if is_let_in and servers[server] else storages.NOT_ALLOWED
    assert warehouse.resolve(SERVERS[server], **named()) == expected


async def test_what_is_missing_and_what_is_not_allowed_look_the_same(warehouse: Warehouse) -> None:
    missing = warehouse.resolve(**named())
    warehouse.add_storage()
    assert warehouse.resolve(**named()) == missing == storages.NOT_ALLOWED
    assert missing.reason is Reason.STORAGE_NOT_ALLOWED
    assert PROVIDER not in missing.message
    assert "archive" not in missing.message


@pytest.mark.parametrize("prefix", ["{namespace}/", "media/", ""])
async def test_a_storage_of_its_own_serves_a_namespace_whatever_its_prefix(
    warehouse: Warehouse, prefix: str
) -> None:
    key = warehouse.add_storage(namespace=TENANT, prefixTemplate=prefix)
    assert warehouse.resolve(TENANTS, **named(None)) == key
    assert warehouse.resolve(THEIRS, **named(None)) == storages.NOT_ALLOWED  # whose server it does not trust


async def test_a_default_counts_in_its_own_namespace_only(warehouse: Warehouse) -> None:
    warehouse.add_storage(annotations=IS_DEFAULT, allowedNamespaces=ALL)
    assert warehouse.resolve() is None
    warehouse.add_storage("b", namespace=TENANT, annotations={common.ANNOTATION_IS_DEFAULT_STORAGE: "false"})
    assert warehouse.resolve() is None
    keys = [warehouse.add_storage(name, namespace=TENANT, annotations=IS_DEFAULT) for name in "dc"]
    assert warehouse.resolve() == keys[1]  # the smallest name


async def test_the_operators_default_comes_after_that_of_the_namespace() -> None:
    warehouse = Warehouse(default_storage=Key(STORAGE, PROVIDER, "archive"))
    assert warehouse.resolve() == storages.NOT_ALLOWED  # not the worker's own: somebody has named one
    key = warehouse.add_storage(allowedNamespaces=ALL)
    assert warehouse.resolve() == key
    own = warehouse.add_storage(namespace=TENANT, annotations=IS_DEFAULT)
    assert warehouse.resolve() == own
    assert warehouse.resolve(**named()) == key


async def test_a_recording_that_has_begun_stays_with_its_storage(warehouse: Warehouse) -> None:
    key = warehouse.add_storage(allowedNamespaces=ALL)
    uid = warehouse.seen(key)["metadata"]["uid"]
    status: dict[str, Any] = {"storageRef": {"namespace": PROVIDER, "name": "archive", "uid": uid}}
    own = warehouse.add_storage("own", namespace=TENANT, annotations=IS_DEFAULT)
    assert warehouse.resolve(status=status) == own
    status["attempts"] = [{"number": 1}]
    assert warehouse.resolve(status=status) == key
    warehouse.patch(key, spec={"allowedNamespaces": {"from": "Same"}})
    warehouse.deliver()
    assert warehouse.resolve(status=status) == storages.NOT_ALLOWED
    status["storageRef"]["uid"] = "of-an-earlier-one"
    warehouse.patch(key, spec={"allowedNamespaces": {"from": "All"}})
    warehouse.deliver()
    assert warehouse.resolve(status=status) == storages.NOT_ALLOWED


async def test_a_storage_says_whether_its_credentials_are_there(warehouse: Warehouse) -> None:
    key = warehouse.add_storage()
    assert await warehouse.settle() == [Stalled(60.0)]
    assert warehouse.reason(key) == "SecretNotFound"
    warehouse.keep_data({"AWS_ACCESS_KEY_ID": "AKIA"}, namespace=PROVIDER, name="keys")
    await warehouse.reconcile(key)
    message = warehouse.seen(key)["status"]["conditions"][0]["message"]
    assert message == "Secret 'keys' has no AWS_SECRET_ACCESS_KEY"
    warehouse.keep_data(KEYS, namespace=PROVIDER, name="keys")
    assert await warehouse.reconcile(key) == [Done(60.0)]
    assert warehouse.reason(key) == "StorageReady"
    assert warehouse.notes.told == [("Warning", "SecretNotFound"), ("Normal", "StorageReady")]
    assert "very-secret" not in str(warehouse.seen(key))


async def test_nothing_is_written_while_nothing_changes(warehouse: Warehouse) -> None:
    warehouse.keep_data(KEYS, namespace=PROVIDER, name="keys")
    key = warehouse.add_storage()
    await warehouse.settle()
    warehouse.asked()
    warehouse.clock.advance(60)
    await warehouse.reconcile(key)
    assert warehouse.asked() == ["get secrets keys"]


async def test_a_look_that_is_asked_for_is_acknowledged(warehouse: Warehouse) -> None:
    key = warehouse.add_storage()
    await warehouse.settle()
    warehouse.patch(key, metadata={"annotations": {common.ANNOTATION_RECONCILE_AT: "please"}})
    await warehouse.settle()
    assert warehouse.seen(key)["status"]["lastHandledReconcileAt"] == "please"


async def test_an_unreadable_storage_names_the_field(warehouse: Warehouse) -> None:
    key = warehouse.add_storage(allowedNamespaces={"from": "Nobody"})
    assert await warehouse.settle() == [Stalled()]
    assert warehouse.reason(key) == "InvalidSpec"
    assert "spec.allowedNamespaces.from" in warehouse.seen(key)["status"]["conditions"][0]["message"]


@pytest.mark.parametrize(
    ("scope", "reason"), [((), "StorageReady"), ((PROVIDER,), "SelectorNeedsClusterScope")]
)
async def test_a_selector_needs_an_operator_that_reads_namespaces(
    scope: tuple[str, ...], reason: str
) -> None:
    warehouse = Warehouse(namespaces=scope)
    warehouse.keep_data(KEYS, namespace=PROVIDER, name="keys")
    key = warehouse.add_storage(allowedNamespaces=GOLD)
    await warehouse.settle()
    assert warehouse.reason(key) == reason


async def test_a_storage_that_goes_is_left_in_peace(warehouse: Warehouse) -> None:
    key = warehouse.add_storage()
    await warehouse.settle()
    warehouse.patch(key, metadata={"finalizers": ["example.com/theirs"]})
    warehouse.kubernetes.store.delete(KINDS[STORAGE], namespace=PROVIDER, name="archive")
    warehouse.asked()
    assert set(await warehouse.settle()) <= {Done()}
    assert warehouse.asked() == []


async def test_credentials_are_read_where_the_storage_is(warehouse: Warehouse) -> None:
    warehouse.keep_data(KEYS, namespace=PROVIDER, name="keys")
    warehouse.add_storage(allowedNamespaces=ALL)
    found = StorageDirectory(warehouse.operator.objects, warehouse.operator.namespaces, None)
    storage = found._judge(warehouse.operator.objects.of_kind(STORAGE)[0], TENANT, ENVIRONMENT)
    assert storage is not None
    target = await read_storage(warehouse.kubernetes, storage, TENANT)
    assert target == egress.S3Target("media", access_key="AKIA", secret="very-secret")
    assert storage.key_prefix(TENANT) == "team-a/"
    warehouse.lose(namespace=PROVIDER, name="keys")
    theirs = await read_storage(warehouse.kubernetes, storage, PROVIDER)
    assert isinstance(theirs, Finding)
    assert theirs.message == "Secret 'keys' is not in namespace 'provider'"
    seen = await read_storage(warehouse.kubernetes, storage, TENANT)
    assert isinstance(seen, Finding)
    assert seen.reason is Reason.SECRET_NOT_FOUND
    assert "keys" not in seen.message.replace("its status", "")
    assert PROVIDER not in seen.message


async def test_a_store_without_a_secret_reads_none(warehouse: Warehouse) -> None:
    spec = RecordingSpec.model_validate(
        {"source": {"roomComposite": {}}, "outputs": {"file": {}}, "storage": {"s3": {"bucket": "media"}}}
    )
    assert spec.storage is not None
    assert await read_target(warehouse.kubernetes, spec.storage, TENANT) == egress.S3Target("media")
    assert warehouse.asked() == []
