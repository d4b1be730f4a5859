"""An operator of one Recording, as the engine is one: it may die at every effect, and then knows what status says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.recording import RecordingSpec
from roomkeeper.domain import (
    attempts,
    markers,
    recording_plan,
    recording_source,
    recording_stop,
    recordings,
)
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.objects import CustomObject
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_status import conclude
from roomkeeper.domain.recordings import RecordingWorld
from roomkeeper.domain.rooms import AddFinalizer
from roomkeeper.engine.egresses import UNANSWERED_STOPS
from roomkeeper.engine.recording_reconciler import MAX_PASSES
from tests.unit.domain.builders import NAME
from tests.unit.domain.recording_model import NobodyError, NotThereError, RefusedError, UnansweredError
from tests.unit.domain.recording_parts import CREATED, KEY, OWN, UID
from tests.unit.domain.requests import request
from tests.unit.domain.shown import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.domain.recordings import Action
    from tests.unit.domain.recording_model import LiveKit

DOWN = Finding(Reason.SERVER_UNREACHABLE, "told by the model")
UNANSWERED = Finding(Reason.START_UNANSWERED, "told by the model")


class KilledError(Exception):
    """The process is no more."""


@dataclass
class Stored:
    """The object, as the API server has it."""

    spec: dict[str, Any]
    status: Mapping[str, Any] = field(default_factory=lambda: {"observedGeneration": -1})
    annotations: dict[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    deleted_at: datetime | None = None
    is_there: bool = True
    orphans: tuple[str, ...] = ()

    def seen(self) -> CustomObject:
        """Return it as the operator reads it."""
        return CustomObject(
            key=KEY,
            uid=UID,
            resource_version="1",
            generation=1,
            created_at=CREATED,
            deleted_at=self.deleted_at,
            finalizers=self.finalizers,
            spec=self.spec,
            status=self.status,
            annotations=self.annotations,
        )

    def release(self) -> None:
        """Take our finalizer away; what is deleted and held by nobody is gone."""
        self.finalizers = ()
        self.is_there = self.deleted_at is None

    @property
    def state(self) -> str:
        """What the column shows."""
        return str(self.status.get("state", ""))


@dataclass
class Memory:
    """What dies with the process."""

    unanswered: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    empty_since: datetime | None = None


@dataclass
class Operator:
    """Reconciles as the engine does. `fuse`: before which of its effects it dies; None: it lives."""

    livekit: LiveKit
    stored: Stored
    memory: Memory = field(default_factory=Memory)
    fuse: int | None = None
    pause: float = 0.0  # between the intent and the start
    was_killed: bool = False

    def reconcile(self) -> Outcome:
        """Read the level, make it so, say what is. KilledError: the process died, and another one has to go on."""
        self.was_killed = False
        if not self.stored.is_there:
            return Done()
        try:
            world = self._make_so(self._gather())
            conclusion = conclude(world)
            SCHEMA.validate(conclusion.status)
            if not world.is_gone:
                self._burn()
                self.stored.status = conclusion.status
                self._burn()
        except KilledError:
            self.memory, self.fuse, self.was_killed = Memory(), None, True
            return Retry()
        return conclusion.outcome

    def _burn(self) -> None:
        """Die, if it is time to."""
        if self.fuse == 0:
            raise KilledError
        if self.fuse is not None:
            self.fuse -= 1

    def _make_so(self, world: RecordingWorld) -> RecordingWorld:
        for _ in range(MAX_PASSES):
            world = self._complete(world)
            actions = recording_plan.plan(world)
            if not actions:
                return world
            for action in actions:
                self._burn()
                world = self._execute(action, world)
                self._burn()
                if world.failure or world.is_gone:
                    break
        assert recording_plan.plan(world) == (), "it plans for ever"
        return world

    def _gather(self) -> RecordingWorld:
        recording = self.stored.seen()
        world = RecordingWorld(
            recording=recording,
            spec=RecordingSpec.model_validate(recording.spec),
            spec_error="",
            now=self.livekit.now,
            server=OWN,
            room_name=NAME,
        )
        if recordings.has_ended(world):
            return world
        try:
            return self._look(world)
        except ConnectionError:
            return replace(world, failure=DOWN)

    def _look(self, world: RecordingWorld) -> RecordingWorld:
        attempt = recordings.current(world)
        if attempt is None or not attempt.egress_id:
            return world
        egress = self.livekit.read(attempt.egress_id)
        if egress is None:
            return replace(world, is_lost=True)
        world = replace(world, egress=egress)
        if egress.state.is_live:
            world = self._see_who_is_there(world, egress.id)
        is_gone = self._is_gone(egress.id, world)
        return replace(world, gone=frozenset({egress.id}) if is_gone else frozenset())

    def _see_who_is_there(self, world: RecordingWorld, egress_id: str) -> RecordingWorld:
        there = self.livekit.who()
        is_there = any(someone.identity == egress_id for someone in there)
        missing = self.memory.missing
        missing[egress_id] = 0 if is_there else missing[egress_id] + 1
        since = None if recording_source.people(there) else self.memory.empty_since or self.livekit.now
        self.memory.empty_since = since
        empty = (self.livekit.now - since).total_seconds() + 0.001 if since else 0.0
        return replace(world, participants=there, missing_looks=missing[egress_id], empty_seconds=empty)

    def _is_gone(self, egress_id: str, world: RecordingWorld) -> bool:
        limit = 1 if recording_stop.is_missing(world) else UNANSWERED_STOPS
        return self.memory.unanswered[egress_id] >= limit

    def _complete(self, world: RecordingWorld) -> RecordingWorld:
        if world.failure:
            return world
        try:
            if recording_plan.needs_search(world):
                world = self._search(world)
            if recording_plan.needs_room(world):
                live = self.livekit.look()
                there = self.livekit.who()
                world = replace(world, live=live, is_room_gone=live is None, participants=there)
        except ConnectionError:
            return replace(world, failure=DOWN)
        if recording_plan.needs_request(world) and world.spec:
            number = recording_plan.next_number(world)
            world = replace(world, request=request(world.spec, number=number))
        return world

    def _search(self, world: RecordingWorld) -> RecordingWorld:
        found = self.livekit.found()
        attempt = recordings.current(world)
        ours = markers.with_marker(found, attempt.marker) if attempt and not attempt.egress_id else None
        return replace(world, found=found, egress=ours or world.egress)

    def _execute(self, action: Action, world: RecordingWorld) -> RecordingWorld:
        match action:
            case AddFinalizer():
                self.stored.finalizers = (common.FINALIZER,)
            case recordings.ReleaseRecording():
                self.stored.release()
                self.stored.orphans = action.orphans
                return replace(world, recording=self.stored.seen(), is_gone=True)
            case recordings.DeclareAttempt():
                return self._declare(action.attempt, world)
            case recordings.DeclareStop():
                self.stored.status = {**self.stored.status, "stopReason": str(action.reason)}
            case recordings.MirrorEnd():
                self.stored.annotations[common.ANNOTATION_LAST_ATTEMPT] = action.text
                self.stored.release()
            case recordings.DeleteRecording():
                self.stored.is_there = False
                return replace(world, is_gone=True)
            case _:
                return self._ask_livekit(action, world)
        return replace(world, recording=self.stored.seen())

    def _declare(self, attempt: attempts.Attempt, world: RecordingWorld) -> RecordingWorld:
        attempt = replace(attempt, requested_at=self.livekit.now)
        known = [one for one in recordings.all_attempts(world) if one.number != attempt.number]
        status = {
            **self.stored.status,
            "state": "Starting",
            "attempts": [one.render() for one in (*known, attempt)],
        }
        status.pop("stopReason", None)
        self.stored.status = status
        self.livekit.now += timedelta(seconds=self.pause)
        return replace(world, recording=self.stored.seen(), egress=None, is_declared=True)

    def _ask_livekit(self, action: Action, world: RecordingWorld) -> RecordingWorld:
        try:
            match action:
                case recordings.StartEgress():
                    return self._start(action, world)
                case recordings.StopEgress():
                    return self._stop(action.egress_id, world)
        except ConnectionError:
            return replace(world, failure=DOWN)
        raise TypeError(action)

    def _start(self, action: recordings.StartEgress, world: RecordingWorld) -> RecordingWorld:
        world = replace(world, is_declared=False, was_asked=True)
        try:
            return replace(world, egress=self.livekit.start(action.request))
        except NotThereError:
            return replace(world, is_unmade=True, live=None, is_room_gone=True)
        except RefusedError:
            return replace(world, is_refused=True)
        except PermissionError:
            return replace(world, is_unmade=True, failure=Finding(Reason.INVALID_CREDENTIALS, "told"))
        except (UnansweredError, ConnectionError):
            return replace(world, failure=UNANSWERED)

    def _stop(self, egress_id: str, world: RecordingWorld) -> RecordingWorld:
        world = replace(world, was_told_to_stop=True)
        try:
            egress = self.livekit.stop(egress_id)
        except (NotThereError, RefusedError):
            return world
        except NobodyError:
            self.memory.unanswered[egress_id] += 1
            return replace(world, gone=world.gone | {egress_id}) if self._is_gone(egress_id, world) else world
        self.memory.unanswered.pop(egress_id, None)
        is_current = world.egress is not None and world.egress.id == egress_id
        return replace(world, egress=egress) if is_current else world


def comes_back_in(outcome: Outcome) -> float | None:
    """Return the seconds until the key is looked at again; None: something has to wake it."""
    match outcome:
        case Done(due_in=seconds) | Stalled(recheck_in=seconds) | Waiting(seconds=seconds):
            return seconds
        case Retry():
            return 1.0
