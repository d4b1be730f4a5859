"""Recordings that read as adjectives: `a_recording().held().failed().active().with_people("alice").build()`.

Every step returns another builder, and nothing is computed before `build`, so the order of the steps is free; but for
the attempts, which stand in the order in which they were made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.recording import RecordingSpec
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts, markers, rooms
from roomkeeper.domain.attempts import Attempt
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.egress import Egress, EgressRequest, EgressState
from roomkeeper.domain.livekit import LiveRoom, Participant, RoomConfig
from roomkeeper.domain.objects import CustomObject, Key
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_status import conclude
from roomkeeper.domain.recordings import RecordingWorld
from tests.unit.domain.builders import NAME, NOW
from tests.unit.domain.recording_parts import CREATED, KEY, OWN, SOURCES, UID, an_egress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.storages import Storage


@dataclass(frozen=True, slots=True)
class RecordingBuilder:
    """One Recording and what is around it. It starts new: not held, its room not looked at, a server that answers."""

    spec: Mapping[str, Any] = field(
        default_factory=lambda: {
            "roomRef": {"name": "standup"},
            "source": {"roomComposite": {}},
            "outputs": {"file": {}},
        }
    )
    status: Mapping[str, Any] = field(default_factory=lambda: {"observedGeneration": -1})
    attempts: tuple[Attempt, ...] = ()
    finalizers: tuple[str, ...] = ()
    generation: int = 1
    deleted_at: datetime | None = None
    created_at: datetime = CREATED
    uid: str = UID
    namespace: str = KEY.namespace
    room_name: str = NAME
    server: rooms.Server | None = OWN
    now: datetime = NOW
    annotations: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)  # fields of the World as they are

    # What is declared.

    def declaring(self, **spec: Any) -> RecordingBuilder:
        """Declare fields of the spec, in camelCase as people write them."""
        return replace(self, spec={**self.spec, **spec})

    def undeclaring(self, *names: str) -> RecordingBuilder:
        """Leave fields of the spec out."""
        return replace(self, spec={name: value for name, value in self.spec.items() if name not in names})

    def of(self, source: str, /, **fields: Any) -> RecordingBuilder:
        """Record that source."""
        return self.declaring(source={source: {**SOURCES[source], **fields}})

    def of_a_page(self) -> RecordingBuilder:
        """Record a web page, which has no room."""
        return replace(self.of("web").undeclaring("roomRef"), room_name="")

    def storing(self, **outputs: Any) -> RecordingBuilder:
        """Have these outputs and no others."""
        return self.declaring(outputs=outputs)

    def streaming(self) -> RecordingBuilder:
        """Send it to addresses, and store nothing."""
        return self.storing(stream={"urlsSecretRef": {"name": "urls"}})

    def unreadable(self) -> RecordingBuilder:
        """Have a spec that this version does not understand."""
        return self.having(spec=None, spec_error="spec.start: unknown")

    # The object.

    def held(self) -> RecordingBuilder:
        """Carry our finalizer."""
        return replace(self, finalizers=(common.FINALIZER,))

    def deleted(self, seconds_ago: float = 1) -> RecordingBuilder:
        """Carry a deletionTimestamp."""
        return replace(self, deleted_at=self.now - timedelta(seconds=seconds_ago))

    def created(self, seconds_ago: float) -> RecordingBuilder:
        """Be as old as that."""
        return replace(self, created_at=self.now - timedelta(seconds=seconds_ago))

    def at(self, now: datetime) -> RecordingBuilder:
        """Be looked at at that moment."""
        return replace(self, now=now)

    def edited(self) -> RecordingBuilder:
        """Have a newer generation."""
        return replace(self, generation=self.generation + 1)

    def annotated(self, **annotations: str) -> RecordingBuilder:
        """Carry these annotations of ours, with hyphens for underscores."""
        named = {f"{common.GROUP}/{name.replace('_', '-')}": value for name, value in annotations.items()}
        return replace(self, annotations={**self.annotations, **named})

    def with_status(self, **status: Any) -> RecordingBuilder:
        """Have been given that status before."""
        return replace(self, status={**self.status, **status})

    def concluded(self) -> RecordingBuilder:
        """Carry the status that fits what is built so far."""
        status = conclude(self.build()).status
        return replace(self, status=status, attempts=attempts.read(status))

    # Attempts.

    def attempted(self, attempt: Attempt, state: RecordingState | None = None) -> RecordingBuilder:
        """Have made one more attempt."""
        known = self.with_status(state=str(state or attempt.state))
        return replace(known, attempts=(*self.attempts, attempt))

    def armed(self) -> RecordingBuilder:
        """Have been seen, and wait."""
        return self.with_status(state="Armed", observedGeneration=self.generation)

    def unanswered(self, seconds_ago: float = 5) -> RecordingBuilder:
        """Have written an intent, and know nothing of what came of it."""
        asked = self.now - timedelta(seconds=seconds_ago)
        return self.attempted(attempts.intended(self.uid, self._next, at=asked))

    def starting(self, seconds_ago: float = 5) -> RecordingBuilder:
        """Have an egress that has not begun to record."""
        asked = self.now - timedelta(seconds=seconds_ago)
        return self.attempted(self._one(RecordingState.STARTING, requested_at=asked)).seeing(
            EgressState.STARTING, started_at=None
        )

    def active(self, seconds: float = 600) -> RecordingBuilder:
        """Have an egress that has recorded for so long."""
        began = self.now - timedelta(seconds=seconds)
        running = self.attempted(self._one(RecordingState.ACTIVE, started_at=began))
        return running.seeing(EgressState.ACTIVE, started_at=began)

    def ending(self) -> RecordingBuilder:
        """Have an egress that uploads what it has recorded."""
        began = self.now - timedelta(minutes=10)
        running = self.attempted(self._one(RecordingState.ENDING, started_at=began))
        return running.seeing(EgressState.ENDING, started_at=began)

    def failed(self, seconds_ago: float = 120, **fields: Any) -> RecordingBuilder:
        """Have made an attempt that failed, which is over and done with."""
        ended = self.now - timedelta(seconds=seconds_ago)
        usual = {
            "started_at": ended - timedelta(minutes=5),
            "ended_at": ended,
            "error": attempts.WORKER_ERROR,
        }
        one = self._one(RecordingState.FAILED, **{**usual, **fields})
        return self.attempted(one, RecordingState.ARMED).having(egress=None)

    def seeing(self, state: EgressState, **fields: Any) -> RecordingBuilder:
        """Find the egress of the last attempt in that state."""
        last = self.attempts[-1]
        fields.setdefault("started_at", last.started_at)
        return self.having(egress=an_egress(last.number, state, uid=self.uid, **fields))

    def over(self, state: RecordingState, **status: Any) -> RecordingBuilder:
        """Be over."""
        ended = self.now - timedelta(minutes=1)
        began = ended - timedelta(minutes=10)
        one = self._one(state, started_at=began, ended_at=ended)
        known = self.attempted(one).having(egress=None)
        return known.with_status(**{"endedAt": common.rfc3339(ended), **status})

    def stopping(self, reason: str) -> RecordingBuilder:
        """Have written why it is to end."""
        return self.with_status(stopReason=reason)

    # What is around it.

    def on_server(self, state: rooms.ServerState) -> RecordingBuilder:
        """Have a server in that state."""
        return replace(self, server=replace(self.server or OWN, state=state))

    def on(self, **changes: Any) -> RecordingBuilder:
        """Have a server that differs in these fields."""
        return replace(self, server=replace(self.server or OWN, **changes))

    def without_server(self) -> RecordingBuilder:
        """Have no server to turn to."""
        return replace(self, server=None)

    def limited(self, policy: Policy | None = None) -> RecordingBuilder:
        """Have a server of another namespace, under that policy."""
        foreign = {"namespace": "livekit", "name": "main", "uid": "uid-of-the-server"}
        return self.on(namespace="livekit", ref=foreign, policy=policy or Policy())

    def put_on(self, storage: Storage | Finding | None) -> RecordingBuilder:
        """Have that storage."""
        return self.having(storage=storage)

    def with_people(self, *there: Participant) -> RecordingBuilder:
        """Have looked, and found the room with these in it."""
        room = LiveRoom(self.room_name, "RM_1", CREATED, RoomConfig(86400, 20))
        return self.having(live=room, participants=there)

    def without_room(self) -> RecordingBuilder:
        """Have looked, and found no room."""
        return self.having(live=None, is_room_gone=True)

    def among(self, *there: Participant) -> RecordingBuilder:
        """Have looked who is in the room while it records."""
        return self.having(participants=there)

    def searched(self, *found: Egress) -> RecordingBuilder:
        """Have searched LiveKit for egresses of this Recording."""
        return self.having(found=found)

    def ready_to_ask(self) -> RecordingBuilder:
        """Have everything that a request needs."""
        return self.having(request=a_request(self))

    def failing(self, reason: Reason = Reason.SERVER_UNREACHABLE) -> RecordingBuilder:
        """Have met an error of LiveKit in this reconcile."""
        return self.having(failure=Finding(reason, "told by the test"))

    def having(self, **fields: Any) -> RecordingBuilder:
        """Have these fields of the World."""
        return replace(self, more={**self.more, **fields})

    def build(self) -> RecordingWorld:
        """Return the World."""
        status = dict(self.status)
        if self.attempts:
            status["attempts"] = [one.render() for one in self.attempts]
        recording = CustomObject(
            key=Key(KEY.kind, self.namespace, KEY.name),
            uid=self.uid,
            resource_version="7",
            generation=self.generation,
            created_at=self.created_at,
            deleted_at=self.deleted_at,
            finalizers=self.finalizers,
            spec=self.spec,
            status=status,
            annotations=self.annotations,
        )
        world = RecordingWorld(
            recording=recording,
            spec=RecordingSpec.model_validate(self.spec),
            spec_error="",
            now=self.now,
            server=self.server,
            room_name=self.room_name,
        )
        return replace(world, **self.more)

    @property
    def _next(self) -> int:
        return len(self.attempts) + 1

    def _one(self, state: RecordingState, **fields: Any) -> Attempt:
        mark = str(markers.marker(self.uid, self._next))
        return Attempt(self._next, mark, egress_id=f"EG_{self._next}", state=state, **fields)


def a_recording() -> RecordingBuilder:
    """Start with a new Recording of a room composite into a file."""
    return RecordingBuilder()


def a_request(recording: RecordingBuilder) -> EgressRequest:
    """Return something that can be sent."""
    return EgressRequest(RecordingSpec.model_validate(recording.spec).source, recording.room_name)
