"""Whatever happens and whenever it crashes: no time and no session ever gets two Recordings, and none that is due none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.domain import schedules
from roomkeeper.domain.cron import Cron
from roomkeeper.domain.schedules import Session
from tests.unit.domain.kstatus import expected, kstatus
from tests.unit.domain.scheduled import BERLIN, CREATED, EVERY_SESSION, Cluster, session_name, spec

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICIES = st.sampled_from(["Forbid", "Allow", "Replace"])
ENDS = st.sampled_from(["Complete", "Stopped", "LimitReached", "Failed", "Aborted", "Unknown"])
CRASHES = st.sampled_from([None, None, 0, 1, 2])  # after so many actions, before status is written
LIMITS = st.fixed_dictionaries(
    {
        "successfulRecordingsHistoryLimit": st.integers(0, 2),
        "failedRecordingsHistoryLimit": st.integers(0, 2),
    }
)
# What can happen, in minutes and otherwise.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.5, 2.0, 5.0, 10.0, 31.0])),
        st.tuples(st.just("reconcile"), CRASHES),
        st.tuples(st.just("suspend"), st.booleans()),
        st.tuples(st.just("begin"), st.just("Active")),
        st.tuples(st.just("end"), ENDS),
        st.tuples(st.just("delete"), st.none()),
        st.tuples(st.just("session"), st.sampled_from(["", "join", "none"])),
    ),
    max_size=40,
)


class Story:
    """A schedule to which things happen."""

    def __init__(self, declared: dict[str, Any], now: datetime = CREATED) -> None:
        self.cluster = Cluster(now=now, spec=dict(declared))
        self.sessions = 0
        self.pauses: list[tuple[datetime, datetime]] = []  # in which it was known to be suspended
        self.paused_at: datetime | None = None

    def step(self, what: str, value: Any) -> None:
        """Let one thing happen, and hold what has to be true at any time against it."""
        cluster = self.cluster
        before = dict(cluster.children)
        match what:
            case "wait":
                cluster.pass_minutes(value)
            case "reconcile":
                conclusion = cluster.reconcile(crash_after=value)
                if conclusion:
                    assert kstatus(cluster.schedule(), cluster.status) == expected(conclusion.outcome)
                self._check_new(set(cluster.children) - set(before))
            case "suspend":
                cluster.reconcile()  # it sees the one and the other
                self._check_new(set(cluster.children) - set(before))
                self._pause(value)
            case "begin" | "end":
                for each in schedules.unfinished(cluster.world())[:1]:
                    cluster.become(each.key.name, value)
            case "delete":
                cluster.reconcile()  # status knows of it
                self._check_new(set(cluster.children) - set(before))
                for name in sorted(cluster.children)[:1]:
                    del cluster.children[name]
            case "session":
                self._session(value)
        assert max(cluster.made.values(), default=0) <= 1

    def _pause(self, suspend: bool) -> None:  # noqa: FBT001 - what spec.suspend is to be
        if self.paused_at:
            self.pauses.append((self.paused_at, self.cluster.now))
        self.paused_at = self.cluster.now if suspend else None
        self.cluster.spec["suspend"] = suspend
        self.cluster.reconcile()

    def _session(self, value: str) -> None:
        if value == "join":
            if self.cluster.session and self.cluster.session.sid:
                self.cluster.session = Session(self.cluster.session.sid, has_people=True)
            return
        self.sessions += not value
        self.cluster.session = Session("" if value else f"RM_{self.sessions}")

    def _check_new(self, names: set[str]) -> None:
        cluster = self.cluster
        assert len(names) <= 1
        if not names:
            return
        assert not cluster.spec.get("suspend")
        if cluster.spec.get("trigger"):
            assert cluster.session is not None
            assert cluster.session.has_people
            assert names == {session_name(cluster, cluster.session.sid)}
            return
        running = [each for each in schedules.unfinished(cluster.world()) if each.key.name not in names]
        if cluster.spec["concurrencyPolicy"] == "Forbid":
            assert not running
        if cluster.spec["concurrencyPolicy"] == "Replace":
            assert all(schedules.is_to_stop(each) for each in running)
        due = datetime.fromtimestamp(int(names.pop().rpartition("-")[2]) * 60, UTC)
        assert timedelta(0) <= cluster.now - due <= timedelta(seconds=300)
        assert Cron(cluster.spec["schedule"], BERLIN).newest(due, due) == due
        assert not any(begin < due <= end for begin, end in self.pauses)


@given(
    schedule=st.sampled_from(["*/10 * * * *", "* * * * *", "3,5 8-9 * * *"]),
    policy=POLICIES,
    limits=LIMITS,
    steps=STEPS,
)
def test_no_time_ever_gets_two_recordings(
    schedule: str, policy: str, limits: dict[str, int], steps: Sequence[tuple[str, Any]]
) -> None:
    story = Story(spec(schedule=schedule, timeZone="Europe/Berlin", concurrencyPolicy=policy, **limits))
    for what, value in steps:
        story.step(what, value)


@given(policy=POLICIES, limits=LIMITS, steps=STEPS)
def test_no_session_ever_gets_two_recordings(
    policy: str, limits: dict[str, int], steps: Sequence[tuple[str, Any]]
) -> None:
    story = Story(spec(**EVERY_SESSION, concurrencyPolicy=policy, **limits))
    for what, value in steps:
        story.step(what, value)


@given(
    hour=st.integers(0, 4),
    minute=st.integers(0, 59),
    day=st.sampled_from([datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)]),
    crashes=st.lists(CRASHES, min_size=3, max_size=3),
)
def test_across_daylight_saving_every_day_gets_one_recording(
    hour: int, minute: int, day: datetime, crashes: list[int | None]
) -> None:
    declared = spec(schedule=f"{minute} {hour} * * *", timeZone="Europe/Berlin", concurrencyPolicy="Allow")
    story = Story(declared, day)
    story.cluster.reconcile()
    for crash in crashes:
        story.cluster.now = Cron(declared["schedule"], BERLIN).next_after(story.cluster.now)
        story.step("reconcile", crash)
        story.step("wait", 0.5)
        story.step("reconcile", None)
    assert len(story.cluster.made) == 3


@given(crashes=st.lists(CRASHES, max_size=4), meetings=st.integers(1, 4))
def test_every_session_gets_its_recording_though_it_crashes(crashes: list[int | None], meetings: int) -> None:
    story = Story(spec(**EVERY_SESSION))
    for _ in range(meetings):
        for happening in ("", "join"):
            story.step("session", happening)
            for crash in crashes:
                story.step("reconcile", crash)
            story.step("reconcile", None)
        story.step("begin", "Active")
        story.step("end", "Complete")
    assert len(story.cluster.made) == meetings
