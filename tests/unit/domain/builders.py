"""Worlds that read as adjectives: `a_world().held().with_role("host").live().with_secret("host").build()`.

Every step returns another builder, and nothing is computed before `build`, so the order of the steps is free.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import metadata, rooms, token_secret, tokens
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.livekit import LiveRoom, RoomConfig
from roomkeeper.domain.objects import CustomObject, Key, TokenSecret
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_status import conclude

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CREATED = NOW - timedelta(minutes=10)
KEY = Key("Room", "team-a", "standup")
NAME = "team-a_standup"
UID = "uid-of-the-room"
SIGNING_KEY = "fingerprint"
SENT = {  # what a Room that declares nothing is created with, as status keeps it
    "emptyTimeoutSeconds": 86400,
    "departureTimeoutSeconds": 20,
    "maxParticipants": 0,
    "minPlayoutDelayMilliseconds": 0,
    "maxPlayoutDelayMilliseconds": 0,
    "syncStreams": False,
}
ACCEPTED = rooms.Server(
    "wss://livekit.example.com", SIGNING_KEY, rooms.ServerState.ACCEPTED, Policy(), key_was_accepted=True
)


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A Secret as the operator wrote it for a role, and what somebody changed since."""

    role: str
    issued_at: datetime
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorldBuilder:
    """One Room and what is around it. It starts new: not held, no room, no Secret, and a server that answers."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=lambda: {"observedGeneration": -1})
    roles: tuple[Mapping[str, Any], ...] = ()
    finalizers: tuple[str, ...] = ()
    generation: int = 1
    deleted_at: datetime | None = None
    created_at: datetime = CREATED
    room_name: str = NAME
    server: rooms.Server | None = ACCEPTED
    now: datetime = NOW
    room: Mapping[str, Any] | None = None  # changes to the live room; None: there is none
    secrets: tuple[IssuedSecret, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)  # fields of the World as they are

    def declaring(self, **spec: Any) -> WorldBuilder:
        """Declare fields of the spec, in camelCase as people write them."""
        return replace(self, spec={**self.spec, **spec})

    def with_role(self, name: str, **fields: Any) -> WorldBuilder:
        """Declare one more role."""
        return replace(self, roles=(*self.roles, {"name": name, **fields}))

    def held(self) -> WorldBuilder:
        """Carry our finalizer."""
        return replace(self, finalizers=(common.FINALIZER,))

    def deleted(self, seconds_ago: float = 1) -> WorldBuilder:
        """Carry a deletionTimestamp."""
        return replace(self, deleted_at=self.now - timedelta(seconds=seconds_ago))

    def at(self, now: datetime) -> WorldBuilder:
        """Be looked at at that moment."""
        return replace(self, now=now)

    def called(self, room_name: str) -> WorldBuilder:
        """Claim that name on LiveKit."""
        return replace(self, room_name=room_name)

    def live(self, **changes: Any) -> WorldBuilder:
        """Have a room, as declared but for the changes."""
        return replace(self, room={**(self.room or {}), **changes})

    def with_secret(self, role: str, *, issued_at: datetime = NOW, **changes: Any) -> WorldBuilder:
        """Have a role's Secret as the operator wrote it, but for the changes."""
        return replace(self, secrets=(*self.secrets, IssuedSecret(role, issued_at, changes)))

    def with_foreign_secret(self, name: str) -> WorldBuilder:
        """Have met a Secret of somebody else."""
        return self._with(foreign_secrets=frozenset({name}))

    def without_server(self) -> WorldBuilder:
        """Have no server to turn to."""
        return replace(self, server=None)

    def naming_a_server(self) -> WorldBuilder:
        """Name a LiveKitServer in the spec that is not there, or not for this namespace."""
        return replace(self._with(names_server=True), server=None)

    def on(self, **changes: Any) -> WorldBuilder:
        """Have a server that differs in these fields."""
        return replace(self, server=replace(self.server or ACCEPTED, **changes))

    def on_server(self, state: rooms.ServerState, *, key_was_accepted: bool = False) -> WorldBuilder:
        """Have a server in that state."""
        server = replace(ACCEPTED, state=state, key_was_accepted=key_was_accepted)
        return replace(self, server=server)

    def on_server_with(self, policy: Policy) -> WorldBuilder:
        """Have a server with that policy."""
        return replace(self, server=replace(ACCEPTED, policy=policy))

    def with_status(self, **status: Any) -> WorldBuilder:
        """Have been given that status before."""
        return replace(self, status={**self.status, **status})

    def edited(self) -> WorldBuilder:
        """Have a newer generation."""
        return replace(self, generation=self.generation + 1)

    def concluded(self) -> WorldBuilder:
        """Carry the status that fits what is built so far."""
        return replace(self, status=conclude(self.build()).status)

    def too_early(self) -> WorldBuilder:
        """Have no room listed, which does not yet tell that there is none."""
        return self._with(absence=rooms.Absence.TOO_EARLY)

    def doubted(self) -> WorldBuilder:
        """Have a room that is listed though the node that held it may be dead."""
        return self._with(is_doubted=True)

    def with_people(self, participants: int, publishers: int = 0) -> WorldBuilder:
        """Have asked who is there."""
        return self._with(people=rooms.People(participants, publishers))

    def failing(self, reason: Reason = Reason.SERVER_UNREACHABLE) -> WorldBuilder:
        """Have met an error of LiveKit in this reconcile."""
        return self._with(failure=Finding(reason, "told by the test"))

    def refusing(self, role: str, reason: Reason = Reason.TOKEN_TOO_LARGE) -> WorldBuilder:
        """Have found that a role's tokens cannot be issued."""
        return self._with(refusals={role: Finding(reason, "told by the test")})

    def losing_to(self, namespace: str, name: str) -> WorldBuilder:
        """Be younger than another Room that declares the same name."""
        return self._with(older_claim=Key("Room", namespace, name))

    def unreadable(self) -> WorldBuilder:
        """Have a spec that this version does not understand."""
        return self._with(spec=None, spec_error="spec.lifecycle: unknown")

    def annotated(self, **annotations: str) -> WorldBuilder:
        """Carry these annotations of ours, with hyphens for underscores."""
        named = {f"{common.GROUP}/{name.replace('_', '-')}": value for name, value in annotations.items()}
        return replace(self, annotations={**self.annotations, **named})

    def suspended(self) -> WorldBuilder:
        """Be suspended."""
        return self.declaring(suspend=True)

    def never_joined(self) -> WorldBuilder:
        """Have a room that certainly nobody ever joined, which a fresh look has confirmed."""
        return self._with(nobody_ever_joined=True, people=rooms.People(), participants=())

    def overwritten(self, times: int) -> WorldBuilder:
        """Have had to put the metadata right so often."""
        return self._with(overwritten=times)

    def having(self, **fields: Any) -> WorldBuilder:
        """Have these fields of the World."""
        return self._with(**fields)

    def orphaning(self) -> WorldBuilder:
        """Have been let go without its room having been deleted."""
        return self._with(orphan=self.room_name)

    def build(self) -> rooms.World:
        """Return the World."""
        raw = {**self.spec, **({"roles": list(self.roles)} if self.roles else {})}
        room = CustomObject(
            key=KEY,
            uid=UID,
            resource_version="7",
            generation=self.generation,
            created_at=self.created_at,
            deleted_at=self.deleted_at,
            finalizers=self.finalizers,
            spec=raw,
            status=self.status,
            annotations=self.annotations,
        )
        world = rooms.World(
            room=room,
            spec=RoomSpec.model_validate(raw),
            spec_error="",
            room_name=self.room_name,
            server=self.server,
            now=self.now,
        )
        issued = [self._issued(world, secret) for secret in self.secrets]
        return replace(
            world, live=self._live(world), secrets={secret.name: secret for secret in issued}, **self.more
        )

    def _with(self, **more: Any) -> WorldBuilder:
        return replace(self, more={**self.more, **more})

    def _live(self, world: rooms.World) -> LiveRoom | None:
        if self.room is None or world.spec is None:
            return None
        as_declared = LiveRoom(
            name=self.room_name,
            sid="RM_1",
            created_at=CREATED + timedelta(seconds=1),
            config=rooms.config(world.spec),
            metadata=metadata.initial(world.spec),
        )
        return replace(as_declared, **self.room)

    def _issued(self, world: rooms.World, secret: IssuedSecret) -> TokenSecret:
        signed_for = replace(world, server=ACCEPTED)
        # Of a role of which everybody is blocked the Secret is of before.
        issued = (w for w in rooms.role_tokens(signed_for) if w.identities)
        wanted = next((w for w in issued if w.role == secret.role), None)
        return replace(
            written(wanted or withdrawn(secret.role), room=world.room, now=secret.issued_at),
            **secret.changes,
        )


