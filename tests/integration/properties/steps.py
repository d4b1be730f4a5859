"""What happens in the world, as values: each says what it does and can be done once more from a printed example."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials, Permission
from tests.integration.properties.specs import APPLICATION_KEY, STRANGERS, specs
from tests.integration.properties.world import NAMESPACE, World

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

NAMES = ("one", "two")


@dataclass(frozen=True, slots=True)
class Declare:
    """Apply a Room: create it, or edit it. The lifecycle Once is for ever."""

    name: str
    spec: dict[str, Any]

    async def happen(self, world: World) -> None:
        body = world.room(self.name)
        if body is None:
            metadata = {"namespace": NAMESPACE, "name": self.name}
            new = {"apiVersion": common.API_VERSION, "kind": "Room", "metadata": metadata, "spec": self.spec}
            world.kubernetes.store.create(ROOMS, new)
            return
        before, after = body["spec"], dict(self.spec)
        if "Once" in (before["lifecycle"], after["lifecycle"]):
            after["lifecycle"] = before["lifecycle"]
        patch = {"spec": _difference(before, after)}
        world.kubernetes.store.patch(ROOMS, namespace=NAMESPACE, name=self.name, patch=patch)


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a Room."""

    name: str

    async def happen(self, world: World) -> None:
        if world.room(self.name):
            world.kubernetes.store.delete(ROOMS, namespace=NAMESPACE, name=self.name)


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """Somebody deletes the room in LiveKit."""

    name: str

    async def happen(self, world: World) -> None:
        room = world.livekit.rooms.get(f"{NAMESPACE}_{self.name}")
        if room and not room.is_ghost:
            world.livekit._close(room)


@dataclass(frozen=True, slots=True)
class RestartLiveKit:
    """LiveKit ends and starts again, with or without its records."""

    is_wiped: bool

    async def happen(self, world: World) -> None:
        if self.is_wiped:
            world.livekit.wipe()
        else:
            world.livekit.restart_keeping_records()


@dataclass(frozen=True, slots=True)
class Join:
    """Somebody joins with a token that was issued at some time; the last is number 0."""

    number: int

    async def happen(self, world: World) -> None:
        tokens = list(world.issued.values())
        if tokens:
            chosen = tokens[-1 - self.number % len(tokens)]
            world.livekit.join_with(chosen.token, chosen.owner_uid)


@dataclass(frozen=True, slots=True)
class JoinAsStranger:
    """Somebody joins with a token of the application's own."""

    name: str
    identity: str

    async def happen(self, world: World) -> None:
        world.livekit.join_as_stranger(f"{NAMESPACE}_{self.name}", self.identity)


@dataclass(frozen=True, slots=True)
class Leave:
    """Somebody leaves."""

    number: int

    async def happen(self, world: World) -> None:
        people = [(name, someone) for name in world.livekit.rooms for someone in world.livekit.people(name)]
        if people:
            name, someone = people[self.number % len(people)]
            world.livekit.leave(name, someone.identity)


@dataclass(frozen=True, slots=True)
class Promote:
    """The application changes what somebody may do."""

    number: int

    async def happen(self, world: World) -> None:
        people = [(room, one) for room in world.livekit.rooms.values() for one in room.participants.values()]
        if people:
            room, someone = people[self.number % len(people)]
            everything = Permission(can_publish=True, can_publish_data=True)
            room.participants[someone.identity] = replace(someone, permission=everything)
            world.livekit.joins[someone.sid].is_touched = True


@dataclass(frozen=True, slots=True)
class WriteMetadata:
    """The application writes a room's metadata: a key of its own, or over a declared one."""

    name: str
    key: str
    value: int

    async def happen(self, world: World) -> None:
        room = world.livekit.rooms.get(f"{NAMESPACE}_{self.name}")
        if room and not room.is_ghost:
            with contextlib.suppress(ValueError):
                before = json.loads(room.live.metadata or "{}")
                room.live = replace(room.live, metadata=json.dumps({**before, self.key: self.value}))


@dataclass(frozen=True, slots=True)
class SpoilSecret:
    """Somebody deletes or edits a token Secret."""

    number: int
    how: str  # delete, empty, forge, strip

    async def happen(self, world: World) -> None:
        secrets = world.token_secrets()
        if not secrets:
            return
        where = secrets[self.number % len(secrets)]["metadata"]
        place = {"namespace": where["namespace"], "name": where["name"]}
        if self.how == "delete":
            world.kubernetes.store.delete(SECRETS, **place)
            return
        patch: dict[str, Any] = {
            "empty": {"data": {"LIVEKIT_TOKEN": None}},
            "forge": {"data": {"LIVEKIT_TOKEN": "Zm9yZ2Vk"}},
            "strip": {"metadata": {"annotations": {common.ANNOTATION_GRANTS_HASH: "0"}}},
        }[self.how]
        world.kubernetes.store.patch(SECRETS, **place, patch=patch)


