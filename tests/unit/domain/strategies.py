"""Any world there can be, from parts that were seen in the wild."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from roomkeeper.api.common import rfc3339
from roomkeeper.domain import rooms
from roomkeeper.domain.livekit import Dispatch, Participant, ParticipantKind, Permission
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_status import conclude
from roomkeeper.domain.rooms import ServerState
from tests.unit.domain.builders import CREATED, NOW, UID, a_world, config

if TYPE_CHECKING:
    from tests.unit.domain.builders import WorldBuilder

KEYS = st.sampled_from(["a", "b", "c"])
OBJECTS = st.dictionaries(KEYS, st.integers(0, 2) | st.booleans() | st.text(max_size=2), max_size=3)
IDENTITIES = st.sampled_from(["x", "y", "z", "host", "viewer", "mallory", "a stranger"])
AGENTS = st.sampled_from(["notetaker", "translator"])
PARTICIPANTS = st.builds(
    Participant,
    identity=IDENTITIES,
    sid=st.integers(1, 10**6).map("PA_{}".format),
    kind=st.sampled_from([ParticipantKind.PERSON, ParticipantKind.PERSON, *ParticipantKind]),
    is_publisher=st.booleans(),
    permission=st.builds(Permission, can_publish=st.booleans(), can_publish_data=st.booleans()),
    name=st.sampled_from(["", "Somebody"]),
    attributes=st.sampled_from([{}, {"team": "a"}]),
)
FAILURES = st.sampled_from(
    [Reason.SERVER_UNREACHABLE, Reason.INVALID_CREDENTIALS, Reason.WAITING_FOR_LIVEKIT, Reason.ROOM_REJECTED]
)


@st.composite
def declared(draw: st.DrawFn) -> WorldBuilder:
    """Draw a Room by what is declared."""
    world = a_world()
    fields = {
        "metadata": OBJECTS,
        "metadataPolicy": st.sampled_from(["Merge", "Enforce", "Initial"]),
        "lifecycle": st.sampled_from(["Persistent", "OnDemand", "Once"]),
        "updatePolicy": st.sampled_from(["Never", "WhenEmpty", "Always"]),
        "adoptionPolicy": st.sampled_from(["Adopt", "Refuse"]),
        "suspend": st.booleans(),
        "syncStreams": st.booleans(),
        "maxParticipants": st.integers(1, 10_000),
        "emptyTimeoutSeconds": st.integers(10, 100),
        "deletionPolicy": st.sampled_from(["Delete", "Retain"]),
        "deletionGraceSeconds": st.integers(0, 600),
    }
    for name, values in fields.items():
        if draw(st.booleans()):
            world = world.declaring(**{name: draw(values)})
    for role in draw(st.lists(st.sampled_from(["host", "viewer", "bot"]), unique=True, max_size=3)):
        identities = draw(st.none() | st.lists(st.sampled_from(["x", "y", "z"]), unique=True, min_size=1))
        ttl = draw(st.integers(600, 86_400))
        policy = draw(st.sampled_from(["OnChange", "Enforce"]))
        grants = draw(st.sampled_from([{}, {"canPublish": True}, {"canPublishData": True}]))
        world = world.with_role(
            role, identities=identities, ttlSeconds=ttl, permissionsPolicy=policy, grants=grants
        )
    return draw(_told(world))


@st.composite
def _told(draw: st.DrawFn, world: WorldBuilder) -> WorldBuilder:
    """Draw what is declared of those who are in the room."""
    if draw(st.integers(0, 2)) == 0:
        when = st.sampled_from(["WhenParticipantJoins", "WithRoom"])
        agents = draw(st.lists(AGENTS, unique=True, min_size=1))
        world = world.declaring(agents=[{"agentName": name, "dispatch": draw(when)} for name in agents])
    if draw(st.integers(0, 2)) == 0:
        denied = {
            "identity": draw(IDENTITIES),
            "sources": draw(st.sampled_from([["microphone"], ["camera"]])),
        }
        blocked = draw(st.lists(st.sampled_from(["mallory", "z"]), unique=True))
        world = world.declaring(moderation={"blockedIdentities": blocked, "deniedSources": [denied]})
    return world


@st.composite
def worlds(draw: st.DrawFn) -> WorldBuilder:
    """Draw a Room with whatever may be around it."""
    world = draw(declared())
    if draw(st.booleans()):
        world = world.held()
    if draw(st.integers(0, 3)) == 0:
        world = world.deleted(draw(st.sampled_from([0, 1, 299, 300, 10_000])))
    world = draw(_servers(world))
    world = draw(_live(world))
    world = draw(_inside(world))
    for role in draw(st.lists(st.sampled_from(["host", "viewer", "former"]), unique=True)):
        changes = draw(st.sampled_from([{}, {}, {"annotations": {}}, {"content_hash": "x"}]))
        owner = draw(st.sampled_from([UID, UID, UID, "uid-before", ""]))
        age = timedelta(minutes=draw(st.sampled_from([0, 30, 60, 2000])))
        world = world.with_secret(role, issued_at=NOW - age, owner_uid=owner, **changes)
    world = draw(_trouble(world))
    world = draw(_around(world))
    if draw(st.booleans()):
        world = world.with_status(sid=draw(st.sampled_from(["RM_1", "RM_0"])), recreations=3)
    if draw(st.booleans()):
        world = world.with_status(metadataKeys=draw(st.lists(KEYS, unique=True)))
    return world


@st.composite
def _servers(draw: st.DrawFn, world: WorldBuilder) -> WorldBuilder:
    state = draw(st.sampled_from([None, ServerState.ACCEPTED, ServerState.ACCEPTED, *ServerState]))
    if state is None:
        return world.without_server()
    if state is ServerState.ACCEPTED:
        return world
    return world.on_server(state, key_was_accepted=state is not ServerState.REFUSED and draw(st.booleans()))


@st.composite
def _live(draw: st.DrawFn, world: WorldBuilder) -> WorldBuilder:
    match draw(st.sampled_from(["absent", "too early", "live", "live"])):
        case "too early":
            return world.too_early()
        case "live":
            text = draw(st.sampled_from(["", "not JSON", "[]"]) | st.builds(json.dumps, OBJECTS))
            age = draw(st.sampled_from([timedelta(days=-1), timedelta(seconds=1)]))
            limit = draw(st.integers(0, 2))
            world = world.live(metadata=text, created_at=CREATED + age, config=config(max_participants=limit))
            world = world.doubted() if draw(st.integers(0, 3)) == 0 else world
            return world.with_people(draw(st.integers(0, 9))) if draw(st.booleans()) else world
        case _:
            return world


@st.composite
def _inside(draw: st.DrawFn, world: WorldBuilder) -> WorldBuilder:
    """Draw who is in a live room and who was sent there; sometimes nobody asked."""
    if world.room is None:
        return world
    if draw(st.booleans()):
        there = draw(st.lists(PARTICIPANTS, unique_by=lambda someone: someone.identity, max_size=4))
        persons = [someone for someone in there if someone.kind is ParticipantKind.PERSON]
        people = rooms.People(len(persons), sum(someone.is_publisher for someone in persons))
        world = world.having(participants=tuple(there), people=people)
    if draw(st.booleans()):
        names = draw(st.lists(AGENTS, max_size=3))  # LiveKit prevents no duplicates
        sent = (Dispatch(f"AD_{number}", name) for number, name in enumerate(names))
        world = world.having(dispatches=tuple(sent))
    if draw(st.booleans()):
        world = world.with_status(agents=draw(st.lists(AGENTS, unique=True)))
    if draw(st.booleans()):
        until = rfc3339(NOW + timedelta(hours=1))
        gone = draw(st.lists(IDENTITIES, unique=True, max_size=2))
        world = world.with_status(
            revokedIdentities=[{"identity": identity, "until": until} for identity in gone]
        )
    return world


@st.composite
def _around(draw: st.DrawFn, world: WorldBuilder) -> WorldBuilder:
    if world.room is not None and draw(st.integers(0, 3)) == 0:
        world = world.never_joined()
    if draw(st.integers(0, 3)) == 0:
        world = world.overwritten(draw(st.integers(1, 4)))
    if world.server and draw(st.integers(0, 3)) == 0:
        policy = Policy(max_participants=9_000, max_token_ttl_seconds=3600, max_rooms_per_namespace=2)
        world = world.on(policy=policy).having(rooms_before=draw(st.integers(0, 2)))
    if world.server and draw(st.integers(0, 3)) == 0:
        world = world.on(auto_create=draw(st.booleans()), namespace=draw(st.sampled_from(["team-a", "x"])))
    return world


@st.composite
def _trouble(draw: st.DrawFn, world: WorldBuilder) -> WorldBuilder:  # noqa: PLR0911 - a line per trouble
    match draw(st.sampled_from([None, None, None, "claim", "failure", "refusal", "foreign", "spec", "name"])):
        case "claim":
            return world.losing_to(draw(st.sampled_from(["team-a", "team-b"])), "older")
        case "failure":
            return world.failing(draw(FAILURES))
        case "refusal":
            return world.refusing(
                "host", draw(st.sampled_from([Reason.TOKEN_TOO_LARGE, Reason.SECRET_TOO_LARGE]))
            )
        case "foreign":
            return world.with_foreign_secret("standup.host")
        case "spec":
            return world.unreadable()
        case "name":
            return world.called(draw(st.sampled_from(["", "a|b", "team-b_x", "team-a_ü"])))
        case _:
            return world


def seen_before(world: WorldBuilder) -> WorldBuilder:
    """Return the world with the status of a reconcile before."""
    return world.with_status(**conclude(world.build()).status)