def a_world() -> WorldBuilder:
    """Start with a new Room."""
    return WorldBuilder()


def written(
    wanted: tokens.RoleTokens, *, room: CustomObject, now: datetime, version: str = "3"
) -> TokenSecret:
    """Return the Secret as it is after the operator has written it."""
    issue = tokens.issue(wanted, reason="test", owner_uid=room.uid, now=now)
    return received(issue, room=room, version=version)


def received(issue: tokens.Issue, *, room: CustomObject, version: str = "3") -> TokenSecret:
    """Return what the API server hands out after this issuing was sent."""
    signed = {identity: f"token of {identity}" for identity in issue.tokens.identities}
    body = token_secret.body(issue, signed, room=room)
    body["metadata"] |= {"uid": f"uid-of-{issue.tokens.secret_name}", "resourceVersion": version}
    return TokenSecret.from_body(body)


def withdrawn(role: str) -> tokens.RoleTokens:
    """Return the tokens of a role that is not declared any more."""
    return tokens.RoleTokens(
        role=role,
        secret_name=f"{KEY.name}.{role}",
        identities=(role,),
        room=NAME,
        url=ACCEPTED.url,
        video={"roomJoin": True},
        room_config={},
        ttl=3600,
        renew_before=1200,
        signing_key=SIGNING_KEY,
    )


def config(**changes: Any) -> RoomConfig:
    """Return the configuration that an empty spec asks for, but for the changes."""
    return replace(rooms.config(RoomSpec()), **changes)
