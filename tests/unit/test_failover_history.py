"""The checks of failover rounds find what they are for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roomkeeper.engine.lease import Terms
from roomkeeper.localstack.egress_standin import StandinEgress
from tests.e2e.replicas import Request
from tests.failover import history
from tests.failover.gate import Sent, _Reader

TERMS = Terms(3)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/a/leases/roomkeeper?fieldManager=roomkeeper"
ROOM = "/apis/roomkeeper.dev/v1alpha1/namespaces/a/rooms/b/status"
AGENT = "roomkeeper/0.1"


def renewal(at: float, status: int = 200) -> Sent:
    return Sent(at, "PUT", LEASE, AGENT, status, answered=at + 0.1)


@pytest.mark.parametrize(
    ("seconds", "method", "path", "agent", "is_found"),
    [
        (1.9, "PATCH", ROOM, AGENT, False),
        (2.3, "PATCH", ROOM, AGENT, True),
        (2.3, "GET", ROOM, AGENT, True),
        (2.3, "PUT", LEASE, AGENT, True),
        (2.3, "GET", ROOM, "roomkeeper-watch/0.1", False),
        (-0.1, "PATCH", ROOM, AGENT, True),
        (-0.1, "GET", ROOM, AGENT, False),
        (-0.1, "PUT", LEASE, AGENT, False),
    ],
)
def test_a_request_that_began_outside_of_a_lease_is_found(
    seconds: float, method: str, path: str, agent: str, *, is_found: bool
) -> None:
    sent = [renewal(100), Sent(100 + seconds, method, path, agent)]
    assert bool(list(history.began_late(sent, [], TERMS))) is is_found


@pytest.mark.parametrize(("seconds", "is_found"), [(0.9, False), (1.3, True)])
def test_a_start_that_follows_no_renewal_is_found(seconds: float, *, is_found: bool) -> None:
    start = Sent(100 + seconds, "POST", "/twirp/livekit.Egress/StartWebEgress", "python")
    assert bool(list(history.began_late([renewal(100)], [start], TERMS))) is is_found


def test_a_renewal_that_was_refused_or_not_answered_is_none() -> None:
    sent = [renewal(100), renewal(101, 409), renewal(102, 0), Sent(102.5, "PATCH", ROOM, AGENT)]
    assert list(history.began_late(sent, [], TERMS))


def test_a_renewal_that_was_answered_later_counts_later() -> None:
    slow = Sent(101.5, "PUT", LEASE, AGENT, 200, answered=103)
    assert list(history.began_late([renewal(100), slow, Sent(102.5, "PATCH", ROOM, AGENT)], [], TERMS))
    assert not list(history.began_late([renewal(100), slow, Sent(103.2, "PATCH", ROOM, AGENT)], [], TERMS))


def test_what_asks_livekit_without_ever_having_had_the_lease_is_found() -> None:
    listing = Sent(100, "POST", "/twirp/livekit.RoomService/ListRooms", "python")
    assert list(history.began_late([], [listing], TERMS))


def write(user: str, answered: float, *, name: str = "b", code: int = 200, subresource: str = "") -> Request:
    resource = f"rooms{subresource}"
    return Request(answered, user, "patch", resource, "a", name, code, answered)


@pytest.mark.parametrize(
    ("late", "is_found"),
    [
        (write("first", 3), True),
        (write("first", 3, subresource="/status"), True),
        (write("first", 3, code=409), False),
        (write("first", 3, name="another"), False),
        (write("somebody", 3), False),
        (write("second", 3), False),
    ],
)
def test_a_write_of_an_earlier_holder_that_succeeds_after_its_successors_is_found(
    late: Request, *, is_found: bool
) -> None:
    done = [late, write("first", 1), write("second", 2)]
    assert bool(list(history.overwritten(done, ["first", "second"]))) is is_found


def test_of_two_writes_that_overlap_nobody_knows_which_was_first() -> None:
    late = write("first", 3)._replace(received=1.5)
    done = [late, write("second", 2)]
    assert list(history.overwritten(done, ["first", "second"])) == []
    assert list(history.overwritten([late._replace(received=2.0), done[1]], ["first", "second"]))


def egress(number: int, begins: int, ends: int | None, room: str = "a") -> StandinEgress:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return StandinEgress(
        id=f"EG_{number}",
        room=room,
        kind="room_composite",
        request={},
        status="EGRESS_ACTIVE",
        running=ends is None,
        started=noon + timedelta(seconds=begins),
        ended=None if ends is None else noon + timedelta(seconds=ends),
        fault="",
    )


@pytest.mark.parametrize(
    ("second", "is_found"),
    [
        (egress(2, 5, None), False),
        (egress(2, 4, None), True),
        (egress(2, 1, 2), True),
        (egress(2, 1, 2, room="b"), False),
    ],
)
def test_two_egresses_of_a_room_at_once_are_found(second: StandinEgress, *, is_found: bool) -> None:
    assert bool(list(history.at_once([second, egress(1, 0, 5)]))) is is_found


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_requests_are_found_in_what_a_client_sends_however_it_arrives(size: int) -> None:
    head = b"PUT /a HTTP/1.1\r\nContent-Length: 30\r\nUser-Agent: x/1\r\n\r\n"
    body = b"POST /not HTTP/1.1\r\nHost: y\r\n\r\n"[:30]
    stream = head + body + b"GET /b HTTP/1.1\r\nHost: z\r\n\r\n"
    reader = _Reader()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    found = [request for piece in pieces for request in reader.feed(piece)]
    assert found == [("PUT", "/a", "x/1"), ("GET", "/b", "")]
