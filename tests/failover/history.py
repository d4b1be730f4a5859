"""What must never have happened, checked on what gates, the audit log and the Egress worker have noted."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roomkeeper.engine.lease import Terms
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.replicas import Request
    from tests.failover.gate import Sent

START = "/twirp/livekit.Egress/Start"
UNSCHEDULED_SECONDS = (
    0.2  # the kernel may let a process wait for a CPU when it has asked its clock, before it sends
)


def is_lease(sent: Sent) -> bool:
    """Tell whether a request is about a Lease."""
    return "/apis/coordination.k8s.io/" in sent.path


def renewals(kubernetes: Iterable[Sent]) -> list[Sent]:
    """Return the requests by which the Lease was taken or renewed, and of which the replica was told so."""
    return [one for one in kubernetes if is_lease(one) and one.method != "GET" and 0 < one.status < 300]


def began_late(kubernetes: list[Sent], livekit: list[Sent], terms: Terms) -> Iterator[str]:
    """Tell of requests that began after the deadline, of starts that did not follow a renewal, and of a standby's writes.

    The watches of Kopf are reads that change nothing, and end with the process.
    """
    held = renewals(kubernetes)
    for one in [*kubernetes, *livekit]:
        if one.agent.startswith("roomkeeper-watch/"):
            continue
        last = max((each.at for each in held if each.answered <= one.at), default=None)
        if last is None:
            if one in livekit or (one.method != "GET" and not is_lease(one)):
                yield f"{one.method} {one.path} by one that never had the Lease"
            continue
        limit = terms.renew_seconds if START in one.path else terms.deadline_seconds
        if one.at > last + limit + UNSCHEDULED_SECONDS:
            yield f"{one.method} {one.path} {one.at - last:.3f} s after the last renewal, of {limit:g} s"


def last_moment(kubernetes: list[Sent], livekit: list[Sent]) -> float:
    """Return how long after the last renewal the last request began, in seconds."""
    held = renewals(kubernetes)
    made = [one.at for one in [*kubernetes, *livekit] if not one.agent.startswith("roomkeeper-watch/")]
    return max(made) - max(each.at for each in held) if held else 0.0


def overwritten(done: Iterable[Request], order: list[str]) -> Iterator[str]:
    """Tell of writes that succeeded on an object which a later holder had written; `order` is the users' turns.

    The log tells when a request came and when its answer was out, not when it took effect in between: of two that
    overlap nobody can say which was first. What was held back comes when it is delivered, so what is late is told.
    """
    turn = {user: number for number, user in enumerate(order)}
    wrote: defaultdict[tuple[str, str, str], list[Request]] = defaultdict(list)
    for one in done:
        if one.is_write and one.user in turn and one.code < 300:
            wrote[one.resource.partition("/")[0], one.namespace, one.name].append(one)
    for writes in wrote.values():
        for one, other in permutations(writes, 2):
            if turn[one.user] < turn[other.user] and other.answered <= one.received:
                yield f"{one.verb} {one.resource} {one.name} by {one.user}, after {other.user}"


def at_once(egresses: Iterable[StandinEgress]) -> Iterator[str]:
    """Tell of egresses of one room, and so of one Recording, that ran at the same time."""
    by_room: defaultdict[str, list[StandinEgress]] = defaultdict(list)
    for one in egresses:
        if one.started:
            by_room[one.room].append(one)
    for room, ran in by_room.items():
        for earlier, later in pairwise(sorted(ran, key=lambda one: (one.started, one.id))):
            if earlier.ended is None or (later.started and later.started < earlier.ended):
                yield f"{room}: {later.id} began beside {earlier.id}"
