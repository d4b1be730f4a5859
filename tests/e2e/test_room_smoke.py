from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.support import eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess


def test_applied_room_is_ready_within_two_seconds(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    cluster.apply(
        cluster.room(
            "standup",
            emptyTimeoutSeconds=600,
            departureTimeoutSeconds=30,
            maxParticipants=7,
            metadata={"topic": "standup"},
            roles=[
                {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}},
                {"name": "viewer"},
            ],
        )
    )
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    room = livekit.room(f"{cluster.namespace}_standup")
    assert (room.empty_timeout, room.departure_timeout, room.max_participants) == (600, 30, 7)
    assert json.loads(room.metadata) == {"topic": "standup"}
