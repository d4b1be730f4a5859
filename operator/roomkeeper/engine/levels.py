"""What /metrics tells of how things are now: read off queue and caches whenever somebody scrapes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import servers as rules
from roomkeeper.domain.objects import RECORDING, ROOM, SERVER, Key, read_time
from roomkeeper.domain.rooms import ServerState
from roomkeeper.engine import recording_index
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.metrics import server_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.overdue import OverdueRecordings
    from roomkeeper.engine.queue import WorkQueue
    from roomkeeper.engine.servers import KnownServer, ServerDirectory

READY = ("True", "False", "Unknown")
LATEST = "9999"  # no time in status is later


class _Seen:
    """What one pass over all objects finds.

    It is kept cheap: nothing else is done while it runs. Times stay text while they are compared: status has them in
    UTC and to the second.
    """

    def __init__(self, objects: Iterable[CustomObject]) -> None:
        """Look at each object once."""
        self.ready: Counter[tuple[str, str]] = Counter()
        self.not_ready_since: dict[str, str] = {}  # by kind: the earliest
        self.expires: dict[tuple[str, str], str] = {}  # by server: of the first token
        self.renews: dict[tuple[str, str], str] = {}  # by server: of the tokens that are due first
        self.states: Counter[str] = Counter()  # of Recordings
        for seen in objects:
            self._add(seen)

    def _add(self, seen: CustomObject) -> None:
        kind, conditions = seen.key.kind, seen.status.get("conditions", ())
        for condition in conditions:
            if condition["type"] == "Ready":
                self.ready[kind, condition["status"]] += 1
                if condition["status"] == "False":
                    self._add_not_ready(seen, condition["lastTransitionTime"])
                break
        else:
            self.ready[kind, "Unknown"] += 1
        if kind == ROOM:
            self._add_tokens(seen)
        elif kind == RECORDING:
            self.states[seen.status.get("state", "")] += 1

    def _add_not_ready(self, seen: CustomObject, since: str) -> None:
        kind = seen.key.kind
        if kind == RECORDING and recording_index.has_ended(seen):
            return  # it stays as it ended
        self.not_ready_since[kind] = min(since, self.not_ready_since.get(kind, since))

    def _add_tokens(self, room: CustomObject) -> None:
        if room.deleted_at:
            return
        used = room.status.get("serverRef")
        server = (used["namespace"], used["name"]) if used else ("", "")
        for token in room.status.get("tokens", ()):
            _keep_first(self.expires, server, token.get("expiresAt", LATEST))
            _keep_first(self.renews, server, token.get("renewsAt", LATEST))


@dataclass(frozen=True, slots=True)
class Levels:
    """Makes the gauges. All of them are made each time, with no value where there is nothing to tell of."""

    objects: ObjectCache
    servers: ServerDirectory
    queue: WorkQueue
    overdue: OverdueRecordings
    clock: Clock
    resync_seconds: float  # of the server of the environment

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge."""
        yield from self._of_queue()
        yield from self._of_objects()
        yield from self._of_servers()
        yield _gauge(
            "roomkeeper_recordings_overdue",
            "Recordings that record nothing though people have been in their room for more than a minute.",
            {(): self.overdue.count()},
        )

    def _of_queue(self) -> Iterator[GaugeMetricFamily]:
        queue = self.queue
        yield _gauge("roomkeeper_queue_depth", "Keys that wait for a worker.", {(): len(queue)})
        yield _gauge("roomkeeper_queue_running", "Keys that are being worked on.", {(): queue.running})
        yield _gauge(
            "roomkeeper_queue_oldest_seconds",
            "For how long the key has waited that waits longest.",
            {(): queue.oldest_seconds},
        )

    def _of_objects(self) -> Iterator[GaugeMetricFamily]:
        seen, now = _Seen(self.objects), self.clock.now()
        yield _gauge(
            "roomkeeper_objects",
            "Objects by kind and status of their condition Ready.",
            {(kind, ready): seen.ready[kind, ready] for kind in KINDS for ready in READY},
            labels=("kind", "ready"),
        )
        yield _gauge(
            "roomkeeper_objects_not_ready_seconds",
            "For how long the object has not been Ready that has not been for longest.",
            {(kind,): max(0.0, -_seconds_until(seen.not_ready_since.get(kind), now)) for kind in KINDS},
            labels=("kind",),
        )
        yield _gauge(
            "roomkeeper_token_expiry_seconds",
            "Until the first token of a Room on the server ends.",
            {
                (server_label(Key(SERVER, *server)),): _seconds_until(end, now)
                for server, end in seen.expires.items()
            },
            labels=("server",),
        )
        yield _gauge(
            "roomkeeper_token_renewal_overdue_seconds",
            "For how long tokens of a Room on the server have been due for renewal that have been for longest.",
            {
                (server_label(Key(SERVER, *server)),): max(0.0, -_seconds_until(due, now))
                for server, due in seen.renews.items()
            },
            labels=("server",),
        )
        yield _gauge(
            "roomkeeper_recordings",
            "Recordings by state.",
            {(str(state),): seen.states[state] for state in RecordingState},
            labels=("state",),
        )

    def _of_servers(self) -> Iterator[GaugeMetricFamily]:
        probed: dict[tuple[str, ...], float] = {}
        rooms: dict[tuple[str, ...], float] = {}
        heard: dict[tuple[str, ...], float] = {}
        silent: dict[tuple[str, ...], float] = {}
        for server in self.servers:
            label, connection = (server_label(server.key),), server.connection
            if connection is None:
                probed[label] = 0
                continue
            if connection.state is not ServerState.UNKNOWN:
                probed[label] = connection.is_usable and not connection.failures
            rooms[label] = len(connection.sightings.with_people())
            heard[label] = connection.last_webhook.timestamp() if connection.last_webhook else 0
            silent[label] = self._is_silent(server, connection)
        labels = ("server",)
        yield _gauge(
            "roomkeeper_livekit_up",
            "Whether LiveKit answered the last probe, and took the key.",
            probed,
            labels,
        )
        yield _gauge(
            "roomkeeper_livekit_active_rooms",
            "Rooms that are cared for and have people in them.",
            rooms,
            labels,
        )
        yield _gauge(
            "roomkeeper_webhook_last_received_timestamp_seconds",
            "When the last webhook came (Unix time); 0: none since the process began.",
            heard,
            labels,
        )
        yield _gauge(
            "roomkeeper_webhooks_silent",
            "1 while rooms change and no webhook tells of it.",
            silent,
            labels,
        )

    def _is_silent(self, server: KnownServer, connection: Connection) -> bool:
        return rules.webhooks_are_silent(
            seen=connection.last_webhook,
            active_since=connection.active_since,
            now=self.clock.now(),
            resync_seconds=server.spec.resync_seconds if server.spec else self.resync_seconds,
        )


def _keep_first(times: dict[tuple[str, str], str], server: tuple[str, str], moment: str) -> None:
    if moment < times.get(server, LATEST):
        times[server] = moment


def _seconds_until(text: str | None, now: datetime) -> float:
    """Return the seconds until a time in status; 0 where there is none, or somebody has made it unreadable."""
    moment = read_time(text)
    return (moment - now).total_seconds() if moment else 0.0


def _gauge(
    name: str, text: str, values: Mapping[tuple[str, ...], float], labels: Iterable[str] = ()
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=tuple(labels))
    for labelled, value in values.items():
        family.add_metric(labelled, value)
    return family
