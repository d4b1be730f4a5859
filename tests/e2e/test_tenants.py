"""Two servers, three tenants: who is let in, and what they may have."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e.support import eventually, settle
from tests.e2e.tenancy import Namespace, another_livekit, namespaces, room_names, rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

TEAM_A = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
SCHEMA = {
    "type": "object",
    "required": ["topic"],
    "properties": {"topic": {"type": "string", "maxLength": 8}},
}
POLICY = {
    "roomNamePatterns": ["{namespace}_*", "lobby-{namespace}"],
    "maxTokenTTLSeconds": 900,
    "maxParticipants": 10,
    "allowedAgents": ["notetaker"],
    "allowedGrants": ["canSubscribe", "roomAdmin"],
    "metadataSchema": SCHEMA,
}


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    with namespaces(stack) as make:
        yield make


@pytest.fixture(scope="module")
def other(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Return a second LiveKit."""
    with another_livekit(stack, tmp_path_factory.mktemp("other")) as running:
        yield running


def role(**fields: Any) -> dict[str, Any]:
    return {"roles": [{"name": "host", "identities": ["alice"], **fields}]}


@dataclass(frozen=True)
class Excess:
    """A Room that wants more than it may have, and what it is told."""

    id: str
    spec: dict[str, Any]
    told: str


NO_POLICY = [
    *(
        Excess(grant.lower(), role(grants={grant: True}), f"spec.roles[host].grants.{grant}")
        for grant in ("hidden", "roomAdmin", "agent", "roomRecord", "ingressAdmin")
    ),
    Excess("agents", {"agents": [{"agentName": "notetaker"}]}, "allowedAgents"),
    Excess("plain-name", {"roomName": "standup"}, "spec.roomName"),
]
WITH_POLICY = [
    Excess("grant", role(grants={"canPublish": True}), "spec.roles[host].grants.canPublish"),
    Excess(
        "ttl",
        role(ttlSeconds=901, grants={"roomAdmin": True}),
        "900 that the policy of the server allows (maxTokenTTLSeconds)",
    ),
    Excess("people", {"maxParticipants": 11}, "10 that the policy of the server allows (maxParticipants)"),
    Excess("agents", {"agents": [{"agentName": "spy"}]}, "spec.agents[spy]"),
    Excess("long-topic", {"metadata": {"topic": "much-too-long"}}, "spec.metadata.topic: maxLength"),
    Excess("raw", {"rawMetadata": "no JSON", "metadata": None}, "spec.rawMetadata"),
    Excess("empty", {"metadata": None}, "spec.metadata: required"),
    Excess("name", {"roomName": "lobby"}, "spec.roomName: 'lobby' is not allowed"),
]
WITHIN = {"metadata": {"topic": "standup"}, **role(ttlSeconds=900, grants={"roomAdmin": True})}


def without_none(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if value is not None}


def test_two_servers_and_three_tenants(
    make: Callable[..., Namespace], operator: OperatorProcess, other: LocalStack, stack: LocalStack
) -> None:
    first, second, a, b, c = make(), make(), make("team=a"), make(), make()
    first.offer_livekit("main", stack, allowedNamespaces=TEAM_A)
    second.offer_livekit(
        "main", other, allowedNamespaces={"from": "All"}, roomNameTemplate="two.{namespace}_{name}"
    )
    a.apply(a.uses(first, "main", "one"), a.uses(second, "main", "two"))
    b.apply(b.uses(first, "main", "one"), b.uses(second, "main", "two"))
    c.apply(c.uses(first, "main", "one"))
    for who, room in ((a, "one"), (a, "two"), (b, "two")):
        eventually(f"{room} is Ready", lambda who=who, room=room: who.is_ready(room), within=3)
    for who in (b, c):
        eventually("the others are not let in", lambda who=who: who.says("one", "ServerNotAllowed"), within=2)
    here, there = room_names(stack), room_names(other)
    ours = (a.namespace, b.namespace, c.namespace)
    assert sorted(name for name in here if any(one in name for one in ours)) == [f"{a.namespace}_one"]
    there = [name for name in there if name.startswith("two.")]
    assert sorted(there) == sorted(f"two.{one.namespace}_two" for one in (a, b))
    for who in (b, c):
        assert who.secret("one.host") is None
    one, two = a.secret("one.host"), a.secret("two.host")
    assert one
    assert two
    assert (one["LIVEKIT_URL"], two["LIVEKIT_URL"]) == (stack.livekit.url, other.livekit.url)


