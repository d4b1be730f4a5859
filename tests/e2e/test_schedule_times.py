"""Schedules of times on a real API server, by a clock that is moved: daylight saving, absences, pauses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.e2e.support import eventually, metric

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster
    from tests.e2e.traveller import Traveller

RECORDS = {"roomRef": {"name": "standup"}, "source": {"roomComposite": {}}, "outputs": {"file": {}}}
WITHIN = 2  # seconds after it is due


def schedule(cluster: Cluster, cron: str, **spec: Any) -> None:
    body = {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "RecordingSchedule",
        "metadata": {"name": "daily"},
        "spec": {"schedule": cron, "recordingTemplate": {"spec": RECORDS}, **spec},
    }
    cluster.apply(body)


def times(cluster: Cluster) -> list[datetime]:
    """Return what the Recordings were made for, as their names tell."""
    names = [body["metadata"]["name"] for body in cluster.list("recordings")]
    return sorted(datetime.fromtimestamp(int(name.rpartition("-")[2]) * 60, UTC) for name in names)


def following(cluster: Cluster) -> datetime:
    """Return when the next one is due, as status tells."""
    found = cluster.get("recordingschedule", "daily")
    shown = found["status"].get("nextScheduleTime") if found else None
    if shown is None:
        raise LookupError("status tells no time")
    return datetime.fromisoformat(shown)


def is_seen(cluster: Cluster) -> bool:
    """Tell whether status is about what is declared."""
    found = cluster.get("recordingschedule", "daily")
    assert found
    return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])


def suspend(cluster: Cluster, *, suspended: bool) -> None:
    patch = json.dumps({"spec": {"suspend": suspended}})
    place = ("-n", cluster.namespace, "--type=merge", "-p", patch)
    cluster.stack.kubectl("patch", "recordingschedule", "daily", *place)
    eventually("the operator has seen it", lambda: is_seen(cluster), within=2)


def test_daylight_saving_makes_one_recording_a_day(cluster: Cluster, traveller: Traveller) -> None:
    schedule(cluster, "30 2 * * *", timeZone="Europe/Berlin", concurrencyPolicy="Allow")
    eventually("it is seen", lambda: following(cluster), within=2)
    expected = [
        datetime(2027, 3, 27, 1, 30, tzinfo=UTC),
        datetime(2027, 3, 28, 1, 0, tzinfo=UTC),  # 02:30 is skipped; the gap ends at 03:00
        datetime(2027, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 30, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),  # 02:30 comes twice; this is the first
        datetime(2027, 11, 1, 1, 30, tzinfo=UTC),
    ]
    for number, due in enumerate(expected, start=1):
        traveller.move_to(due - timedelta(seconds=1))
        eventually(f"made at {due}", lambda n=number: len(times(cluster)) == n, within=1 + WITHIN)
    assert times(cluster) == expected


def test_an_operator_that_was_down_over_two_due_times_makes_one(
    cluster: Cluster, traveller: Traveller
) -> None:
    schedule(cluster, "*/10 * * * *")
    first = eventually("it is seen", lambda: following(cluster), within=2)
    traveller.process.kill()
    traveller.move_to(first + timedelta(minutes=10, seconds=30))
    traveller.process.start()
    eventually("the last one is made up for", lambda: times(cluster), within=WITHIN)
    eventually("status goes on", lambda: following(cluster) > first + timedelta(minutes=10), within=WITHIN)
    assert times(cluster) == [first + timedelta(minutes=10)]
    traveller.process.kill()
    traveller.process.start()
    eventually("the operator has nothing to do", lambda: is_idle(cluster.stack), within=5)
    assert len(times(cluster)) == 1


def is_idle(stack: LocalStack) -> bool:
    return metric(stack, "roomkeeper_queue_depth") == 0


def test_what_fell_into_a_pause_is_not_made_up_for(cluster: Cluster, traveller: Traveller) -> None:
    schedule(cluster, "*/10 * * * *")
    first = eventually("it is seen", lambda: following(cluster), within=2)
    suspend(cluster, suspended=True)
    traveller.move_to(first + timedelta(seconds=30))
    eventually("the clock has moved", lambda: is_idle(cluster.stack), within=2)
    suspend(cluster, suspended=False)
    assert following(cluster) == first + timedelta(minutes=10)
    assert times(cluster) == []
    traveller.move_to(following(cluster) - timedelta(seconds=1))
    eventually("the next one is made", lambda: times(cluster), within=1 + WITHIN)
    assert times(cluster) == [first + timedelta(minutes=10)]


def test_forbid_waits_replace_stops_and_history_is_kept_short(cluster: Cluster, traveller: Traveller) -> None:
    schedule(cluster, "*/10 * * * *", concurrencyPolicy="Forbid")
    first = eventually("it is seen", lambda: following(cluster), within=2)
    traveller.move_to(first - timedelta(seconds=1))
    eventually("the first is made", lambda: times(cluster) == [first], within=1 + WITHIN)
    second = eventually("the next is known", lambda: (due := following(cluster)) > first and due, within=2)
    traveller.move_to(second + timedelta(seconds=1))

    def waits() -> bool:
        found = cluster.get("recordingschedule", "daily")
        assert found
        [ready] = [one for one in found["status"]["conditions"] if one["type"] == "Ready"]
        return "waits for the end of" in ready["message"]

    eventually("the second waits", waits, within=WITHIN)
    assert times(cluster) == [first]
    schedule(cluster, "*/10 * * * *", concurrencyPolicy="Replace", successfulRecordingsHistoryLimit=0)
    eventually("the second is made", lambda: second in times(cluster), within=WITHIN)
    eventually("the first is stopped and goes", lambda: times(cluster) == [second], within=WITHIN)


def test_a_bad_schedule_or_zone_is_said(cluster: Cluster, traveller: Traveller) -> None:
    for fields, text in (
        ({"cron": "0 25 * * *"}, "spec.schedule: bad hour"),
        ({"cron": "0 9 * * *", "timeZone": "Europe/Atlantis"}, "spec.timeZone: there is no such time zone"),
    ):
        schedule(cluster, **fields)

        def is_said(text: str = text) -> bool:
            found = cluster.get("recordingschedule", "daily")
            conditions = found["status"].get("conditions", []) if found else []
            said = [(one["type"], one["status"], one["reason"], one["message"]) for one in conditions]
            is_stalled = any(one[:3] == ("Stalled", "True", "InvalidSpec") for one in said)
            return is_stalled and ("Ready", "False", "InvalidSpec", text) in said

        eventually(text, is_said, within=2)
