"""Schedules: what is made when, what is not, and what status says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from roomkeeper.api import common, crd
from roomkeeper.api.recording_schedule import KIND
from roomkeeper.domain import schedule_plan, schedules
from roomkeeper.domain.conditions import Finding, find
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.schedules import CreateChild, Session
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, kstatus
from tests.unit.domain.scheduled import (
    CREATED,
    EVERY_SESSION,
    TEMPLATE,
    Cluster,
    at,
    owner,
    session_name,
    spec,
)

if TYPE_CHECKING:
    from roomkeeper.domain.objects import CustomObject

STATUS = Draft202012Validator(crd.schema(KIND)["properties"]["status"])


def running(clock: str = "08:10", **fields: Any) -> Cluster:
    """Return a schedule whose first Recording is being recorded."""
    cluster = Cluster(spec=spec(**fields))
    cluster.reconcile()
    cluster.now = at(clock)
    cluster.reconcile()
    cluster.become(cluster.name(clock), "Active")
    return cluster


def reason(cluster: Cluster) -> str:
    condition = find(cluster.status["conditions"], "Ready")
    assert condition is not None
    return str(condition["reason"])


def conclude(cluster: Cluster) -> Outcome:
    conclusion = cluster.reconcile()
    assert conclusion is not None
    STATUS.validate(conclusion.status)
    return conclusion.outcome


def test_nothing_is_made_before_it_is_due() -> None:
    cluster = Cluster()
    assert cluster.plan() == []
    assert conclude(cluster) == Done(570.0)
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:10:00Z"
    assert "lastScheduleTime" not in cluster.status
    assert kstatus(cluster.schedule(), cluster.status) == CURRENT


def test_what_is_due_is_made_once() -> None:
    cluster = Cluster()
    cluster.reconcile()
    cluster.now = at("08:10")
    assert cluster.plan() == [f"create {cluster.name('08:10')}"]
    assert conclude(cluster) == Done(600.0)
    assert cluster.plan() == []
    assert cluster.status["lastScheduleTime"] == "2026-06-01T08:10:00Z"
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:20:00Z"
    assert cluster.status["active"] == [
        {"name": cluster.name("08:10"), "uid": f"uid-{cluster.name('08:10')}"}
    ]
    conclude(cluster)
    assert set(cluster.made.values()) == {1}


def test_a_recording_is_made_from_the_template_as_it_is_stored() -> None:
    cluster = Cluster(now=at("08:10"))
    [action] = schedule_plan.plan(cluster.world())
    assert isinstance(action, CreateChild)
    assert action.name == f"daily-{int(at('08:10').timestamp()) // 60}"
    assert action.body == {
        "apiVersion": common.API_VERSION,
        "kind": "Recording",
        "metadata": {
            "namespace": "team-a",
            "name": action.name,
            "labels": {"team": "a", "roomkeeper.dev/schedule": "daily"},
            "annotations": {"example.com/note": "x"},
            "ownerReferences": [owner()],
        },
        "spec": TEMPLATE["spec"],
    }


def test_a_recording_is_in_the_shard_of_its_schedule() -> None:
    world = Cluster(now=at("08:10")).world()
    [action] = schedule_plan.plan(replace(world, schedule=replace(world.schedule, shard="b")))
    assert isinstance(action, CreateChild)
    assert action.body["metadata"]["labels"][common.LABEL_SHARD] == "b"


def test_the_longest_name_of_a_schedule_leaves_room_for_those_of_its_recordings() -> None:
    schedule = Cluster().schedule()
    longest = replace(schedule, key=schedule.key._replace(name="x" * 52))
    assert len(schedules.name_of(longest, "RM_x")) == 63
    assert len(schedules.name_at(longest, datetime(2160, 1, 1, tzinfo=UTC))) <= 63


def test_what_was_due_before_there_was_a_schedule_is_nobodys() -> None:
    cluster = Cluster(spec=spec(schedule="0 8 * * *"))  # half a minute ago
    assert cluster.plan() == []
    exactly = Cluster(spec=spec(schedule="0 8 * * *"), now=CREATED.replace(second=0))
    created = replace(exactly.schedule(), created_at=CREATED.replace(second=0))
    exactly.parts = {"schedule": created}
    assert exactly.plan() == []


def test_what_was_due_before_the_schedule_was_first_looked_at_is_made() -> None:
    assert Cluster(now=at("08:10:02")).plan() == [f"create {Cluster().name('08:10')}"]


@pytest.mark.parametrize(
    ("back_at", "made", "told"),
    [
        ("08:10:30", ["08:10"], []),
        ("08:20:30", ["08:20"], ["RecordingMissed"]),  # down over two: the last one only
        ("08:35", ["08:30"], ["RecordingMissed"]),
        ("08:35:01", [], ["RecordingMissed"]),  # more than the deadline of 300 s ago
        ("08:40", ["08:40"], ["RecordingMissed"]),
    ],
)
def test_an_operator_that_was_down_makes_up_for_one(back_at: str, made: list[str], told: list[str]) -> None:
    cluster = Cluster()
    cluster.reconcile()
    cluster.now = at(back_at)
    conclude(cluster)
    assert list(cluster.made) == [cluster.name(clock) for clock in made]
    assert cluster.notes == told
    conclude(cluster)
    assert cluster.notes == []
    assert sum(cluster.made.values()) == len(made)


def test_a_crash_between_the_recording_and_its_trace_in_status_makes_no_second_one() -> None:
    cluster = Cluster()
    cluster.reconcile()
    cluster.now = at("08:10")
    assert cluster.reconcile(crash_after=1) is None
    cluster.now = at("08:18")  # too late to make it
    conclude(cluster)
    assert cluster.status["lastScheduleTime"] == "2026-06-01T08:10:00Z"
    assert cluster.notes == []
    assert dict(cluster.made) == {cluster.name("08:10"): 1}


def test_forbid_waits_for_the_end_of_the_earlier_one_while_it_is_worth_it() -> None:
    cluster = running()
    cluster.now = at("08:20")
    assert conclude(cluster) == Done(300.0)
    assert cluster.plan() == []
    assert reason(cluster) == Reason.SCHEDULED
    [ready] = cluster.status["conditions"]
    assert ready["message"].endswith(f"waits for the end of {cluster.name('08:10')}")
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:20:00Z"  # also after a restart
    cluster.now = at("08:23")
    cluster.become(cluster.name("08:10"), "Complete")
    assert cluster.plan() == [f"create {cluster.name('08:20')}"]


def test_forbid_leaves_out_what_had_to_wait_too_long() -> None:
    cluster = running()
    cluster.now = at("08:20")
    conclude(cluster)
    cluster.now = at("08:25:01")
    conclude(cluster)
    assert cluster.notes == ["RecordingMissed"]
    cluster.become(cluster.name("08:10"), "Complete")
    assert cluster.plan() == []
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:30:00Z"


def test_allow_records_side_by_side() -> None:
    cluster = running(concurrencyPolicy="Allow")
    cluster.now = at("08:20")
    assert cluster.plan() == [f"create {cluster.name('08:20')}"]
    conclude(cluster)
    assert [active["name"] for active in cluster.status["active"]] == [
        cluster.name("08:10"),
        cluster.name("08:20"),
    ]


def test_replace_stops_the_earlier_one_and_makes_the_next() -> None:
    cluster = running(concurrencyPolicy="Replace")
    cluster.now = at("08:20")
    first, second = cluster.name("08:10"), cluster.name("08:20")
    assert cluster.plan() == [f"stop {first}", f"create {second}"]
    cluster.reconcile(crash_after=1)
    assert cluster.plan() == [f"create {second}"]
    conclude(cluster)
    assert cluster.plan() == []
    assert "desiredState" not in cluster.children[second].spec


@pytest.mark.parametrize("policy", ["Forbid", "Allow", "Replace"])
def test_a_suspended_schedule_makes_nothing_and_makes_up_for_nothing(policy: str) -> None:
    cluster = Cluster(spec=spec(concurrencyPolicy=policy))
    cluster.reconcile()
    cluster.spec = spec(concurrencyPolicy=policy, suspend=True)
    assert conclude(cluster) == Done()
    assert reason(cluster) == Reason.SUSPENDED
    assert kstatus(cluster.schedule(), cluster.status) == CURRENT
    assert "nextScheduleTime" not in cluster.status
    cluster.now = at("08:10:05")
    conclude(cluster)
    cluster.spec = spec(concurrencyPolicy=policy)
    assert cluster.plan() == []
    conclude(cluster)
    assert cluster.notes == []
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:20:00Z"
    cluster.now = at("08:20")
    assert cluster.plan() == [f"create {cluster.name('08:20')}"]


def test_suspending_does_not_touch_what_runs() -> None:
    cluster = running()
    cluster.spec = spec(suspend=True)
    assert cluster.plan() == []
    conclude(cluster)
    assert [active["name"] for active in cluster.status["active"]] == [cluster.name("08:10")]


def test_a_schedule_that_is_changed_counts_from_then_on() -> None:
    cluster = Cluster(spec=spec(schedule="0 9 * * *"))
    cluster.reconcile()
    cluster.now, cluster.spec = at("08:30"), spec(schedule="25 8 * * *")
    assert cluster.plan() == []  # it was not due then
    conclude(cluster)
    assert cluster.status["nextScheduleTime"] == "2026-06-02T08:25:00Z"
    cluster.spec = spec(schedule="45 8 * * *")
    conclude(cluster)
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:45:00Z"


def test_a_time_that_is_no_longer_due_is_not_missed() -> None:
    cluster = Cluster()
    cluster.reconcile()
    cluster.now, cluster.spec = at("08:11"), spec(schedule="0 9 * * *")
    conclude(cluster)
    assert cluster.notes == []


def test_a_time_zone_shifts_what_is_due() -> None:
    cluster = Cluster(spec=spec(schedule="0 11 * * *", timeZone="Europe/Berlin"))
    cluster.reconcile()
    assert cluster.status["nextScheduleTime"] == "2026-06-01T09:00:00Z"


@pytest.mark.parametrize(
    ("fields", "parts", "message"),
    [
        ({"schedule": "0 9 * *"}, {}, "spec.schedule: must have 5 fields: "),
        ({"schedule": "0 0 31 2 *"}, {}, "spec.schedule: bad day-of-month"),
        ({"schedule": "0 25 * * *"}, {}, "spec.schedule: bad hour"),
        ({}, {"zone": None}, "spec.timeZone: there is no such time zone"),
        ({}, {"spec": None, "spec_error": "spec.suspend: wrong"}, "spec.suspend: wrong"),
    ],
)
def test_what_only_a_person_can_mend_is_said(
    fields: dict[str, Any], parts: dict[str, Any], message: str
) -> None:
    cluster = Cluster(spec=spec(**fields), parts=parts)
    assert cluster.plan() == []
    assert conclude(cluster) == Stalled()
    ready = find(cluster.status["conditions"], "Ready")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert ready["message"].startswith(message)
    assert kstatus(cluster.schedule(), cluster.status) == FAILED
    assert cluster.notes == ["InvalidSpec"]


def test_what_fell_into_the_time_of_a_broken_schedule_is_not_made_up_for() -> None:
    cluster = Cluster(spec=spec(schedule="60 * * * *"))
    cluster.reconcile()
    cluster.now, cluster.spec = at("08:10:05"), spec()
    assert cluster.plan() == []
    conclude(cluster)
    assert reason(cluster) == Reason.SCHEDULED


REFUSED = Finding(Reason.RECORDING_REFUSED, "Recording 'daily-1': 403")
CONFLICT = Finding(Reason.RECORDING_CONFLICT, "Recording 'daily-1' is not of this schedule")
COLLECTED = Finding(Reason.WAITING_FOR_GARBAGE_COLLECTION, "Recording 'daily-1' is about to go")


@pytest.mark.parametrize(
    ("refusal", "outcome", "seen"),
    [
        (REFUSED, Stalled(60.0), FAILED),
        (CONFLICT, Stalled(60.0), FAILED),
        (COLLECTED, Waiting(5.0), IN_PROGRESS),
    ],
)
def test_what_could_not_be_made_is_owed(refusal: Finding, outcome: Outcome, seen: str) -> None:
    cluster = Cluster()
    cluster.reconcile()
    cluster.now, cluster.parts = at("08:10"), {"refusal": refusal}
    assert conclude(cluster) == outcome
    assert reason(cluster) == refusal.reason
    assert kstatus(cluster.schedule(), cluster.status) == seen
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:10:00Z"
    cluster.parts, cluster.now = {}, at("08:11")
    assert cluster.plan() == [f"create {cluster.name('08:10')}"]
    cluster.now = at("08:19:50")
    cluster.parts = {"refusal": refusal}
    assert conclude(cluster) != Stalled(60.0)  # the next one is due before


@pytest.mark.parametrize("parts", [{"is_terminating": True}, {"schedule": "deleted"}])
def test_nothing_is_made_where_everything_goes(parts: dict[str, Any]) -> None:
    cluster = Cluster(now=at("08:10"))
    if "schedule" in parts:
        parts = {"schedule": replace(cluster.schedule(), deleted_at=cluster.now)}
    cluster.parts = parts
    assert cluster.plan() == []


def ended(cluster: Cluster, *states: str) -> list[str]:
    """Have a Recording for each state, ten minutes apart."""
    names = []
    for number, state in enumerate(states):
        cluster.now = at("08:10") + timedelta(minutes=10 * number)
        cluster.reconcile()
        names.append(list(cluster.children)[-1])
        cluster.become(names[-1], state, endedAt=common.rfc3339(cluster.now + timedelta(minutes=1)))
    return names


def test_the_oldest_that_are_over_are_deleted() -> None:
    cluster = Cluster(spec=spec(successfulRecordingsHistoryLimit=2, failedRecordingsHistoryLimit=1))
    cluster.reconcile()
    states = ("Failed", "Complete", "Stopped", "Aborted", "LimitReached", "Unknown", "Armed")
    names = ended(cluster, *states)
    deleted = {name for name in names if f"delete {name}" in cluster.plan()} | (
        set(names) - set(cluster.children)
    )
    assert [states[names.index(name)] for name in names if name not in deleted] == [
        "Stopped",
        "LimitReached",
        "Unknown",
        "Armed",
    ]


def test_one_that_is_being_deleted_is_left_to_that() -> None:
    cluster = Cluster(spec=spec(failedRecordingsHistoryLimit=0))
    cluster.reconcile()
    [name] = ended(cluster, "Failed")
    assert cluster.plan() == [f"delete {name}"]
    cluster.children[name] = replace(cluster.children[name], deleted_at=cluster.now)
    assert cluster.plan() == []


def test_one_that_is_over_before_status_knows_of_it_stays_until_then() -> None:
    cluster = Cluster(spec=spec(failedRecordingsHistoryLimit=0))
    cluster.reconcile()
    cluster.now = at("08:10")
    cluster.reconcile(crash_after=1)
    cluster.become(cluster.name("08:10"), "Failed")
    assert cluster.plan() == []
    conclude(cluster)
    assert cluster.plan() == [f"delete {cluster.name('08:10')}"]


def test_the_last_success_is_remembered_when_its_recording_is_gone() -> None:
    cluster = Cluster()
    cluster.reconcile()
    names = ended(cluster, "Complete", "Failed")
    conclude(cluster)
    assert cluster.status["lastSuccessfulTime"] == "2026-06-01T08:11:00Z"
    cluster.children.pop(names[0])
    conclude(cluster)
    assert cluster.status["lastSuccessfulTime"] == "2026-06-01T08:11:00Z"


def by_session(session: Session | None = None, **fields: Any) -> Cluster:
    return Cluster(spec=spec(**EVERY_SESSION, **fields), session=session)


def test_a_session_gets_its_recording_with_the_first_join() -> None:
    cluster = by_session(Session("RM_a"))
    assert cluster.plan() == []
    assert conclude(cluster) == Done()
    cluster.session = Session("RM_a", has_people=True)
    name = session_name(cluster, "RM_a")
    assert cluster.plan() == [f"create {name}"]
    [action] = schedule_plan.plan(cluster.world())
    assert isinstance(action, CreateChild)
    assert action.body["metadata"]["annotations"]["roomkeeper.dev/session"] == "RM_a"
    conclude(cluster)
    assert cluster.status["lastSession"] == "RM_a"
    assert cluster.status["lastScheduleTime"] == common.rfc3339(CREATED)
    assert "nextScheduleTime" not in cluster.status
    assert cluster.plan() == []


def test_a_session_whose_recording_was_deleted_gets_no_other_one() -> None:
    cluster = by_session(Session("RM_a", has_people=True))
    cluster.reconcile()
    cluster.children.clear()
    assert cluster.plan() == []
    conclude(cluster)
    assert cluster.plan() == []


@pytest.mark.parametrize("policy", ["Forbid", "Allow", "Replace"])
def test_a_session_is_recorded_while_the_earlier_one_is_uploaded(policy: str) -> None:
    cluster = by_session(Session("RM_a", has_people=True), concurrencyPolicy=policy)
    cluster.reconcile()
    cluster.become(session_name(cluster, "RM_a"), "Ending")
    cluster.session = Session("RM_b", has_people=True)
    assert cluster.plan() == [f"create {session_name(cluster, 'RM_b')}"]


@pytest.mark.parametrize(
    ("state", "is_idle"), [("Armed", True), ("", True), ("Active", False), ("Complete", False)]
)
@pytest.mark.parametrize("session", [Session("RM_b"), Session()], ids=["the next one", "none"])
def test_what_never_began_ends_with_its_session(state: str, session: Session, *, is_idle: bool) -> None:
    cluster = by_session(Session("RM_a", has_people=True))
    cluster.reconcile()
    name = session_name(cluster, "RM_a")
    cluster.become(name, state)
    assert cluster.plan() == []
    cluster.session = None  # one look did not find the room: it may be there all the same
    assert cluster.plan() == []
    assert conclude(cluster) == Done(5.0)
    cluster.session = session
    assert cluster.plan() == ([f"stop {name}"] if is_idle else [])
    cluster.reconcile()
    assert cluster.plan() == []


def test_a_session_that_was_seen_while_suspended_is_left_out() -> None:
    cluster = by_session(Session("RM_a"), suspend=True)
    conclude(cluster)
    assert "lastSession" not in cluster.status  # nobody has joined yet
    cluster.session = Session("RM_a", has_people=True)
    assert cluster.plan() == []
    conclude(cluster)
    assert cluster.status["lastSession"] == "RM_a"
    cluster.spec = spec(**EVERY_SESSION)
    assert cluster.plan() == []
    cluster.session = Session("RM_b", has_people=True)
    assert cluster.plan() == [f"create {session_name(cluster, 'RM_b')}"]


def test_a_session_whose_recording_could_not_be_made_is_owed() -> None:
    cluster = by_session(Session("RM_a", has_people=True))
    cluster.parts = {"refusal": REFUSED}
    assert conclude(cluster) == Stalled(60.0)
    assert "lastSession" not in cluster.status
    cluster.parts = {}
    assert cluster.plan() == [f"create {session_name(cluster, 'RM_a')}"]


@pytest.mark.parametrize(
    ("reason_", "outcome"),
    [
        (Reason.ROOM_NOT_FOUND, Waiting(60.0)),
        (Reason.ROOM_NOT_AVAILABLE, Waiting(60.0)),
        (Reason.SERVER_UNREACHABLE, Retry()),
        (Reason.SERVER_NOT_ALLOWED, Stalled()),
        (Reason.POLICY_VIOLATION, Stalled()),
    ],
)
def test_a_session_that_cannot_be_known_of_is_said(reason_: Reason, outcome: Outcome) -> None:
    cluster = by_session()
    cluster.status = {"lastSession": "RM_a"}
    cluster.parts = {"trouble": Finding(reason_, "no")}
    assert conclude(cluster) == outcome
    assert reason(cluster) == reason_
    assert cluster.status["lastSession"] == "RM_a"


def test_a_schedule_that_is_triggered_otherwise_forgets_what_it_does_not_need() -> None:
    cluster = by_session(Session("RM_a", has_people=True))
    cluster.reconcile()
    cluster.spec, cluster.session = spec(), None
    conclude(cluster)
    assert "lastSession" not in cluster.status
    assert cluster.status["nextScheduleTime"] == "2026-06-01T08:10:00Z"
    cluster.spec = spec(**EVERY_SESSION)
    conclude(cluster)
    assert "nextScheduleTime" not in cluster.status


def test_a_wish_to_look_again_is_acknowledged() -> None:
    cluster = Cluster()
    asked = replace(cluster.schedule(), annotations={common.ANNOTATION_RECONCILE_AT: "now"})
    cluster.parts = {"schedule": asked}
    conclude(cluster)
    assert cluster.status["lastHandledReconcileAt"] == "now"


def test_status_lists_no_more_than_it_may() -> None:
    cluster = running(concurrencyPolicy="Allow")
    child: CustomObject = cluster.children[cluster.name("08:10")]
    for number in range(150):
        name = f"daily-{number}"
        cluster.children[name] = replace(child, key=child.key._replace(name=name))
    conclude(cluster)
    assert len(cluster.status["active"]) == 100
