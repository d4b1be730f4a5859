"""Every session of a room is recorded: real people meet, LiveKit closes the room behind them, and they meet again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.studio import ROOM, Studio
from tests.e2e.support import RESYNC_SECONDS, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.crowd import Crowd
    from tests.e2e.manifests.base import JSON
    from tests.e2e.support import OperatorProcess


def every_session(studio: Studio, *, source: JSON | None = None, **spec: Any) -> None:
    template = studio.recording("session", source=source or {"roomComposite": {"audioOnly": True}})["spec"]
    studio.apply(
        {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "RecordingSchedule",
            "metadata": {"name": "meetings"},
            "spec": {"trigger": "EverySession", "recordingTemplate": {"spec": template}, **spec},
        }
    )
    command = ("recordingschedule/meetings", "-n", studio.namespace, "--timeout=10s")
    studio.stack.kubectl("wait", "--for=condition=Ready", *command)


def join(studio: Studio, crowd: Crowd, who: str) -> None:
    secret = studio.secret(f"{ROOM}.host")
    assert secret
    assert crowd.join(who, secret, json.loads(secret["tokens.json"])[who])


def states(studio: Studio) -> list[str]:
    """Return the states of all Recordings, oldest first."""
    bodies = sorted(studio.list("recordings"), key=lambda body: str(body["metadata"]["creationTimestamp"]))
    return [str(body.get("status", {}).get("state")) for body in bodies]


def meet(studio: Studio, crowd: Crowd, livekit: LiveKitView, meeting: int) -> None:
    """Have people meet until they are recorded, and the room close behind them."""
    sid = eventually("the room is there", lambda: livekit.room(studio.room_name), within=5).sid
    join(studio, crowd, "alice")
    eventually("the Recording is made", lambda: len(states(studio)) == meeting, within=1)
    join(studio, crowd, "bob")
    assert crowd.publish("bob")
    eventually("it is recorded", lambda: "Active" in states(studio), within=5)
    for who in ("alice", "bob"):
        crowd.leave(who)
    eventually("it is complete", lambda: states(studio) == ["Complete"] * meeting, within=15)

    def is_another() -> bool:
        room = livekit.room(studio.room_name)
        return room is not None and room.sid != sid

    eventually("the next session may come", is_another, within=15)


def test_three_meetings_in_one_room_are_three_recordings(
    operator: OperatorProcess, studio: Studio, crowd: Crowd, livekit: LiveKitView
) -> None:
    every_session(studio)
    for meeting in (1, 2, 3):
        meet(studio, crowd, livekit, meeting)
    sessions = {
        body["metadata"]["annotations"]["roomkeeper.dev/session"] for body in studio.list("recordings")
    }
    assert len(sessions) == 3
    assert len(studio.egresses()) == 3
    assert len(studio.objects()) == 3
    found = studio.get("recordingschedule", "meetings")
    assert found
    assert not found["status"].get("active")
    studio.delete("recordingschedule", "meetings")
    eventually("its Recordings go with it", lambda: not studio.list("recordings"), within=5)
    assert len(studio.objects()) == 3


def test_a_session_that_began_while_the_operator_was_down_is_found(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    every_session(studio)
    operator.kill()
    try:
        join(studio, crowd, "alice")
    finally:
        operator.start()
    eventually("the Recording is made", lambda: len(states(studio)) == 1, within=2)
    operator.kill()
    operator.start()
    eventually("it is recorded", lambda: states(studio) == ["Active"], within=RESYNC_SECONDS)
    assert len(studio.egresses()) == 1


def test_who_waited_in_vain_does_not_record_the_next_session(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    every_session(studio, source={"participant": {"identity": "bob"}})
    join(studio, crowd, "alice")
    eventually("it waits for bob", lambda: states(studio) == ["Armed"], within=2)
    crowd.leave("alice")
    eventually("it ends with the session", lambda: states(studio) == ["Stopped"], within=15)
    assert studio.egresses() == []
    join(studio, crowd, "bob")
    assert crowd.publish("bob")
    eventually("the next one is recorded", lambda: sorted(states(studio)) == ["Active", "Stopped"], within=5)
    assert len(studio.egresses()) == 1
