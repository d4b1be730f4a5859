"""A namespace whose objects come, change and go by a seed, and what there must be at the end."""

from __future__ import annotations

import contextlib
import json
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from livekit import api

from tests.e2e.looks import dispatches, own_server
from tests.e2e.studio import BUCKET, ROOM, Studio

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.manifests.base import JSON

AGENT = "notetaker"
MOST_RECORDINGS = 6
HOST = {"name": "host", "identities": ["alice"], "grants": {"canPublish": True}, "ttlSeconds": 600}
VIEWER = {"name": "viewer", "ttlSeconds": 600}


class Churn(Studio):
    """Rooms, Recordings of one of them, and schedules that are not due; `declared` is what is applied and not deleted."""

    def __init__(self, stack: LocalStack, namespace: str, seed: int, *, most_rooms: int = 16) -> None:
        super().__init__(stack, namespace)
        self._most_rooms = most_rooms
        self._random = random.Random(seed)
        self._number = 0
        self.declared: dict[tuple[str, str], JSON] = {}  # by kind and name
        self.recorded: list[str] = []  # names of all Recordings there ever were

    def move_in(self, url: str, **server: Any) -> None:
        """Declare a LiveKitServer at an address that leads to the stack's, the storage, and the Room to record."""
        livekit = self.stack.livekit
        self.stack.s3.create_bucket(BUCKET)
        credentials = {"api_key": livekit.api_key, "api_secret": livekit.api_secret}
        own_server(self, livekit=SimpleNamespace(url=url, **credentials), **server)
        self.s3_secret("archive-keys", self.access_key)
        self._put(self.storage("archive", default=True), self._room(ROOM))

    def fill(self) -> None:
        """Declare as many Rooms as there are to be."""
        self._put(*(self._room(self._name("room")) for _ in range(self._most_rooms)))

    def step(self) -> None:
        """Have some objects come, some change and one or two go."""
        rooms = [name for kind, name in self.declared if kind == "Room" and name != ROOM]
        recordings = [name for kind, name in self.declared if kind == "Recording"]
        schedules = [name for kind, name in self.declared if kind == "RecordingSchedule"]
        new = [self._room(self._name("room")) for _ in range(2)]
        edited = [self._room(name) for name in self._some(rooms, 3)]
        new.append(self._recording(self._name("talk")))
        new.append(self._schedule(self._name("daily")))
        self._put(*new, *edited)
        gone = [("Room", name) for name in self._some(rooms, max(1, len(rooms) - self._most_rooms))]
        too_many = max(self._random.randrange(2), len(recordings) - MOST_RECORDINGS)
        gone += [("Recording", name) for name in self._some(recordings, too_many)]
        gone += [("RecordingSchedule", name) for name in self._some(schedules, 1)]
        self.take_away(*gone)

    def take_away(self, *gone: tuple[str, str]) -> None:
        """Delete objects."""
        for key in gone:
            self.declared.pop(key, None)
        names = [f"{kind.lower()}/{name}" for kind, name in gone]
        if names:
            self.stack.kubectl("delete", *names, "-n", self.namespace, "--wait=false", "--ignore-not-found")

    def disturb(self, livekit: LiveKitView) -> None:
        """Have somebody close the room of a Room, of which LiveKit tells."""
        names = [name for kind, name in self.declared if kind == "Room" and name != ROOM]
        for name in self._some(names, 1):
            with contextlib.suppress(api.TwirpError):
                livekit.delete(f"{self.namespace}_{name}")

    def running(self) -> list[str]:
        """Return the Recordings whose egress runs; one that has two comes twice."""
        keys = [_key(one) for one in self.egresses() if one.running]
        return sorted(name for name in self.recorded for key in keys if _is_of(name, key))

    def is_as_declared(self, livekit: LiveKitView) -> bool:
        """Fail with what is not as declared, as kubectl, LiveKit and the worker tell it."""
        rooms = {name for kind, name in self.declared if kind == "Room"}
        self._check_rooms(rooms)
        live = {room.name: room for room in livekit.rooms() if room.name.startswith(f"{self.namespace}_")}
        self._check_live(rooms, live)
        self._check_secrets(rooms)
        self._check_recordings()
        return True

    def unanswered(self) -> set[str]:
        """Return the Recordings whose start got no answer: LiveKit may still do it, so nobody does it again yet."""
        last = {
            one["metadata"]["name"]: one.get("status", {}).get("attempts", [{}])[-1]
            for one in self.list("recordings")
        }
        return {
            name for name, attempt in last.items() if "requestedAt" in attempt and "egressID" not in attempt
        }

    def all_run(self) -> bool:
        """Fail unless each Recording is Active and has one egress, and no other is left."""
        names = {name for kind, name in self.declared if kind == "Recording"}
        states = {
            one["metadata"]["name"]: one.get("status", {}).get("state") for one in self.list("recordings")
        }
        assert states == dict.fromkeys(names, "Active"), states
        running = self.running()
        assert running == sorted(names), f"egresses of {running}, Recordings {sorted(names)}"
        return True

    def starts(self) -> dict[str, int]:
        """Return how many egresses the worker was asked for, by Recording: all there ever were."""
        keys = [_key(one) for one in self.egresses()]
        return {name: sum(_is_of(name, key) for key in keys) for name in self.recorded}

    def doubled_agents(self) -> list[str]:
        """Return the Rooms to which the agent was not sent exactly once."""
        sent = {
            name: [agent for agent, _ in dispatches(self.stack, f"{self.namespace}_{name}")]
            for kind, name in self.declared
            if kind == "Room"
        }
        return [f"{name}: {agents}" for name, agents in sent.items() if agents != [AGENT]]

    def _check_rooms(self, names: set[str]) -> None:
        shown = {room["metadata"]["name"]: room for room in self.list("rooms")}
        assert set(shown) == names, f"objects: {set(shown) ^ names}"
        waiting = [name for name, room in shown.items() if not _is_ready(room)]
        assert not waiting, f"not Ready: {waiting}"
        self._sids = {name: room["status"]["sid"] for name, room in shown.items()}

    def _check_live(self, names: set[str], live: dict[str, Any]) -> None:
        wanted = {f"{self.namespace}_{name}" for name in names}
        assert set(live) == wanted, f"rooms on LiveKit: {set(live) ^ wanted}"
        for name in names:
            room = live[f"{self.namespace}_{name}"]
            assert room.sid == self._sids[name], f"{name}: status names another session"
            assert json.loads(room.metadata) == self.declared["Room", name]["spec"]["metadata"], name

    def _check_secrets(self, rooms: set[str]) -> None:
        wanted = {
            f"{name}.{role['name']}"
            for name in rooms
            for role in self.declared["Room", name]["spec"]["roles"]
        }
        found = {one["metadata"]["name"] for one in self.list("secrets")} - {"main", "archive-keys"}
        assert found == wanted, f"Secrets: {found ^ wanted}"

    def _check_recordings(self) -> None:
        names = {name for kind, name in self.declared if kind == "Recording"}
        shown = {
            one["metadata"]["name"]: one.get("status", {}).get("state") for one in self.list("recordings")
        }
        unanswered = self.unanswered()  # of those that were deleted, too: they are held until it is certain
        assert names <= set(shown) <= names | unanswered, f"Recordings: {set(shown) ^ names}"
        active = {name for name, state in shown.items() if state == "Active"}
        running = self.running()
        assert len(running) == len(set(running)), f"recorded twice: {running}"
        assert set(running) - unanswered == active, f"egresses of {running}, Active are {active}"
        waiting = names - active - unanswered
        assert not waiting, f"not recorded: { ({name: shown[name] for name in waiting}) }"

    def _put(self, *bodies: JSON) -> None:
        self.apply(*bodies)
        self.declared |= {(body["kind"], body["metadata"]["name"]): body for body in bodies}

    def _room(self, name: str) -> JSON:
        self._number += 1
        roles = [HOST, VIEWER] if self._random.random() < 0.5 else [HOST]
        agents = [{"agentName": AGENT, "dispatch": "WithRoom"}]
        topic = {"topic": self._number}
        server = {"name": "main"}
        return self.room(name, serverRef=server, metadata=topic, roles=roles, agents=agents)

    def _recording(self, name: str) -> JSON:
        self.recorded.append(name)
        return self.recording(name, start="Immediately")

    def _schedule(self, name: str) -> JSON:
        return {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "RecordingSchedule",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"schedule": "0 0 1 1 *", "recordingTemplate": {"spec": self.recording("child")["spec"]}},
        }

    def _name(self, what: str) -> str:
        self._number += 1
        return f"{what}-{self._number}"

    def _some(self, names: list[str], number: int) -> list[str]:
        return self._random.sample(names, min(number, len(names)))


def _is_ready(room: JSON) -> bool:
    """Tell whether that was said of the present generation."""
    return any(
        (one["type"], one["status"], one["observedGeneration"])
        == ("Ready", "True", room["metadata"]["generation"])
        for one in room.get("status", {}).get("conditions", ())
    )


def _key(egress: StandinEgress) -> str:
    """Return what an egress was asked to record."""
    return json.dumps(egress.request)


def _is_of(recording: str, key: str) -> bool:
    """Tell whether that is what a Recording wants; a marker follows its name."""
    return f"/{recording}-rk" in key
