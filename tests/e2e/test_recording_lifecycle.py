"""A Recording from being declared to its end, on a real API server, LiveKit and S3, with the worker that records nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.e2e.studio import ROOM, Studio
from tests.e2e.support import RESYNC_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.localstack import LocalStack
    from tests.e2e.crowd import Crowd
    from tests.e2e.support import OperatorProcess


def join(studio: Studio, crowd: Crowd, who: str = "alice", *, publish: bool = True) -> None:
    secret = studio.secret(f"{ROOM}.host")
    assert secret
    import json  # noqa: PLC0415

    assert crowd.join(who, secret, json.loads(secret["tokens.json"])[who])
    if publish:
        assert crowd.publish(who)


def is_(studio: Studio, state: str, name: str = "talk") -> Callable[[], bool]:
    return lambda: studio.is_(state, name)


def test_it_waits_for_somebody_records_and_says_where_the_media_are(
    operator: OperatorProcess, studio: Studio, crowd: Crowd, stack: LocalStack
) -> None:
    mark = stack.audit.mark()
    studio.record()
    eventually("it is armed", is_(studio, "Armed"), within=2)
    ready = studio.recording_condition()
    assert (ready["status"], ready["reason"]) == ("True", "Armed")
    assert studio.egresses() == []
    join(studio, crowd)
    eventually("StartEgress is called after somebody came", studio.egresses, within=2)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    assert studio.recording_condition(kind="EgressResponsive")["status"] == "True"
    crowd.leave("alice")
    eventually("it is complete", is_(studio, "Complete"), within=10)
    status = studio.status()
    assert [one["state"] for one in status["attempts"]] == ["Complete"]
    [result] = status["results"]
    [key] = studio.objects()
    assert result["filename"] == key
    assert status["attempts"][0]["marker"] in key
    assert result["location"].endswith(key)
    assert status["recordedSeconds"] >= 0
    assert studio.recording_condition(kind="Complete")["status"] == "True"
    assert len(studio.egresses()) == 1
    recorded = {
        call: count for call, count in stack.audit.writes(since=mark).items() if "recordings" in call[1]
    }
    print(f"writes: {recorded}")
    assert [one.access_key for one in stack.s3.requests() if key in one.path] == [studio.access_key]


def test_it_is_stopped_and_stays_so_though_it_is_applied_again(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    studio.record()
    join(studio, crowd)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    studio.stop()
    eventually("it is stopped", is_(studio, "Stopped"), within=5)
    studio.record()
    eventually("a reconcile has seen that", lambda: studio.is_("Stopped"), within=2)
    assert len(studio.egresses()) == 1
    assert len(studio.objects()) == 1


def test_the_deadline_ends_it(operator: OperatorProcess, studio: Studio, crowd: Crowd) -> None:
    studio.record(activeDeadlineSeconds=3)
    join(studio, crowd)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    began = time.monotonic()
    eventually("it has reached its limit", is_(studio, "LimitReached"), within=5)
    print(f"ended {time.monotonic() - began:.2f} s after it was seen active, limit 3 s")
    assert studio.recording_condition()["status"] == "True"
    assert 3 <= studio.status()["recordedSeconds"] <= 6


def test_it_ends_when_everybody_has_left_for_long(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    studio.apply(
        studio.room(
            "long",
            departureTimeoutSeconds=600,
            roles=[{"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}],
        )
    )
    eventually("the Room is Ready", lambda: studio.is_ready("long"), within=2)
    studio.record(roomRef={"name": "long"}, stopWhenEmptySeconds=2)
    secret = studio.secret("long.host")
    assert secret
    assert crowd.join("alice", secret)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    crowd.leave("alice")
    eventually("it is complete", is_(studio, "Complete"), within=5)


def test_nobody_comes(operator: OperatorProcess, studio: Studio) -> None:
    studio.record(startDeadlineSeconds=2)
    eventually("it is given up", is_(studio, "Failed"), within=4)
    assert studio.recording_condition()["reason"] == "NothingToRecord"
    assert studio.recording_condition(kind="Stalled")["status"] == "True"
    assert studio.egresses() == []


def test_a_person_who_is_missing_is_waited_for(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    studio.record(source={"participant": {"identity": "bob"}})
    join(studio, crowd, "alice")
    eventually("it is armed", is_(studio, "Armed"), within=2)
    eventually("it says for whom", lambda: "bob" in studio.recording_condition()["message"], within=2)
    assert studio.egresses() == []
    join(studio, crowd, "bob")
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    assert studio.egresses()[0].request["participant"]["identity"] == "bob"


def test_tracks_are_found_by_who_publishes_them(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    source = {"trackComposite": {"identity": "alice", "audioSource": "microphone", "videoSource": "camera"}}
    studio.record(source=source)
    join(studio, crowd, "alice")
    eventually(
        "it waits for the camera", lambda: "tracks" in studio.recording_condition()["message"], within=2
    )
    assert crowd.publish("alice", "camera")
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    request = studio.egresses()[0].request
    assert request["trackComposite"]["audioTrackId"].startswith("TR_")
    assert request["trackComposite"]["videoTrackId"].startswith("TR_")


def test_the_room_is_deleted_meanwhile(operator: OperatorProcess, studio: Studio, crowd: Crowd) -> None:
    studio.record()
    join(studio, crowd)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    studio.delete("room", ROOM)
    eventually("it is complete with what there is", is_(studio, "Complete"), within=10)
    assert len(studio.objects()) == 1


def test_a_deleted_recording_is_stopped_and_its_media_stay(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    studio.record()
    join(studio, crowd)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    studio.delete("recording", "talk")
    eventually("the object is gone", lambda: studio.get("recording", "talk") is None, within=5)
    eventually("the egress has ended", lambda: not studio.egresses()[0].running, within=5)
    assert len(studio.objects()) == 1


def test_the_layout_changes_while_it_records(operator: OperatorProcess, studio: Studio, crowd: Crowd) -> None:
    studio.record()
    join(studio, crowd)
    eventually("it is being recorded", is_(studio, "Active"), within=5)
    assert studio.status()["appliedLayout"] == "grid"
    studio.record(source={"roomComposite": {"layout": "speaker"}})
    eventually("the layout is applied", lambda: studio.status()["appliedLayout"] == "speaker", within=2)
    assert studio.state() == "Active"


def test_what_is_over_is_deleted_after_its_time(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    studio.record(ttlSecondsAfterFinished=2, activeDeadlineSeconds=1)
    join(studio, crowd)
    eventually(
        "it has reached its limit",
        lambda: not studio.get("recording", "talk") or studio.is_("LimitReached"),
        within=6,
    )
    eventually("the object is gone", lambda: studio.get("recording", "talk") is None, within=5)
    assert len(studio.objects()) == 1


def test_an_object_restored_without_its_status_never_records_again(
    operator: OperatorProcess, studio: Studio, crowd: Crowd
) -> None:
    studio.record(activeDeadlineSeconds=1)
    join(studio, crowd)
    eventually("it has reached its limit", is_(studio, "LimitReached"), within=6)
    annotation = "roomkeeper.dev/last-attempt"

    def mirrored() -> str:
        found = studio.get("recording", "talk")
        assert found
        return str(found["metadata"].get("annotations", {}).get(annotation, ""))

    text = eventually("its end is mirrored", mirrored, within=2)
    studio.delete("recording", "talk", wait=True)
    body = studio.recording("talk")
    body["metadata"]["annotations"] = {annotation: text}
    studio.apply(body)
    eventually("it is Unknown", is_(studio, "Unknown"), within=2)
    assert studio.recording_condition()["reason"] == "RestoredWithoutStatus"
    eventually("a resync has passed", lambda: time.sleep(RESYNC_SECONDS) or True, within=RESYNC_SECONDS + 1)
    assert len(studio.egresses()) == 1
