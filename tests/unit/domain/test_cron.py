"""When a cron expression is due: across daylight saving above all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.domain.cron import Cron, CronError, problem

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
# Where the clocks change in 2026, and an hour that is skipped and one that comes twice.
CHANGES = {BERLIN: (date(2026, 3, 29), date(2026, 10, 25)), NEW_YORK: (date(2026, 3, 8), date(2026, 11, 1))}
ZONES = st.sampled_from([BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kolkata"), UTC])


def times(expression: str, zone: ZoneInfo, after: datetime, number: int) -> list[str]:
    """Return the next times as a clock on the wall shows them."""
    cron, shown, moment = Cron(expression, zone), [], after
    for _ in range(number):
        moment = cron.next_after(moment)
        shown.append(moment.astimezone(zone).strftime("%m-%dT%H:%M%z"))
    return shown


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("0 9 * * *", "2026-06-03T09:00"),  # a Wednesday
        ("0 9 * * 1-5", "2026-06-03T09:00"),
        ("0 9 * * mon,FRI", "2026-06-05T09:00"),
        ("*/20 * * * *", "2026-06-03T08:20"),
        ("30 7-9/2 * * *", "2026-06-03T09:30"),
        ("15 8 1 jul *", "2026-07-01T08:15"),
        ("0 0 1 * 0", "2026-06-07T00:00"),  # the first or a Sunday
        ("0 0 L * *", "2026-06-30T00:00"),
        ("0 12 * * 5#2", "2026-06-12T12:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK], ids=str)
def test_an_expression_is_due_by_the_clock_of_its_zone(expression: str, first: str, zone: ZoneInfo) -> None:
    after = datetime(2026, 6, 3, 8, 10, tzinfo=zone)
    assert Cron(expression, zone).next_after(after) == datetime.fromisoformat(first).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 2 * * *", ["03-28T02:30+0100", "03-29T03:00+0200", "03-30T02:30+0200"]),
        ("0,30 2 * * *", ["03-28T02:00+0100", "03-28T02:30+0100", "03-29T03:00+0200", "03-30T02:00+0200"]),
        ("15 2,3 * * *", ["03-28T02:15+0100", "03-28T03:15+0100", "03-29T03:00+0200", "03-29T03:15+0200"]),
        ("0 3 * * *", ["03-28T03:00+0100", "03-29T03:00+0200", "03-30T03:00+0200"]),
        ("0 0 * * *", ["03-29T00:00+0100", "03-30T00:00+0200"]),
        ("0 */2 * * *", ["03-28T02:00+0100"]),
    ],
)
def test_what_the_clock_skips_is_due_once_right_after_the_gap(expression: str, expected: list[str]) -> None:
    after = datetime(2026, 3, 28, 1, tzinfo=BERLIN)
    assert times(expression, BERLIN, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 2 * * *", ["10-25T02:30+0200", "10-26T02:30+0100"]),
        ("0 2,3 * * *", ["10-25T02:00+0200", "10-25T03:00+0100", "10-26T02:00+0100"]),
        ("0 1-3 * * *", ["10-25T01:00+0200", "10-25T02:00+0200", "10-25T03:00+0100"]),
        ("0 0 * * *", ["10-25T00:00+0200", "10-26T00:00+0100"]),
    ],
)
def test_what_comes_twice_is_due_the_first_time(expression: str, expected: list[str]) -> None:
    after = datetime(2026, 10, 24, 22, tzinfo=BERLIN)
    assert times(expression, BERLIN, after, len(expected)) == expected


@pytest.mark.parametrize("minute", [0, 15, 45])
@pytest.mark.parametrize("fold", [0, 1])
def test_what_was_due_the_first_time_is_not_due_again_within_the_second(minute: int, fold: int) -> None:
    begun = datetime(2026, 10, 25, 2, minute, fold=fold, tzinfo=BERLIN)
    due = Cron("30 2 * * *", BERLIN).next_after(begun)
    expected = "2026-10-25T00:30:00+00:00" if not fold and minute < 30 else "2026-10-26T01:30:00+00:00"
    assert due.isoformat() == expected


@pytest.mark.parametrize("zone", CHANGES, ids=str)
@pytest.mark.parametrize("expression", ["0 * * * *", "*/30 * * * *"])
def test_what_is_due_all_day_long_keeps_its_pace(expression: str, zone: ZoneInfo) -> None:
    step = timedelta(minutes=60 if expression.startswith("0") else 30)
    for change in CHANGES[zone]:
        moment = datetime(change.year, change.month, change.day, tzinfo=zone) - timedelta(hours=3)
        due = [moment := Cron(expression, zone).next_after(moment) for _ in range(20)]
        assert {later - earlier for earlier, later in pairwise(due)} == {step}


@given(hour=st.integers(0, 23), minute=st.integers(0, 59), zone=st.sampled_from([BERLIN, NEW_YORK]))
def test_a_daily_time_is_due_once_on_every_day_of_the_year(hour: int, minute: int, zone: ZoneInfo) -> None:
    cron, moment = Cron(f"{minute} {hour} * * *", zone), datetime(2025, 12, 31, 23, 59, tzinfo=zone)
    days = []
    for _ in range(365):
        moment = cron.next_after(moment)
        days.append(moment.astimezone(zone).date())
    assert days == [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


FIELDS = st.one_of(st.just("*"), st.sampled_from(["*/7", "*/30"]))
EXPRESSIONS = st.one_of(
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 4)),
    st.builds("{} {}-{} * * *".format, st.integers(0, 59), st.integers(0, 2), st.integers(2, 5)),
    st.builds("{} {} * * {}".format, st.sampled_from(["0", "*/20", "5,35"]), FIELDS, st.sampled_from(["*", "0", "1-5"])),
)  # fmt: skip
AROUND = st.sampled_from([datetime(year=2026, month=month, day=day, tzinfo=UTC) for month, day in (
    (3, 8), (3, 29), (4, 5), (6, 1), (10, 4), (10, 25), (11, 1),
)])  # fmt: skip


@given(
    expression=EXPRESSIONS,
    zone=ZONES,
    day=AROUND,
    since=st.integers(-3000, 3000),
    length=st.integers(0, 3000),
    seconds=st.sampled_from([0, 1, 59]),
)
def test_the_newest_time_is_the_last_of_all(
    *, expression: str, zone: ZoneInfo, day: datetime, since: int, length: int, seconds: int
) -> None:
    begin = day + timedelta(minutes=since)
    end = begin + timedelta(minutes=length, seconds=seconds)
    cron, last = Cron(expression, zone), None
    due = cron.next_after(begin - timedelta(microseconds=1))
    while due <= end:
        last = due
        following = cron.next_after(due)
        assert following > due
        assert not following.timestamp() % 60
        due = following
    assert cron.newest(begin, end) == last


def test_a_long_absence_costs_little() -> None:
    cron, now = Cron("* * * * *", BERLIN), datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
    assert cron.newest(now - timedelta(days=9000), now) == now.replace(second=0)
    assert Cron("0 0 1 1 *", UTC).newest(now - timedelta(days=9000), now) == datetime(2026, 1, 1, tzinfo=UTC)
    assert Cron("0 0 1 1 *", UTC).newest(now - timedelta(days=100), now) is None


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("", "must have 5 fields: minute, hour, day of the month, month, day of the week"),
        ("* * * *", "must have 5 fields"),
        ("* * * * * *", "must have 5 fields"),  # seconds: two times would share a name
        ("@daily", "must have 5 fields"),
        ("TZ=UTC 0 9 * * *", "must have 5 fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * 0 * *", "bad day-of-month"),
        ("* * * foo *", "bad month"),
        ("* * * * 8", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("5-1 * * * *", "bad minute"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("* * */20 * 1L", "is never due"),
    ],
)
def test_what_is_no_schedule_is_said(expression: str, text: str) -> None:
    said = problem(Cron(expression, BERLIN))
    assert said is not None
    assert said.startswith(text)
    with pytest.raises(CronError, match=text):
        Cron(expression, BERLIN).next_after(datetime(2026, 1, 1, tzinfo=UTC))


@given(st.text("*/-,#L0123456789MONW ", max_size=30))
def test_whatever_somebody_writes_is_a_schedule_or_not(text: str) -> None:
    assert problem(Cron(text, UTC)) is None or isinstance(problem(Cron(text, UTC)), str)
