"""Many Recordings side by side in one namespace, each of a room of its own with somebody in it."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from tests.e2e.crowd import Crowd
from tests.e2e.looks import stranger
from tests.e2e.studio import Studio, opened
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.manifests.base import JSON


class Hall(Studio):
    """Its rooms are named as the Recordings in them."""

    def __init__(self, stack: LocalStack, crowd: Crowd) -> None:
        super().__init__(stack, f"t-{uuid.uuid4().hex[:8]}")
        self.began = time.monotonic()  # when the Recordings were declared
        self._crowd = crowd

    def room_of(self, name: str) -> str:
        """Return the room on LiveKit."""
        return f"{self.namespace}_{name}"

    def occupy(self, *names: str) -> None:
        """Make rooms, and have alice join each of them."""
        self.apply(*(self.room(name, departureTimeoutSeconds=1) for name in names))
        eventually("the Rooms are Ready", lambda: len(self.ready_rooms()) > len(names), within=5)
        joins = [
            self._crowd.begin_join(room, stranger(self.stack.livekit, room, "alice"))
            for room in map(self.room_of, names)
        ]
        assert {one.result(30) for one in joins} == {"joined"}

    def begin(self, recordings: Mapping[str, JSON]) -> None:
        """Declare Recordings, by name what is special about them."""
        self.apply(
            *(self.recording(name, roomRef={"name": name}, **spec) for name, spec in recordings.items())
        )
        self.began = time.monotonic()

    def leave(self, name: str) -> None:
        """Have alice leave; the room closes a second later."""
        self._crowd.leave(self.room_of(name))

    def becomes(self, name: str, state: str, *, within: float = 5) -> JSON:
        """Wait for a state, and return the status."""

        def is_so() -> bool:
            assert self.is_(state, name), self.status(name)
            return True

        eventually(f"{name} is {state}", is_so, within=within)
        print(f"{name}: {state} {time.monotonic() - self.began:.1f} s after they were declared")
        return self.status(name)

    def verdict(self, name: str, kind: str = "Ready") -> tuple[str, str]:
        """Return status and reason of a condition."""
        found = self.recording_condition(name, kind)
        return found["status"], found["reason"]

    def age_at(self, name: str, moment: str) -> float:
        """Return for how many seconds a Recording was there at a time."""
        found = self.get("recording", name)
        assert found
        created = datetime.fromisoformat(found["metadata"]["creationTimestamp"])
        return (datetime.fromisoformat(moment) - created).total_seconds()

    def asked(self, name: str) -> list[StandinEgress]:
        """Return every start that reached the worker, those that it did not take too."""
        return self.stack.egress_standin.egresses(self.room_of(name))

    def files(self, name: str) -> list[str]:
        """Return the media of a Recording in the bucket."""
        return self.objects(f"{name}-")

    def reasons(self, name: str) -> list[str]:
        """Return the reasons of the Events about a Recording."""
        return [reason for _, reason, _ in self.told(name)]


@contextmanager
def hall(stack: LocalStack) -> Iterator[Hall]:
    """Open a hall, with a crowd of its own."""
    with Crowd() as crowd, opened(Hall(stack, crowd)) as here:
        yield here
