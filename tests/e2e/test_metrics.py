"""/metrics of a running operator, held against what kubectl, LiveKit and the Egress worker say."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.e2e.studio import ROOM, Studio
from tests.e2e.support import RESYNC_SECONDS, eventually, metric

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.crowd import Crowd
    from tests.e2e.support import OperatorProcess

OWN = {"server": "environment"}
ALLOWED_SECONDS = 3.0  # between what kubectl shows and the scrape


def test_the_story_of_a_room_and_its_recording(
    operator: OperatorProcess, studio: Studio, crowd: Crowd, livekit: LiveKitView, stack: LocalStack
) -> None:
    # A Room, and one that cannot be.
    studio.apply(studio.room("broken", roomName="somebody-elses"))
    eventually("it is refused", lambda: studio.condition("broken")["status"] == "False", within=2)
    shown = [
        next(one["status"] for one in room["status"]["conditions"] if one["type"] == "Ready")
        for room in studio.list("rooms")
    ]
    for ready in ("True", "False"):
        assert metric(stack, "roomkeeper_objects", kind="Room", ready=ready) == shown.count(ready)
    since = datetime.fromisoformat(studio.condition("broken")["lastTransitionTime"])
    for_seconds = (datetime.now(UTC) - since).total_seconds()
    told = metric(stack, "roomkeeper_objects_not_ready_seconds", kind="Room")
    assert abs(told - for_seconds) < ALLOWED_SECONDS
    room = studio.get("room", ROOM)
    assert room
    ends = min(datetime.fromisoformat(token["expiresAt"]) for token in room["status"]["tokens"])
    left = (ends - datetime.now(UTC)).total_seconds()
    assert abs(metric(stack, "roomkeeper_token_expiry_seconds", **OWN) - left) < ALLOWED_SECONDS

    # Somebody comes, of which a webhook tells, and is recorded.
    studio.record()
    eventually("it is armed", lambda: studio.is_("Armed"), within=2)
    assert metric(stack, "roomkeeper_recordings", state="Armed") == 1
    joined = {"event": "participant_joined", "result": "woken"}
    before = metric(stack, "roomkeeper_webhook_events_total", **joined)
    secret = studio.secret(f"{ROOM}.host")
    assert secret
    assert crowd.join("alice", secret)
    assert crowd.publish("alice")
    eventually("it is being recorded", lambda: studio.is_("Active"), within=5)
    assert metric(stack, "roomkeeper_recordings", state="Active") == 1
    assert metric(stack, "roomkeeper_webhook_events_total", **joined) > before
    heard = metric(stack, "roomkeeper_webhook_last_received_timestamp_seconds", **OWN)
    assert abs(heard - time.time()) < 60
    assert metric(stack, "roomkeeper_webhook_lag_seconds_count") >= 1
    assert (
        metric(stack, "roomkeeper_recording_starts_total", **OWN, result="started")
        == len(studio.egresses())
        == 1
    )
    eventually(
        "the room counts as active, as LiveKit lists it",
        lambda: (
            metric(stack, "roomkeeper_livekit_active_rooms", **OWN)
            == sum(bool(one.num_participants) for one in livekit.rooms())
            == 1
        ),
        within=2 * RESYNC_SECONDS + 5,
    )

    # It ends, and what was recorded is counted as status has it.
    studio.stop()
    eventually("it is stopped", lambda: studio.is_("Stopped"), within=10)
    recorded = studio.status()["recordedSeconds"]
    eventually(
        "its seconds are counted",
        lambda: abs(metric(stack, "roomkeeper_recorded_seconds_total") - recorded) <= 1,
        within=1,
    )
    crowd.leave("alice")

    # A worker whose upload is refused.
    failed = {"reason": "RecordingFailed"}
    assert metric(stack, "roomkeeper_recording_failures_total", **failed) == 0
    stack.egress_standin.fault(studio.room_name, "fail_upload")
    assert crowd.join("bob", secret)
    studio.record("doomed", backoffLimit=0)
    eventually("it is being recorded", lambda: studio.is_("Active", "doomed"), within=5)
    studio.stop("doomed")
    eventually("it has failed", lambda: studio.is_("Failed", "doomed"), within=10)
    assert studio.recording_condition("doomed")["reason"] == "RecordingFailed"
    eventually(
        "so it is told", lambda: metric(stack, "roomkeeper_recording_failures_total", **failed) == 1, within=1
    )
    crowd.leave("bob")


def test_a_livekit_that_is_down_is_told_and_so_is_its_return(
    operator: OperatorProcess, studio: Studio, stack: LocalStack
) -> None:
    assert metric(stack, "roomkeeper_livekit_up", **OWN) == 1
    refused = {**OWN, "method": "ListRooms", "code": "connect"}
    before = metric(stack, "roomkeeper_livekit_requests_total", **refused)
    stack.livekit.kill()
    try:
        eventually(
            "it is not up",
            lambda: metric(stack, "roomkeeper_livekit_up", **OWN) == 0,
            within=RESYNC_SECONDS + 2,
        )
        assert metric(stack, "roomkeeper_livekit_requests_total", **refused) > before
        eventually("the Room is not Ready", lambda: not studio.is_ready(ROOM), within=3 * RESYNC_SECONDS)
        assert metric(stack, "roomkeeper_objects", kind="Room", ready="False") == 1
    finally:
        stack.livekit.start()
    eventually(
        "it is up again", lambda: metric(stack, "roomkeeper_livekit_up", **OWN) == 1, within=RESYNC_SECONDS
    )
    eventually("the Room is Ready again", lambda: studio.is_ready(ROOM), within=RESYNC_SECONDS)
    assert metric(stack, "roomkeeper_objects", kind="Room", ready="False") == 0


def test_what_the_operator_writes_is_counted_as_the_api_server_counts_it(
    operator: OperatorProcess, studio: Studio, stack: LocalStack
) -> None:
    writes = {
        ("create", "secrets"): ("create", "secrets", "201"),
        ("patch", "rooms/status"): ("patch", "rooms/status", "200"),
    }
    mark = stack.audit.mark()
    names = ("verb", "resource", "code")
    before = {
        call: metric(stack, "roomkeeper_kubernetes_requests_total", **dict(zip(names, labels, strict=True)))
        for call, labels in writes.items()
    }
    studio.apply(*(studio.room(f"r{number}", roles=[{"name": "host"}]) for number in range(10)))
    eventually("10 Rooms more are Ready", lambda: len(studio.ready_rooms()) == 11, within=5)
    for call, labels in writes.items():
        counted = metric(
            stack, "roomkeeper_kubernetes_requests_total", **dict(zip(names, labels, strict=True))
        )
        audited = stack.audit.writes(user="roomkeeper", since=mark)[call]
        assert counted - before[call] == audited >= 10
    eventually("nothing waits", lambda: metric(stack, "roomkeeper_queue_depth") == 0, within=2)
    assert metric(stack, "roomkeeper_queue_oldest_seconds") == 0
    assert metric(stack, "roomkeeper_leader") == 1
    assert metric(stack, "process_resident_memory_bytes") > 50e6