def seen(tenant: Namespace, room: str) -> tuple[Any, ...]:
    """Return all that a tenant sees of a Room that is not let in, without times and its own name."""
    found = tenant.get("room", room)
    assert found
    status = found["status"]
    for condition in status["conditions"]:
        condition.pop("lastTransitionTime")
    return (
        status,
        found["metadata"].get("finalizers"),
        found["metadata"].get("annotations", {}).keys()
        - {"kubectl.kubernetes.io/last-applied-configuration"},
        tenant.told(room),
    )


def test_a_server_that_is_not_for_a_tenant_looks_as_if_it_were_missing(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.offer_livekit("main", stack, roomNameTemplate="secret.{namespace}_{name}", policy=POLICY)
    eventually("the server is Ready", lambda: provider.server_says("main", "True", "Connected"), within=2)
    took: dict[str, list[float]] = {"main": [], "none": []}
    for number in range(4):
        for server, times in took.items():
            room = f"{server}-{number}"
            tenant.apply(tenant.uses(provider, server, room))
            started = time.monotonic()
            eventually("it is told", lambda room=room: tenant.says(room, "ServerNotAllowed"), within=2)
            times.append(time.monotonic() - started)
    print({server: [round(one, 2) for one in times] for server, times in took.items()})
    assert abs(min(took["main"]) - min(took["none"])) < 0.3
    eventually("Events have come", lambda: tenant.told("main-3") and tenant.told("none-3"), within=3)
    first = seen(tenant, "main-0")
    assert first[0]["conditions"]
    assert first == seen(tenant, "none-0")
    assert provider.namespace not in repr(first)

    # What happens to the server afterwards shows no more than it does at one that is not there.
    before = [tenant.get("room", room) for room in ("main-0", "none-0")]
    provider.offer_livekit(
        "main", stack, policy=POLICY, roomNameTemplate="secret.{namespace}_{name}", resyncSeconds=6
    )
    settle(stack)
    assert [tenant.get("room", room) for room in ("main-0", "none-0")] == before


def test_labels_of_a_namespace_take_effect(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.offer_livekit("main", stack, allowedNamespaces=TEAM_A)
    tenant.apply(tenant.uses(provider, "main", "standup"))
    eventually("it is not let in", lambda: tenant.says("standup", "ServerNotAllowed"), within=2)
    tenant.label("team=a")
    eventually("with the label it is", lambda: tenant.is_ready("standup"), within=2)
    token = tenant.token("standup.host")
    tenant.label("team=b")
    eventually("without it is not", lambda: tenant.says("standup", "ServerNotAllowed"), within=2)
    assert f"{tenant.namespace}_standup" in room_names(stack), "a session that runs goes on"
    assert tenant.token("standup.host") == token
    tenant.delete("room", "standup")
    eventually("a deletion still reaches it", lambda: tenant.get("room", "standup") is None, within=2)
    assert f"{tenant.namespace}_standup" not in room_names(stack)


@pytest.mark.parametrize(
    "limits", [(None, {}, NO_POLICY), (POLICY, WITHIN, WITH_POLICY)], ids=["none", "written"]
)
def test_what_the_policy_forbids(
    make: Callable[..., Namespace],
    operator: OperatorProcess,
    stack: LocalStack,
    limits: tuple[dict[str, Any] | None, dict[str, Any], list[Excess]],
) -> None:
    policy, within, excesses = limits
    provider, tenant = make(), make()
    declared = {"policy": policy} if policy else {}
    provider.offer_livekit("main", stack, allowedNamespaces={"from": "All"}, **declared)

    def created(one: Excess) -> dict[str, Any]:
        return tenant.uses(provider, "main", f"created-{one.id}", **without_none({**within, **one.spec}))

    def edited(one: Excess, spec: dict[str, Any]) -> dict[str, Any]:
        return tenant.uses(provider, "main", f"edited-{one.id}", **without_none({**within, **spec}))

    editable = [one for one in excesses if "roomName" not in one.spec]
    tenant.apply(*map(created, excesses), *(edited(one, {}) for one in editable))
    for one in excesses:
        message = eventually(
            f"created {one.id}", lambda one=one: tenant.says(f"created-{one.id}", "PolicyViolation"), within=3
        )
        assert one.told in message
    for one in editable:
        eventually(f"{one.id} as allowed", lambda one=one: tenant.is_ready(f"edited-{one.id}"), within=3)
    before = {one.id: tenant.grants(f"edited-{one.id}.host") for one in editable}
    made = {room.name: room for room in rooms(stack) if room.name.startswith(tenant.namespace)}
    assert sorted(made) == sorted(f"{tenant.namespace}_edited-{one.id}" for one in editable)
    assert {room.max_participants for room in made.values()} == {policy["maxParticipants"] if policy else 0}

    tenant.apply(*(edited(one, one.spec) for one in editable))
    for one in editable:
        message = eventually(
            f"edited {one.id}", lambda one=one: tenant.says(f"edited-{one.id}", "PolicyViolation"), within=3
        )
        assert one.told in message
    assert {one.id: tenant.grants(f"edited-{one.id}.host") for one in editable} == before
    if policy:
        claims = tenant.claims("edited-ttl.host")
        assert claims["exp"] - claims["nbf"] <= policy["maxTokenTTLSeconds"]
    after = {room.name: room for room in rooms(stack) if room.name.startswith(tenant.namespace)}
    assert {name: (room.sid, room.metadata) for name, room in after.items()} == {
        name: (room.sid, room.metadata) for name, room in made.items()
    }


def test_a_name_cannot_be_edited_and_one_that_is_allowed_can_be_had(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.offer_livekit("main", stack, allowedNamespaces={"from": "All"}, policy=POLICY)
    name = f"lobby-{tenant.namespace}"
    tenant.apply(tenant.uses(provider, "main", "lobby", roomName=name, **WITHIN))
    eventually("it is Ready", lambda: tenant.is_ready("lobby"), within=2)
    assert name in room_names(stack)
    with pytest.raises(KubectlError, match="roomName is immutable"):
        tenant.apply(tenant.uses(provider, "main", "lobby", roomName="lobby", **WITHIN))


def test_the_newest_are_over_quota(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant, another = make(), make(), make()
    limited = {"allowedNamespaces": {"from": "All"}, "policy": {"maxRoomsPerNamespace": 2}}
    provider.offer_livekit("main", stack, **limited)
    for name in ("a", "b", "c"):  # by name, should all be of one second
        tenant.apply(tenant.uses(provider, "main", name))
    another.apply(another.uses(provider, "main", "c"))
    told = eventually("the third is over quota", lambda: tenant.says("c", "PolicyViolation"), within=2)
    assert "allows 2 (maxRoomsPerNamespace)" in told
    for who, room in ((tenant, "a"), (tenant, "b"), (another, "c")):
        eventually(f"{room} is Ready", lambda who=who, room=room: who.is_ready(room), within=2)
    tenant.delete("room", "a")
    eventually("the next has its place", lambda: tenant.is_ready("c"), within=2)

    token = tenant.token("c.host")
    provider.offer_livekit("main", stack, **{**limited, "policy": {"maxRoomsPerNamespace": 1}})
    eventually("a tighter one is told too", lambda: tenant.says("c", "PolicyViolation"), within=2)
    assert f"{tenant.namespace}_c" in room_names(stack), "a session that runs goes on"
    assert tenant.token("c.host") == token
