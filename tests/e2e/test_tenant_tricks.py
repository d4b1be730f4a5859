"""What a tenant tries against another, and against the operator: each trick fails."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from livekit import api

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e.support import eventually, http_status, settle
from tests.e2e.tenancy import ROLES, SAFE_GRANTS, Namespace, namespaces, room_names, rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

NOT_PERMITTED = 401  # Twirp's "unauthenticated": so LiveKit answers a token whose grants do not suffice


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    with namespaces(stack) as make:
        yield make


def call(stack: LocalStack, method: str, body: dict[str, Any], token: str) -> int:
    """Call LiveKit's server API as anybody can who has a token."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return http_status(
        f"{stack.livekit.http_url}/twirp/livekit.{method}", data=json.dumps(body).encode(), headers=headers
    )


def work_as_agent(stack: LocalStack, token: str) -> int:
    """Register as a worker that takes jobs; return what LiveKit answers to the WebSocket."""

    async def connect() -> int:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            try:
                async with session.ws_connect(f"{stack.livekit.http_url}/agent?protocol=1"):
                    return 101
            except aiohttp.WSServerHandshakeError as refused:
                return refused.status

    return asyncio.run(connect())


def calls_against(victim: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what would harm a room, or tell of it."""
    start = {"roomName": victim, "file": {"filepath": "loot.mp4"}}
    return {
        "DeleteRoom": ("RoomService/DeleteRoom", {"room": victim}),
        "ListRooms": ("RoomService/ListRooms", {}),
        "ListParticipants": ("RoomService/ListParticipants", {"room": victim}),
        "ListEgress": ("Egress/ListEgress", {"roomName": victim}),
        "StopEgress": ("Egress/StopEgress", {"egressId": "EG_unknown"}),
        "StartEgress": ("Egress/StartRoomCompositeEgress", start),
        "CreateIngress": (
            "Ingress/CreateIngress",
            {"inputType": "RTMP_INPUT", "roomName": victim, "participantIdentity": "x"},
        ),
    }


@pytest.mark.parametrize("grants", [{"canPublish": True}, SAFE_GRANTS], ids=["usual", "all-that-is-safe"])
def test_a_token_reaches_no_other_room(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack, grants: dict[str, Any]
) -> None:
    attacker, victim = make(), make()
    roles = [{"name": "host", "identities": ["mallory"], "grants": grants}]
    attacker.apply(attacker.room("mine", roles=roles))
    victim.apply(victim.room("standup", roles=ROLES))
    for who, room in ((attacker, "mine"), (victim, "standup")):
        eventually(f"{room} is Ready", lambda who=who, room=room: who.is_ready(room), within=2)
    token, name = attacker.token("mine.host"), f"{victim.namespace}_standup"
    before = victim.get("room", "standup")
    answers = {what: call(stack, *how, token) for what, how in calls_against(name).items()}
    print(answers)
    assert set(answers.values()) == {NOT_PERMITTED}
    assert work_as_agent(stack, token) == NOT_PERMITTED
    assert name in room_names(stack)
    assert victim.get("room", "standup") == before

    # The same calls are good ones: with the right grants LiveKit permits them.
    powers = api.VideoGrants(room_create=True, room_list=True, room_record=True, room_admin=True, room=name,
                             ingress_admin=True, agent=True)  # fmt: skip
    might = api.AccessToken(stack.livekit.api_key, stack.livekit.api_secret).with_grants(powers).to_jwt()
    harmless = [how for what, how in calls_against(name).items() if what != "StartEgress"]
    assert NOT_PERMITTED not in [call(stack, *how, might) for how in reversed(harmless)]
    assert work_as_agent(stack, might) == 101


@pytest.mark.parametrize("api_url", ["", "http://LOCALHOST"], ids=["same", "another-spelling"])
def test_a_bogus_server_that_claims_first_neither_wins_nor_blocks(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack, api_url: str
) -> None:
    provider, attacker, victim = make(), make(), make()
    provider.offer_livekit("main", stack, allowedNamespaces={"from": "All"})
    name = f"{victim.namespace}_standup"
    url, port = stack.livekit.url, stack.livekit.url.rpartition(":")[2]
    more = {"apiURL": f"{api_url}:{port}"} if api_url else {}
    attacker.offer(
        "own",
        url,
        stack.livekit.api_key,
        "a-secret-that-is-made-up",
        roomNameTemplate="x.{namespace}_{name}",
        **more,
    )
    attacker.apply(
        attacker.uses(attacker, "own", "first", roomName=name),
        attacker.uses(provider, "main", "second", roomName=name),
    )
    eventually("the first claims", lambda: attacker.says("first", "InvalidCredentials"), within=3)
    eventually("the second may not", lambda: attacker.says("second", "PolicyViolation"), within=3)
    time.sleep(1.1)  # creationTimestamp has whole seconds: the attacker's are older, whatever their names
    victim.apply(victim.uses(provider, "main", "standup"))
    eventually("the victim is Ready", lambda: victim.is_ready("standup"), within=2)
    assert name in room_names(stack)
    for room in ("first", "second"):
        attacker.delete("room", room)
    eventually("the attacker's Rooms go", lambda: attacker.list("rooms") == [], within=3)
    settle(stack)
    assert name in room_names(stack)
    assert victim.is_ready("standup")
    assert attacker.list("secrets")[0]["metadata"]["name"] == "own-api"


def test_a_default_server_is_one_of_its_own_namespace_only(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker, victim = make(), make()
    default = {"roomkeeper.dev/is-default-server": "true"}
    attacker.offer_livekit(
        "own",
        stack,
        annotations=default,
        allowedNamespaces={"from": "All"},
        roomNameTemplate="x.{namespace}_{name}",
    )
    eventually("it is Ready", lambda: attacker.server_says("own", "True", "Connected"), within=2)
    for who in (attacker, victim):
        who.apply(who.room("standup"))
        eventually("the Room is Ready", lambda who=who: who.is_ready("standup"), within=2)
    mine, theirs = attacker.get("room", "standup"), victim.get("room", "standup")
    assert mine
    assert theirs
    assert mine["status"]["serverRef"]["name"] == "own"
    assert "serverRef" not in theirs["status"]
    assert f"{victim.namespace}_standup" in room_names(stack)


def test_names_that_another_namespace_could_have(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    """Also by a policy that would let every name through, and of a namespace that is not there yet."""
    provider, attacker, victim = make(), make(), make()
    lax = {"allowedNamespaces": {"from": "All"}, "policy": {"roomNamePatterns": ["*"]}}
    provider.offer_livekit("main", stack, roomNameTemplate="p.{namespace}_{name}", **lax)
    tried = {
        "of-victim": f"p.{victim.namespace}_standup",
        "not-yet-there": f"p.t-{uuid.uuid4().hex[:8]}_standup",
        "of-the-provider": f"p.{provider.namespace}_x",
        "no-object": f"p.{victim.namespace}_No Object",
        "empty-name": f"p.{victim.namespace}_",
        "no-prefix": f"{victim.namespace}_standup",
    }
    attacker.apply(*(attacker.uses(provider, "main", room, roomName=name) for room, name in tried.items()))
    for room in tried:
        eventually(f"{room} is refused", lambda room=room: attacker.says(room, "PolicyViolation"), within=3)
    attacker.apply(attacker.uses(provider, "main", "lax", roomName="p.anything"))
    eventually("what is nobody's can be had", lambda: attacker.is_ready("lax"), within=2)
    assert not set(tried.values()) & set(room_names(stack))


def test_upper_case_unicode_and_long_names(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant, victim = make(), make()
    own = f"{tenant.namespace}_"
    longest = own + "ü" * ((256 - len(own)) // 2)
    good = {
        "upper": f"{own}Standup",
        "unicode": f"{own}städtetag-会議-👩‍👩‍👧",
        "spaces": f"{own} a b ",
        "longest": longest,
    }
    bad = {
        "upper-victim": f"{victim.namespace.upper()}_standup",
        "wide": f"{victim.namespace}\uff3fstandup",
        "too-long": longest + "ü",
    }
    tenant.apply(*(tenant.room(room, roomName=name) for room, name in {**good, **bad}.items()))
    for room, name in good.items():
        eventually(f"{room} is Ready", lambda room=room: tenant.is_ready(room), within=3)
        assert name in room_names(stack)
    reasons = {"upper-victim": "PolicyViolation", "wide": "PolicyViolation", "too-long": "InvalidRoomName"}
    for room, reason in reasons.items():
        eventually(f"{room} is refused", lambda room=room, reason=reason: tenant.says(room, reason), within=2)
    assert not set(bad.values()) & set(room_names(stack))


@pytest.mark.parametrize("name", ["a/b", "a/../b", "..", "a|b", "", "a\u0000b", "a\nb", "x" * 257])
def test_names_that_are_paths(make: Callable[..., Namespace], name: str) -> None:
    tenant = make()
    with pytest.raises(KubectlError, match=r"spec\.roomName"):
        tenant.apply(tenant.room("standup", roomName=name))
    assert tenant.list("rooms") == []


ENDLESS = {
    "pattern": {"properties": {"topic": {"pattern": "(a+)+$"}}},
    "patternProperties": {"patternProperties": {"(a+)+$": {"type": "string"}}},
    "recursion": {"$ref": "#"},
    "remote": {"$ref": "http://127.0.0.1:9/schema.json"},
    "doubling": {
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}},
        "$ref": "#/$defs/d0",
    },
}


def test_schemas_that_would_run_for_ever(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker, neighbour = make(), make()
    for name, schema in ENDLESS.items():
        attacker.offer_livekit(
            name.lower(), stack, policy={"metadataSchema": schema}, allowedNamespaces={"from": "All"}
        )
    topic = {"metadata": {"topic": "a" * 60 + "!"}}
    neighbour.apply(*(neighbour.uses(attacker, name.lower(), name.lower(), **topic) for name in ENDLESS))
    for name in ENDLESS:
        server = name.lower()
        found = eventually(
            f"{name} is refused",
            lambda server=server: attacker.server_says(server, "False", "InvalidSpec"),
            within=2,
        )
        assert found["message"].startswith("spec.policy.metadataSchema: ")
        eventually("nobody passes", lambda server=server: neighbour.says(server, "PolicyViolation"), within=3)
    neighbour.apply(neighbour.room("standup"))
    eventually("the operator works on", lambda: neighbour.is_ready("standup"), within=2)


@pytest.mark.parametrize(
    "domain", ["kubernetes.io", "sub.kubernetes.io", "k8s.io", "argocd.argoproj.io", "roomkeeper.dev"]
)
@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_a_secret_cannot_be_marked_for_another_controller(
    make: Callable[..., Namespace], domain: str, field: str
) -> None:
    tenant = make()
    roles = [{"name": "host", "secretTemplate": {field: {f"{domain}/secret-type": "cluster"}}}]
    with pytest.raises(KubectlError, match="are not allowed in"):
        tenant.apply(tenant.room("standup", roles=roles))
    roles = [{"name": "host", "secretTemplate": {"type": "kubernetes.io/service-account-token"}}]
    with pytest.raises(KubectlError, match=r'secretTemplate.: unknown field "type"'):
        tenant.apply(tenant.room("standup", roles=roles))


def test_secrets_that_are_somebody_elses(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = make()
    labels = {
        "app.kubernetes.io/managed-by": "roomkeeper",
        "roomkeeper.dev/room": "standup",
        "roomkeeper.dev/role": "host",
    }
    for name, more in (("plain", {}), ("labelled", labels)):
        meta = {"name": name, "labels": more}
        tenant.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"password": "foreign"}}
        )
    before = {name: tenant.get("secret", name) for name in ("plain", "labelled")}
    tenant.apply(
        *(tenant.room(name, roles=[{"name": "host", "secretTemplate": {"name": name}}]) for name in before),
        tenant.room(
            "twice", roles=[{"name": role, "secretTemplate": {"name": "one"}} for role in ("host", "guest")]
        ),
    )
    for name in before:
        eventually(f"{name} is left alone", lambda name=name: tenant.says(name, "SecretConflict"), within=3)
    eventually("so is a Secret of another role", lambda: tenant.says("twice", "SecretConflict"), within=3)
    settle(stack)
    assert {name: tenant.get("secret", name) for name in before} == before
    for name in before:
        tenant.delete("room", name, wait=True)
    assert {name: tenant.get("secret", name) for name in before} == before
    assert [room.name for room in rooms(stack) if room.name == f"{tenant.namespace}_plain"] == []
