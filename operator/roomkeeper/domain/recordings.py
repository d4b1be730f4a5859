"""A Recording's nouns: the World that is known of it, and the actions that change it.

As with Rooms, `recording_plan.plan` turns a World into actions, and `recording_status.conclude` says what status shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.api.recording_status import RecordingState, StopReason
from roomkeeper.domain import attempts
from roomkeeper.domain.livekit import ParticipantKind
from roomkeeper.domain.objects import read_time
from roomkeeper.domain.rooms import AddFinalizer, ServerState

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.api.recording import RecordingSpec
    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.conditions import Finding
    from roomkeeper.domain.egress import Egress, EgressRequest
    from roomkeeper.domain.livekit import LiveRoom, Participant
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.domain.policy import Policy
    from roomkeeper.domain.rooms import Server
    from roomkeeper.domain.storages import Storage

# LiveKit asks workers three times, for 10, 20 and 40 s (protocol: rpc/egress_client.go), and a start goes out within
# seconds of its intent: whatever has not appeared by then never will.
AMBIGUOUS_SECONDS = 80.0


@dataclass(frozen=True, slots=True)
class StreamChange:
    """Addresses that a running stream is to be sent to, and no longer."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()  # hashes of those that it is sent to, for status


@dataclass(frozen=True, slots=True)
class RecordingWorld:
    """Everything that is known about one Recording at one moment."""

    recording: CustomObject
    spec: RecordingSpec | None  # None: what is stored cannot be read, and `spec_error` says why
    spec_error: str
    now: datetime
    server: Server | None = None  # None: there is none, or none that this namespace may use
    names_server: bool = False
    is_let_in: bool = True  # False: no more, and what runs there goes on to its end
    room_name: str = ""  # "": not known yet, or source web without a room
    room_trouble: Finding | None = None  # the Room is not there, or has no room to record
    is_terminating: bool = False  # its namespace is being deleted
    storage: Storage | Finding | None = None  # None: the worker's own
    others_active: int = 0  # Recordings of this namespace that run on this server
    webhook_url: str = ""  # how the server reaches the operator
    is_unasked: bool = False  # the attempt was written, and it is certain that LiveKit was not asked for it
    # What LiveKit has.
    live: LiveRoom | None = None  # None: it is not there, or nobody looked
    is_room_gone: bool = False  # LiveKit was asked for the room, and does not have it
    participants: tuple[Participant, ...] | None = None  # None: nobody asked
    egress: Egress | None = None  # of the current attempt
    is_lost: bool = False  # LiveKit was asked for that egress by its id, and does not know it
    found: tuple[Egress, ...] | None = None  # of any attempt of this Recording; None: nobody searched
    gone: frozenset[str] = (
        frozenset()
    )  # egresses that were told to stop again and again, and no worker answered
    missing_looks: int = 0  # how often in a row the egress was not in its room
    seen_at: datetime | None = None  # when it was there last
    empty_seconds: float = 0.0  # for how long nobody has been in the room
    stream: StreamChange | None = None  # None: nobody looked
    # What this reconcile has done.
    request: EgressRequest | None = None  # ready to be sent
    refusal: Finding | None = None  # why no request can be made
    is_declared: bool = False  # this reconcile has written the intent and not asked yet
    was_asked: bool = False  # this reconcile has asked for a start
    is_refused: bool = False  # and LiveKit never takes it as it is
    is_unmade: bool = (
        False  # and it is certain that nothing was made: LiveKit does not have the room, or was not asked
    )
    was_told_to_stop: bool = False
    refused_streams: int = 0  # addresses that LiveKit does not take
    applied_layout: str = ""
    failure: Finding | None = None  # LiveKit did not do what this reconcile asked
    orphans: tuple[str, ...] = ()  # egresses that were left behind when the object went
    is_gone: bool = False  # its time after the end is over, and it was deleted