@dataclass(frozen=True, slots=True)
class RotateKey:
    """The API key is replaced, or its secret alone; in LiveKit or in Kubernetes first, the other after `between`."""

    is_new_key: bool
    is_livekit_first: bool
    between: float  # seconds

    async def happen(self, world: World) -> None:
        old = world.declared_key
        number = int(old.api_secret.split("-")[1]) + 1
        key = f"key-{number}" if self.is_new_key else old.api_key
        world.declared_key = Credentials(key, f"secret-{number}-of-at-least-thirty-two-characters")
        steps = [lambda: self._in_livekit(world, old), world.put_credentials]
        for step in steps if self.is_livekit_first else reversed(steps):
            step()
            await world.pass_time(self.between)

    def _in_livekit(self, world: World, old: Credentials) -> None:
        world.livekit.accepted.add(world.declared_key)
        if not self.is_new_key:
            world.livekit.accepted.discard(old)
        world.webhook_key = world.declared_key


@dataclass(frozen=True, slots=True)
class KillOperator:
    """The operator dies before the call that it makes after so many, and another one starts `later`."""

    after_calls: int
    later: float  # seconds

    async def happen(self, world: World) -> None:
        world.was_killed = True
        world.fuse.calls_left = self.after_calls
        await world.work()
        await world.stop()
        await world.pass_time(self.later)
        await world.start()


@dataclass(frozen=True, slots=True)
class PassTime:
    """Time passes, and all is done that is due."""

    seconds: float

    async def happen(self, world: World) -> None:
        await world.pass_time(self.seconds)


@dataclass(frozen=True, slots=True)
class SetClock:
    """The wall clock is set ahead."""

    seconds: float

    async def happen(self, world: World) -> None:
        await world.set_clock_ahead(self.seconds)


@dataclass(frozen=True, slots=True)
class Work:
    """Some keys are reconciled; late: events stay on the way meanwhile."""

    keys: int
    is_late: bool = False

    async def happen(self, world: World) -> None:
        await world.work(self.keys, is_late=self.is_late)


@dataclass(frozen=True, slots=True)
class LoseEvents:
    """A watch breaks: what is on the way is lost, and the objects are listed again."""

    async def happen(self, world: World) -> None:
        await world.lose_events()


@dataclass(frozen=True, slots=True)
class Webhooks:
    """LiveKit's webhooks arrive from now on, or not."""

    arrive: bool

    async def happen(self, world: World) -> None:
        world.webhooks_arrive = self.arrive


Step = (
    Declare | Delete | CloseRoom | RestartLiveKit | Join | JoinAsStranger | Leave | Promote | WriteMetadata
    | SpoilSecret | RotateKey | KillOperator | PassTime | SetClock | Work | LoseEvents | Webhooks
)  # fmt: skip


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch from one object to another."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        known = before.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            value = _difference(known, value)  # noqa: PLW2901 - the same value, as a patch says it
        patch[name] = value
    return patch


@dataclass(frozen=True, slots=True)
class _Weights:
    """How often a kind of step is drawn, by repeating it: edits, joins and work are what the rest happens to."""

    steps: list[SearchStrategy[Step]] = field(default_factory=list)

    def add(self, weight: int, *strategies: SearchStrategy[Step]) -> None:
        for strategy in strategies:
            self.steps.extend([strategy] * weight)


def declarations(name: str) -> SearchStrategy[Declare]:
    """Draw a Room of that name."""
    return st.builds(Declare, st.just(name), specs(name))


def steps() -> SearchStrategy[Step]:
    """Draw one step."""
    names, numbers = st.sampled_from(NAMES), st.integers(0, 7)
    drawn = _Weights()
    drawn.add(
        4,
        st.one_of([declarations(name) for name in NAMES]),
        st.builds(Join, numbers),
        st.builds(Work, st.integers(1, 6), st.booleans()),
        st.builds(PassTime, st.sampled_from((1.0, 10.0, 61.0, 125.0))),
    )
    drawn.add(
        2,
        st.builds(CloseRoom, names),
        st.builds(Leave, numbers),
        st.builds(Promote, numbers),
        st.builds(SpoilSecret, numbers, st.sampled_from(("delete", "empty", "forge", "strip"))),
        st.builds(KillOperator, st.integers(0, 12), st.sampled_from((0.0, 5.0, 700.0))),
        st.builds(RestartLiveKit, st.booleans()),
    )
    drawn.add(
        1,
        st.builds(Delete, names),
        st.builds(JoinAsStranger, names, st.sampled_from(STRANGERS)),
        st.builds(
            WriteMetadata, names, st.sampled_from((APPLICATION_KEY, "topic", "level")), st.integers(0, 2)
        ),
        st.builds(RotateKey, st.booleans(), st.booleans(), st.sampled_from((0.0, 30.0, 200.0))),
        st.builds(PassTime, st.sampled_from((700.0, 2000.0, 4000.0))),
        st.builds(SetClock, st.sampled_from((30.0, 1500.0, 4000.0))),
        st.builds(LoseEvents),
        st.builds(Webhooks, st.booleans()),
    )
    return st.one_of(drawn.steps)
