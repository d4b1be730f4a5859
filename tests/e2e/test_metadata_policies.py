"""What is declared of a room's metadata, and what an application writes into the live room."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.looks import ask_for_a_look, ready, reasons, resyncs, status
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

TOLERATED = 3  # times in ten minutes that the operator puts right what somebody overwrites


def test_initial_metadata_belongs_to_the_application_until_the_next_session(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    initial: dict[str, Any] = {"metadataPolicy": "Initial"}
    name = ready(cluster, metadata={"topic": "x"}, **initial)
    assert json.loads(livekit.room(name).metadata) == {"topic": "x"}
    livekit.set_metadata(name, '{"theirs": 1}')
    ask_for_a_look(cluster, "standup", "overwritten")
    ready(cluster, metadata={"topic": "y"}, **initial)
    ask_for_a_look(cluster, "standup", "edited")
    assert livekit.room(name).metadata == '{"theirs": 1}'

    sid = livekit.room(name).sid
    livekit.delete(name)
    eventually(
        "the next session begins as declared",
        lambda: (room := livekit.room(name)) and (room.sid != sid, room.metadata) == (True, '{"topic":"y"}'),
        within=7,
    )


def test_raw_metadata_is_kept_as_the_very_text(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = ready(cluster, rawMetadata="not JSON {")
    assert livekit.room(name).metadata == "not JSON {"
    livekit.set_metadata(name, "theirs")
    ask_for_a_look(cluster, "standup", "overwritten")
    assert livekit.room(name).metadata == "not JSON {"
    ready(cluster, rawMetadata='{"a" : 1}')
    assert livekit.room(name).metadata == '{"a" : 1}'


def test_metadata_that_somebody_overwrites_again_and_again_is_left_alone_for_a_while(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, metadata={"topic": "x"})
    for number in range(TOLERATED):
        livekit.set_metadata(name, '{"topic": "theirs"}')
        ask_for_a_look(cluster, "standup", f"look {number}")
        assert json.loads(livekit.room(name).metadata) == {"topic": "x"}
    livekit.set_metadata(name, '{"topic": "theirs"}')
    ask_for_a_look(cluster, "standup", "the last straw")
    eventually(
        "an Event tells", lambda: ("Warning", "MetadataContested") in reasons(cluster, "standup"), within=2
    )
    resyncs(stack)
    ask_for_a_look(cluster, "standup", "once more")
    assert livekit.room(name).metadata == '{"topic": "theirs"}'
    assert cluster.condition("standup", "Reconciling")["reason"] == "MetadataContested"
    assert cluster.condition("standup")["status"] == "True"
    assert status(cluster)["lastHandledReconcileAt"] == "once more"
