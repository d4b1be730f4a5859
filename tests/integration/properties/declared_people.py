"""Who may be in a room, and with which permissions, from its spec and the design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.properties.declared_tokens import SOURCES, denied_to, expected_grants
from tests.integration.properties.fakes import permission
from tests.integration.properties.specs import roles_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.livekit import Participant, Permission
    from tests.integration.properties.fakes import Join
    from tests.integration.properties.world import World


def wrong_people(world: World, body: Body) -> Iterator[str]:
    """Look at everybody who is connected."""
    spec, uid = body["spec"], body["metadata"]["uid"]
    room = f"{body['metadata']['namespace']}_{body['metadata']['name']}"
    for person in world.livekit.people(room):
        join = world.livekit.joins[person.sid]
        if sentence := _wrong_person(spec, uid, person, join):
            yield f"{person.identity}: {sentence}"


def _wrong_person(spec: Body, uid: str, person: Participant, join: Join) -> str:
    if person.identity in spec.get("moderation", {}).get("blockedIdentities", ()):
        return "is blocked, and in the room"
    if publishable(person.permission) & denied_to(spec, person.identity):
        return f"may publish {publishable(person.permission)}, denied are {denied_to(spec, person.identity)}"
    role = roles_of(spec).get(person.identity)
    # Of the tokens of an object that is gone its successor knows nothing; the application's own are its own matter.
    is_ours = join.claims is not None and join.owner_uid == uid
    if role is None:
        return "is in no role any more, and in the room" if is_ours else ""
    is_enforced = role.get("permissionsPolicy") == "Enforce"
    if is_enforced or (is_ours and not join.is_touched):
        wanted = permission(expected_grants(spec, role, person.identity))
        if _effect(person.permission) != _effect(wanted):
            return f"may {_effect(person.permission)}, not {_effect(wanted)}"
    if is_ours and join.claims:
        return _wrong_profile(role, person, join.claims)
    return ""


def _wrong_profile(role: Body, person: Participant, claims: Body) -> str:
    if claims["video"].get("roomAdmin") and not role.get("grants", {}).get("roomAdmin"):
        return "has a token that moderates, which is no longer granted"
    if role.get("displayName") not in (None, person.name):
        return f"is called {person.name!r}"
    if dict(person.attributes) != role.get("attributes", {}):
        return f"has the attributes {dict(person.attributes)}"
    return ""


def publishable(held: Permission) -> set[str]:
    """Return what somebody may publish."""
    if not held.can_publish:
        return set()
    return set(held.can_publish_sources or SOURCES)


def _effect(held: Permission) -> tuple[object, ...]:
    return (
        sorted(publishable(held)),
        held.can_subscribe,
        held.can_publish_data,
        held.can_update_metadata,
        held.can_subscribe_metrics,
        held.hidden,
    )
