"""Real clients join with the tokens of the Secrets: what they may do, and how status follows them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from livekit.protocol import models

from roomkeeper.engine.counts import OBJECT_SECONDS
from tests.e2e.people import JoinRefusedError, Person, PublishRefusedError
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

ROLES = [
    {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}},
    {"name": "viewer"},
]


@pytest.fixture
def person() -> Iterator[Callable[[], Person]]:
    people: list[Person] = []

    def come() -> Person:
        people.append(Person())
        return people[-1]

    yield come
    for one in people:
        one.end()


def secret_of(cluster: Cluster, name: str) -> dict[str, str]:
    found = cluster.secret(name)
    assert found
    return found


def count(cluster: Cluster, field: str) -> int:
    room = cluster.get("room", "standup")
    assert room
    return int(room["status"][field])


def test_a_host_publishes_and_a_viewer_is_refused_by_the_server(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, person: Callable[[], Person]
) -> None:
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    name = f"{cluster.namespace}_standup"

    host = person()
    host.join(secret_of(cluster, "standup.host"))
    host.publish()
    alice = eventually("LiveKit has the host's track", lambda: livekit.publisher(name, "alice"), within=2)
    assert [track.source for track in alice.tracks] == [models.TrackSource.MICROPHONE]
    assert alice.permission.can_publish

    viewer = person()
    viewer.join(secret_of(cluster, "standup.viewer"))
    with pytest.raises(PublishRefusedError):
        viewer.publish()
    seen = {one.identity: one for one in livekit.participants(name)}
    assert set(seen) == {"alice", "viewer"}
    assert not seen["viewer"].tracks
    assert not seen["viewer"].permission.can_publish
    assert seen["viewer"].permission.can_subscribe


def test_every_identity_of_a_role_joins_with_its_own_token(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, person: Callable[[], Person]
) -> None:
    cluster.apply(cluster.room("standup", maxParticipants=2, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    secret = secret_of(cluster, "standup.host")
    for token in json.loads(secret["tokens.json"]).values():
        person().join(secret, token)
    name = f"{cluster.namespace}_standup"
    assert {one.identity for one in livekit.participants(name)} == {"alice", "bob"}
    with pytest.raises(JoinRefusedError):  # LiveKit keeps to maxParticipants
        person().join(secret_of(cluster, "standup.viewer"))


def test_status_follows_who_comes_and_goes(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, person: Callable[[], Person]
) -> None:
    cluster.apply(cluster.room("standup", departureTimeoutSeconds=60, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    secret, host = secret_of(cluster, "standup.host"), person()

    host.join(secret)
    eventually("status counts who joined", lambda: count(cluster, "numParticipants") == 1, within=2)
    written = time.monotonic()
    host.publish()
    eventually(
        "status counts who publishes, no more than one write in 10 s",
        lambda: count(cluster, "numPublishers") == 1,
        within=OBJECT_SECONDS + 1,
    )
    assert time.monotonic() - written > OBJECT_SECONDS - 2

    quiet = time.monotonic() + OBJECT_SECONDS
    eventually("nothing was counted for 10 s", lambda: time.monotonic() > quiet, within=OBJECT_SECONDS + 1)
    host.leave()
    eventually("status counts nobody", lambda: count(cluster, "numParticipants") == 0, within=2)
    assert count(cluster, "numPublishers") == 0


def test_a_room_that_livekit_closes_after_the_last_person_is_back(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, person: Callable[[], Person]
) -> None:
    cluster.apply(cluster.room("standup", departureTimeoutSeconds=1, metadata={"topic": "x"}, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    name = f"{cluster.namespace}_standup"
    first = livekit.room(name).sid

    host = person()
    host.join(secret_of(cluster, "standup.host"))
    host.leave()
    sid = eventually(
        "LiveKit closed the room after the last person, and it is back",
        lambda: (room := livekit.room(name)) and room.sid != first and room.sid,
        within=5,
    )
    eventually("the Room is Ready with the new SID", lambda: is_session(cluster, sid), within=2)
    assert json.loads(livekit.room(name).metadata) == {"topic": "x"}
    assert livekit.room(name).departure_timeout == 1


def is_session(cluster: Cluster, sid: str) -> bool:
    room = cluster.get("room", "standup")
    assert room
    return cluster.is_ready("standup") and (room["status"]["sid"], room["status"]["recreations"]) == (sid, 1)
