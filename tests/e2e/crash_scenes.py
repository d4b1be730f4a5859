"""Recordings whose operators are killed: one namespace, room and operator each, all of them side by side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.e2e.looks import stranger
from tests.e2e.studio import ROOM, Studio
from tests.e2e.support import RESYNC_SECONDS, http_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.crowd import Crowd
    from tests.e2e.manifests.base import JSON
    from tests.e2e.nursery import Life, Nursery

LOOK_SECONDS = 0.2
LONGEST_SECONDS = 150  # for whatever is waited for: more than the window of an ambiguous start
# Operators at a time: to start and to end is all CPU, to run is next to none. Nobody waits for what comes before.
STARTING, FOLLOWING, ENDING = (threading.Semaphore(number) for number in (2, 2, 4))


def until(what: str, check: Callable[[], Any], *, seconds: float = LONGEST_SECONDS) -> None:
    """Wait without a word: many scenes wait at the same time."""
    deadline, seen = time.monotonic() + seconds, ""
    while True:
        try:
            if check():
                return
        except LookupError as error:
            seen = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} {seen}")
        time.sleep(LOOK_SECONDS)


class View:
    """All Rooms and Recordings as they are now, by one watch for all who ask."""

    def __init__(self, stack: LocalStack) -> None:
        self._found: dict[tuple[str, str, str], JSON] = {}
        how = ("-A", "--watch", "--output-watch-events", "-o", "json")
        self._watches = [
            subprocess.Popen(
                [str(stack.kubectl_path), "get", kind, *how],
                env={**os.environ, "KUBECONFIG": str(stack.kubeconfig)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for kind in ("rooms", "recordings")
        ]
        for watch in self._watches:
            threading.Thread(target=self._follow, args=(watch,), daemon=True).start()

    def get(self, kind: str, namespace: str, name: str) -> JSON | None:
        """Return an object."""
        assert all(watch.poll() is None for watch in self._watches), "kubectl has ended"
        return self._found.get((kind, namespace, name))

    def close(self) -> None:
        """Look no more."""
        for watch in self._watches:
            watch.kill()
            watch.communicate()

    def _follow(self, watch: subprocess.Popen[str]) -> None:
        assert watch.stdout
        for line in watch.stdout:
            event = json.loads(line)
            if event["type"] == "DELETED":
                self._found.pop(_key(event["object"]), None)
            else:
                self._found[_key(event["object"])] = event["object"]


def _key(item: JSON) -> tuple[str, str, str]:
    return item["kind"].lower(), item["metadata"]["namespace"], item["metadata"]["name"]


@dataclass(frozen=True, slots=True)
class Point:
    """A call at which an operator ends, before or after it took effect."""

    phase: str
    call: str
    number: int  # which of these calls in the phase
    when: str
    then: str = ""  # what is asked for while nobody works

    @property
    def aim(self) -> str:
        """What has to come true in the end."""
        return self.then or self.phase


class Scene(Studio):
    """One Recording, and its operator that ends at a point and is followed by one that does not."""

    def __init__(
        self, stack: LocalStack, nursery: Nursery, view: View, *, log: Path, port: int, point: Point | None
    ) -> None:
        super().__init__(stack, f"t-{uuid.uuid4().hex[:8]}")
        self.point = point
        self.was_killed = False
        self.asked_in_vain: datetime | None = None  # a start may have been on its way, and nothing came of it
        self.seconds = 0.0  # from the end of the operator until all was right
        self._nursery = nursery
        self._view = view
        self._port = port
        self._log = log
        self._calls = log.with_suffix(".calls")
        self._life: Life | None = None

    def declared(self) -> list[JSON]:
        """Return what has to be there before anything can be recorded."""
        made = [
            self.s3_keys("archive-keys", self.access_key),
            self.storage("archive", default=True),
            self.room(ROOM, departureTimeoutSeconds=1),
        ]
        for one in made:
            one["metadata"]["namespace"] = self.namespace
        return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}, *made]

    def get(self, kind: str, name: str) -> JSON | None:
        """Read a Room or Recording as everybody does at once."""
        return self._view.get(kind, self.namespace, name)

    def begin(self, crowd: Crowd) -> None:
        """Start the operator, let somebody join, and declare the Recording."""
        self._start(STARTING, mortal=True)
        until("the Room is Ready", lambda: self.get("room", ROOM) and self.is_ready(ROOM))
        assert crowd.join(self.namespace, stranger(self.stack.livekit, self.room_name, "alice"))
        self.record()

    def play(self, crowd: Crowd) -> None:
        """Let the operator end at its point, start another, and wait until the world is right."""
        assert self.point
        self.begin(crowd)
        if self.point.phase != "start":
            until("it is recorded", self.is_recorded)
            self.ask(self.point.phase)
        self._await_end(self.point.phase)
        self.ask(self.point.then)
        self.follow(self.point.aim)
        if self.point.aim != "start":  # what records is watched for longer
            crowd.leave(self.namespace)
            self.end()

    def follow(self, aim: str) -> None:
        """Start an operator after the one that was killed, at last now, and wait until all is right."""
        if self._life:
            self._life.end(signal.SIGKILL)
        began = time.monotonic()
        self._start(FOLLOWING)
        self.right(aim)
        self.seconds = time.monotonic() - began

    def ask(self, phase: str) -> None:
        """Ask for what the phase is about."""
        if phase == "stop":
            self.stop()
        elif phase == "delete":
            self.delete("recording", "talk")

    def right(self, phase: str) -> None:
        """Wait until it is as declared."""
        until(f"{phase} is done", getattr(self, f"_is_right_after_{phase}"))

    def is_recorded(self) -> bool:
        """Tell whether the worker records, it alone, and status knows."""
        status = self.status()
        running = [one.id for one in self.egresses() if one.running]
        return status.get("state") == "Active" and running == [status["egressID"]]

    def calls(self) -> list[JSON]:
        """Return the calls that were made for the Recording."""
        return [json.loads(line) for line in self._calls.read_text().splitlines()]

    def end(self) -> None:
        """Delete what there is, and end the operator."""
        with ENDING:
            if self._is_running and self.get("room", ROOM):
                self.stack.kubectl(
                    "delete", "recordings,rooms", "--all", "-n", self.namespace, "--wait=false"
                )
                until("all is gone", lambda: not self.get("room", ROOM) and not self.get("recording", "talk"))
            if self._life:
                self._life.end()
                self._nursery.check(self._log)

    def once(self) -> None:
        """Fail if a second egress ever ran, be it after the first, or if media are not there."""
        ran = self.egresses()
        has_to_be = 0 if self.point and self.point.then else 1
        assert has_to_be <= len(ran) <= 1, [(one.id, one.started, one.ended) for one in ran]
        assert not any(one.running for one in ran)
        assert len(self.objects()) == sum(one.status == "EGRESS_COMPLETE" for one in ran)

    def _is_right_after_start(self) -> bool:
        return self.is_recorded()

    def _is_right_after_stop(self) -> bool:
        found = self.get("recording", "talk")
        is_let_go = found is not None and not found["metadata"].get("finalizers")
        return is_let_go and self.state() == "Stopped" and self._has_ended()

    def _is_right_after_delete(self) -> bool:
        return self.get("recording", "talk") is None and self._has_ended()

    def _has_ended(self) -> bool:
        return not any(one.running for one in self.egresses())

    def _await_end(self, phase: str) -> None:
        """Wait for the operator to end itself, and note what it left; it may make no such call this time."""
        is_done = getattr(self, f"_is_right_after_{phase}")
        until("it ends or is done", lambda: not self._is_running or is_done())
        # What follows by itself may come with a resync.
        patience = time.monotonic() + (2.5 * RESYNC_SECONDS if phase == "start" else 1)
        while self._is_running and time.monotonic() < patience:
            time.sleep(LOOK_SECONDS)
        if self._is_running:
            return
        assert [one["call"] for one in self.calls() if one["killed"]] == [self.point.call]
        self.was_killed = True
        attempts = json.loads(self._kubectl_status()).get("attempts", ())
        if attempts and not attempts[-1].get("egressID") and not self.egresses():
            self.asked_in_vain = datetime.fromisoformat(attempts[-1]["requestedAt"])

    def _kubectl_status(self) -> str:
        where = ("-n", self.namespace, "--ignore-not-found")
        return self.stack.kubectl("get", "recording", "talk", *where, "-o", "jsonpath={.status}") or "{}"

    @property
    def _is_running(self) -> bool:
        return self._life is not None and self._life.is_running

    def _start(self, turn: threading.Semaphore, *, mortal: bool = False) -> None:
        """Start an operator of this namespace; it may have ended before anybody sees that it is ready."""
        at = self.point
        end = (at.phase, at.call, at.number, at.when) if at else ()
        more: Any = {"calls": self._calls, "end": end} if mortal else {}
        ready = f"http://127.0.0.1:{self._port}/readyz"
        with turn:
            self._life = self._nursery.start(self.namespace, self._port, log=self._log, **more)
            until("it is ready", lambda: http_status(ready) == 200 or not self._is_running)