@dataclass(frozen=True, slots=True)
class DeclareAttempt:
    """Write down that an egress is about to be asked for, and under which mark; an older number: once more."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class StartEgress:
    """Ask for the egress of the attempt that was declared."""

    request: EgressRequest


@dataclass(frozen=True, slots=True)
class DeclareStop:
    """Write down why the egress is about to be ended: afterwards LiveKit only knows that it was asked to."""

    reason: StopReason


@dataclass(frozen=True, slots=True)
class StopEgress:
    """Ask an egress to end."""

    egress_id: str


@dataclass(frozen=True, slots=True)
class UpdateLayout:
    """Have it laid out otherwise."""

    egress_id: str
    layout: str


@dataclass(frozen=True, slots=True)
class UpdateStream:
    """Send the stream to other addresses."""

    egress_id: str
    change: StreamChange


@dataclass(frozen=True, slots=True)
class MirrorEnd:
    """Write how it ended where a restored object still has it, and let go: there is nothing left to stop."""

    text: str


@dataclass(frozen=True, slots=True)
class DeleteRecording:
    """Delete the object: its time after the end is over."""


@dataclass(frozen=True, slots=True)
class ReleaseRecording:
    """Remove the finalizer. `orphans` names egresses that could not be stopped."""

    orphans: tuple[str, ...] = ()


Action = (
    DeclareAttempt
    | StartEgress
    | DeclareStop
    | StopEgress
    | UpdateLayout
    | UpdateStream
    | MirrorEnd
    | DeleteRecording
    | ReleaseRecording
    | AddFinalizer
)


def is_usable(world: RecordingWorld) -> bool:
    """Tell whether the server answers and accepts the credentials."""
    return world.server is not None and world.server.state is ServerState.ACCEPTED


def limits(world: RecordingWorld) -> Policy | None:
    """Return the policy that the Recording is under; None: the server is of its own namespace, or there is none."""
    if world.server is None or world.server.namespace == world.recording.key.namespace:
        return None
    return world.server.policy


def state(world: RecordingWorld) -> RecordingState | None:
    """Return the state that status shows; None: nothing was ever written."""
    shown = world.recording.status.get("state")
    return RecordingState(shown) if shown else None


def has_ended(world: RecordingWorld) -> bool:
    """Tell whether the Recording is over, whatever is declared by now."""
    return state(world) in attempts.ENDED


def all_attempts(world: RecordingWorld) -> tuple[Attempt, ...]:
    """Return the attempts as they are now: as status has them, and the last as its egress is."""
    known = attempts.read(world.recording.status)
    if not known:
        return ()
    last = known[-1]
    if world.egress:
        last = last.seen(world.egress)
    return (*known[:-1], last)


def current(world: RecordingWorld) -> Attempt | None:
    """Return the last attempt, if it may still record."""
    known = all_attempts(world)
    return known[-1] if known and known[-1].is_live else None


def needs_room(spec: RecordingSpec) -> bool:
    """Tell whether there is a room at all: source web may do without."""
    return spec.source.kind is not RecordingSource.WEB or spec.has_room


def is_page(world: RecordingWorld) -> bool:
    """Tell whether a page is recorded: its egress is in no room, also if it lives as long as one."""
    return world.spec is not None and world.spec.source.kind is RecordingSource.WEB


def listed_under(world: RecordingWorld) -> str:
    """Return the room under which LiveKit lists the egress; "": under none."""
    return "" if is_page(world) else world.room_name


def ended_at(world: RecordingWorld) -> datetime | None:
    """Return when the Recording was over."""
    return read_time(world.recording.status.get("endedAt"))


def attempts_left(world: RecordingWorld) -> bool:
    """Tell whether a failed attempt may be followed by another."""
    allowed = world.spec.backoff_limit + 1 if world.spec else 0
    return len(all_attempts(world)) < allowed


def leftovers(world: RecordingWorld) -> tuple[str, ...]:
    """Return egresses of this Recording that run beside the current attempt: there must be none.

    One that was given up is among them once it is back in its room: its worker was only out of reach.
    """
    attempt = current(world)
    given_up = {one.egress_id for one in all_attempts(world) if one.error == attempts.UNRESPONSIVE}
    there = {one.identity for one in world.participants or () if one.kind is ParticipantKind.EGRESS}
    found = {egress.id for egress in world.found or () if egress.state.is_live}
    running = (found - given_up - world.gone) | (given_up & there)
    return tuple(sorted(running - {attempt.egress_id if attempt else ""}))
