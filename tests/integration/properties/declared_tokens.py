"""What the Secrets of a Room have to say, from its spec and the design."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tests.integration.properties.fakes import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.adapters.ports import Body
    from tests.integration.properties.world import World

SOURCES = ("camera", "microphone", "screen_share", "screen_share_audio")
PLAIN_GRANTS = {
    "canSubscribe": True,
    "canPublish": False,
    "canPublishData": False,
    "canUpdateOwnMetadata": False,
    "canSubscribeMetrics": False,
    "hidden": False,
    "roomAdmin": False,
    "agent": False,
    "roomRecord": False,
    "ingressAdmin": False,
}


def wrong_secrets(world: World, body: Body, spec: Body) -> Iterator[str]:
    """Compare all Secrets of a Room with its roles; without roles there is none."""
    name, uid = body["metadata"]["name"], body["metadata"]["uid"]
    blocked = set(spec.get("moderation", {}).get("blockedIdentities", ()))
    owned = {
        secret["metadata"]["name"]: secret
        for secret in world.token_secrets()
        if secret["metadata"]["ownerReferences"][0]["uid"] == uid
    }
    for role in spec.get("roles", ()):
        identities = [one for one in role.get("identities", [role["name"]]) if one not in blocked]
        if not identities:
            continue
        secret_name = role.get("secretTemplate", {}).get("name", f"{name}.{role['name']}")
        secret = owned.pop(secret_name, None)
        if secret is None:
            yield f"Secret {secret_name} is missing"
            continue
        for sentence in _wrong_secret(world, body, role, identities, secret):
            yield f"Secret {secret_name}: {sentence}"
    if owned:
        yield f"Secrets {sorted(owned)} are of no declared role"


def expected_grants(spec: Body, role: Body, identity: str) -> dict[str, Any]:
    """Return the video grants of somebody in a role, without the sources that are denied to them."""
    grants = {**PLAIN_GRANTS, **role["grants"]} if role.get("grants") else dict(PLAIN_GRANTS)
    denied = denied_to(spec, identity)
    allowed = set(grants.get("canPublishSources", SOURCES)) if grants["canPublish"] else set()
    if allowed & denied:
        left = sorted(allowed - denied)
        grants.pop("canPublishSources", None)
        grants |= {"canPublishSources": left} if left else {"canPublish": False}
    return grants


def denied_to(spec: Body, identity: str) -> set[str]:
    """Return the sources that are denied to somebody."""
    entries = spec.get("moderation", {}).get("deniedSources", ())
    return {source for entry in entries if entry["identity"] == identity for source in entry["sources"]}


def _wrong_secret(world: World, body: Body, role: Body, identities: list[str], secret: Body) -> Iterator[str]:
    data = {name: base64.b64decode(value).decode() for name, value in secret.get("data", {}).items()}
    try:
        tokens = json.loads(data["tokens.json"])
        fixed = {key: data[f"LIVEKIT_{key}"] for key in ("URL", "ROOM", "IDENTITY", "TOKEN")}
    except (KeyError, ValueError) as error:
        yield f"unreadable, {error!r}"
        return
    room = f"{body['metadata']['namespace']}_{body['metadata']['name']}"
    first = identities[0]
    if fixed != {"URL": world.url, "ROOM": room, "IDENTITY": first, "TOKEN": tokens.get(first)}:
        yield f"{ {key: value for key, value in fixed.items() if key != 'TOKEN'} }, or another token than in tokens.json"
    if list(tokens) != identities:
        yield f"tokens of {list(tokens)}, not of {identities}"
    if secret["metadata"]["labels"].get("roomkeeper.dev/role") != role["name"]:
        yield "the label says another role"
    template = role.get("secretTemplate", {}).get("labels", {})
    if not template.items() <= secret["metadata"]["labels"].items():
        yield f"labels {template} are missing"
    for identity, token in tokens.items():
        for sentence in _wrong_token(world, body["spec"], role, room=room, identity=identity, token=token):
            yield f"{identity}: {sentence}"


def _wrong_token(
    world: World, spec: Body, role: Body, *, room: str, identity: str, token: str
) -> Iterator[str]:
    claims = verify(token, world.declared_key)
    if claims is None:
        yield "the token is not signed with the present key"
        return
    yield from _wrong_validity(world, role, claims)
    yield from _wrong_grants(spec, role, claims, room=room, identity=identity)
    if claims["iss"] != world.declared_key.api_key:
        yield f"issued by {claims['iss']}"
    said = (claims.get("name", ""), claims.get("attributes", {}))
    if said != (role.get("displayName", ""), role.get("attributes", {})):
        yield f"name and attributes are {said}"
    yield from _wrong_config(spec, claims.get("roomConfig", {}))


def _wrong_validity(world: World, role: Body, claims: dict[str, Any]) -> Iterator[str]:
    now = world.clock.now().timestamp()
    if not claims["nbf"] <= now < claims["exp"]:
        yield f"valid from {claims['nbf']} to {claims['exp']}, now is {now}"
    # Renewed a third of its life before its end at the latest, and never of a longer life than was declared.
    if (
        claims["exp"] - claims["nbf"] != role["ttlSeconds"]
        or claims["exp"] - now < role["ttlSeconds"] / 3 - 130
    ):
        yield f"{claims['exp'] - now} s left of {claims['exp'] - claims['nbf']}"


def _wrong_grants(
    spec: Body, role: Body, claims: dict[str, Any], *, room: str, identity: str
) -> Iterator[str]:
    expected = {"roomJoin": True, "room": room, **expected_grants(spec, role, identity)}
    video = dict(claims["video"])
    for grants in (video, expected):
        if "canPublishSources" in grants:
            grants["canPublishSources"] = sorted(grants["canPublishSources"])
    if (claims["sub"], video) != (identity, expected):
        yield f"{claims['sub']} may {video}, not {expected}"


def _wrong_config(spec: Body, asked: dict[str, Any]) -> Iterator[str]:
    """Look at the room that would be born of a token: as declared, never immortal, and never for Once."""
    if spec["lifecycle"] == "Once":
        if asked:
            yield "it could make a room that exists once"
        return
    same = asked.get("departureTimeout") == spec["departureTimeoutSeconds"]
    if not same or asked.get("maxParticipants", 0) != spec.get("maxParticipants", 0):
        yield f"a room born of it would have {asked}"
    if not asked.get("emptyTimeout"):
        yield "a room born of it would never end"
