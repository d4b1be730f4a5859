"""What has to be true when nothing happens any more: written from the spec and the design, not from the product.

Each check yields sentences about what is not as declared.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.integration.properties.declared_people import wrong_people
from tests.integration.properties.declared_tokens import wrong_secrets
from tests.integration.properties.specs import APPLICATION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.adapters.livekit.memory_room import MemoryRoom
    from roomkeeper.adapters.ports import Body
    from tests.integration.properties.world import World

DEFAULT_EMPTY_TIMEOUT = {"Persistent": 86_400, "OnDemand": 300, "Once": 300}


def wrong(world: World) -> list[str]:
    """Return everything that is not as declared."""
    found = []
    for body in world.rooms():
        name = body["metadata"]["name"]
        found += [f"{name}: {sentence}" for sentence in _wrong_room(world, body)]
    found += _orphans(world)
    found += [f"ghost: {name}" for name, room in world.livekit.rooms.items() if room.is_ghost]
    found += [f"{name} was deleted with {people} in it" for name, people in world.livekit.wrongly_deleted]
    return found


def _wrong_room(world: World, body: Body) -> Iterator[str]:
    metadata, status, spec = body["metadata"], body.get("status", {}), body["spec"]
    if metadata.get("deletionTimestamp"):
        yield "it is still being deleted"
        return
    room = world.livekit.rooms.get(room_name(body))
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    if status.get("observedGeneration") != metadata["generation"]:
        yield f"generation {metadata['generation']} is not observed"
    if conditions.get("Ready", {}).get("status") != "True":
        yield f"not Ready: {conditions.get('Ready')}"
    if found := conditions.keys() & {"Reconciling", "Stalled"}:
        yield f"{found}: {conditions['Ready']}"
    for entry in status.get("revokedIdentities", ()):
        if datetime.fromisoformat(entry["until"]) < world.clock.now() - timedelta(seconds=1):
            yield f"status still names {entry}, whose tokens have ended"
    is_finished = spec["lifecycle"] == "Once" and conditions.get("Ready", {}).get("reason") == "Finished"
    yield from _wrong_lifecycle(world, body, room, is_finished=is_finished)
    yield from wrong_secrets(world, body, {} if is_finished else spec)
    if room and not is_finished:
        yield from _wrong_config(room, spec, conditions, status)
        yield from _wrong_metadata(room, spec)
        yield from _wrong_agents(world, room, spec)
        yield from wrong_people(world, body)


def _wrong_lifecycle(
    world: World, body: Body, room: MemoryRoom | None, *, is_finished: bool
) -> Iterator[str]:
    """Say what is wrong with the room's being there, or not."""
    lifecycle, known = body["spec"]["lifecycle"], body.get("status", {}).get("sid")
    if lifecycle == "Persistent" and room is None:
        yield "the room is not there"
    if room and not is_finished and room.live.sid != known:
        yield f"status names session {known}, LiveKit has {room.live.sid}"
    if lifecycle != "Once":
        return
    sessions = world.sessions.get(body["metadata"]["uid"], set())
    if len(sessions) > 1:
        yield "a room that exists once had several sessions"
    is_over = room is None or room.live.sid not in sessions
    if is_over and not is_finished:
        yield "the one session is over, and it is not Finished"
    if is_finished and room is not None:
        yield "it is Finished, and the room is there"


def _wrong_config(
    room: MemoryRoom, spec: Body, conditions: dict[str, Any], status: dict[str, Any]
) -> Iterator[str]:
    """Compare what LiveKit shows with what is declared: the same, or pending where it has to wait."""
    live = room.live.config
    wanted = {
        "emptyTimeoutSeconds": spec.get("emptyTimeoutSeconds", DEFAULT_EMPTY_TIMEOUT[spec["lifecycle"]]),
        "departureTimeoutSeconds": spec["departureTimeoutSeconds"],
        "maxParticipants": spec.get("maxParticipants", 0),
    }
    shown = {
        "emptyTimeoutSeconds": live.empty_timeout_seconds,
        "departureTimeoutSeconds": live.departure_timeout_seconds,
        "maxParticipants": live.max_participants,
    }
    differing = {field for field in wanted if wanted[field] != shown[field]}
    pending = {change["field"] for change in status.get("pendingChanges", ())}
    up_to_date = conditions.get("UpToDate", {})
    if pending != differing:
        yield f"pendingChanges {pending}, but {differing} differ"
    if (up_to_date.get("status") == "True") is bool(differing):
        yield f"UpToDate is {up_to_date}, and {differing} differ"
    # One replacement that did not help ends it; so does a session that is to be the only one.
    if spec["lifecycle"] == "Once" or up_to_date.get("reason") == "NotHonoured":
        return
    nobody_ever_came = not room.joined and not room.lost
    must_be_replaced = {"Always": True, "WhenEmpty": nobody_ever_came, "Never": False}[spec["updatePolicy"]]
    if differing and must_be_replaced:
        yield f"{differing} differ from what is declared under {spec['updatePolicy']}"


def _wrong_metadata(room: MemoryRoom, spec: Body) -> Iterator[str]:
    live, policy = room.live.metadata, spec["metadataPolicy"]
    if policy == "Initial":
        return
    if "rawMetadata" in spec:
        if live != spec["rawMetadata"]:
            yield f"rawMetadata is {live!r}"
        return
    if "metadata" not in spec:
        return  # a Room that declares none leaves the application's alone
    try:
        found = json.loads(live or "{}")
    except ValueError:
        yield f"metadata is {live!r}, no object"
        return
    declared = spec["metadata"]
    rest = {key: value for key, value in found.items() if key not in declared}
    for key, value in declared.items():
        if json.dumps(found.get(key)) != json.dumps(value):
            yield f"metadata {key} is {found.get(key)!r}, not {value!r}"
    if policy == "Enforce" and rest:
        yield f"metadata {rest} is not declared"
    # What was a declared key once and is written by the application as well may be either's.
    if rest.keys() - {APPLICATION_KEY, "topic", "level"}:
        yield f"metadata {rest} is neither declared nor the application's"


def _wrong_agents(world: World, room: MemoryRoom, spec: Body) -> Iterator[str]:
    sent = [dispatch.agent_name for dispatch in room.dispatches.values() if dispatch.agent_name]
    somebody = bool(world.livekit.people(room.live.name))
    for agent in spec.get("agents", ()):
        times = sent.count(agent["agentName"])
        is_due = somebody or agent.get("dispatch") == "WithRoom"
        if times > 1 or (is_due and times == 0):
            yield f"agent {agent['agentName']} was sent {times} times"
    declared = {agent["agentName"] for agent in spec.get("agents", ())}
    # Status remembers who was sent, after it was done: an operator that dies between has sent somebody unknown.
    if (left := set(sent) - declared) and not world.was_killed:
        yield f"agents {left} are no longer declared"


def _orphans(world: World) -> Iterator[str]:
    """Say what is left of Rooms that are gone: Secrets never, LiveKit rooms only where nobody had to delete them."""
    alive = {body["metadata"]["uid"] for body in world.rooms()}
    for secret in world.token_secrets():
        owner = secret["metadata"]["ownerReferences"][0]["uid"]
        if owner not in alive:
            yield f"Secret {secret['metadata']['name']} is of a Room that is gone"


def room_name(body: Body) -> str:
    """Return the name of a Room's room by the server's template."""
    return f"{body['metadata']['namespace']}_{body['metadata']['name']}"
