"""What may be done with a Lease, by what was seen of it and since when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.engine import lease
from roomkeeper.engine.lease import Record, Seen, Terms

TERMS = Terms(15)
NOW = datetime(2026, 1, 2, 12, 0, 0, 250, tzinfo=UTC)
THEIRS = Record(holder="b", address="10.0.0.2:8080", seconds=15, transitions=3, acquired="a", renewed="r")

texts = st.text(max_size=5)
records = st.builds(
    Record,
    holder=texts,
    address=texts,
    seconds=st.integers(1, 60),
    transitions=st.integers(0, 9),
    acquired=texts,
    renewed=texts,
)


def test_all_times_follow_from_one() -> None:
    terms = (TERMS.renew_seconds, TERMS.deadline_seconds, TERMS.poll_seconds, TERMS.call_seconds)
    assert terms == (5, 10, 1, 3)
    short = Terms(3)
    assert (short.renew_seconds, short.deadline_seconds) == (1, 2)


@pytest.mark.parametrize(
    ("seen", "now", "may"),
    [
        pytest.param(None, 100, True, id="there is none"),
        pytest.param(Seen(Record(), 100), 100, True, id="released"),
        pytest.param(Seen(Record(holder="a", seconds=15), 100), 100, True, id="ours"),
        pytest.param(Seen(THEIRS, 100), 100, False, id="theirs, just seen"),
        pytest.param(Seen(THEIRS, 100), 115, False, id="theirs, good to the last"),
        pytest.param(Seen(THEIRS, 100), 115.001, True, id="theirs, unchanged for too long"),
        pytest.param(
            Seen(Record(holder="b", seconds=60), 100), 116, False, id="theirs, and they said longer"
        ),
        pytest.param(Seen(Record(holder="b", seconds=3), 100), 104, True, id="theirs, and they said shorter"),
        pytest.param(Seen(Record(holder="b"), 100), 115, False, id="theirs, without a term: as long as ours"),
        pytest.param(
            Seen(Record(holder="b"), 100), 116, True, id="theirs, without a term, unchanged for too long"
        ),
    ],
)
def test_when_it_may_be_taken(seen: Seen | None, now: float, *, may: bool) -> None:
    assert lease.may_take(seen, "a", TERMS, now) is may


@given(record=records, other=records, since=st.floats(0, 1e6), later=st.floats(0, 1e6))
def test_only_a_change_starts_the_time_anew(
    record: Record, other: Record, since: float, later: float
) -> None:
    first = lease.see(None, record, since)
    assert first == Seen(record, since)
    assert lease.see(first, record, since + later) == first
    if other != record:
        assert lease.see(first, other, since + later) == Seen(other, since + later)


@given(skew=st.timedeltas())
def test_the_holders_clock_means_nothing(skew: timedelta) -> None:
    """Whatever a Record says of times, it is read as text."""
    strange = Record(holder="b", seconds=15, acquired=str(skew), renewed=str(skew))
    assert not lease.may_take(Seen(strange, 100), "a", TERMS, 110)
    assert lease.may_take(Seen(strange, 100), "a", TERMS, 116)


@pytest.mark.parametrize(
    ("before", "transitions", "acquired"),
    [
        pytest.param(None, 0, "2026-01-02T12:00:00.000250Z", id="made"),
        pytest.param(Record(transitions=3), 4, "2026-01-02T12:00:00.000250Z", id="released before"),
        pytest.param(THEIRS, 4, "2026-01-02T12:00:00.000250Z", id="expired"),
        pytest.param(Record(holder="a", transitions=3, acquired="then"), 3, "then", id="renewed"),
    ],
)
def test_what_is_written(before: Record | None, transitions: int, acquired: str) -> None:
    assert lease.taken(before, me="a", address="10.0.0.1:8080", terms=TERMS, now=NOW) == Record(
        holder="a",
        address="10.0.0.1:8080",
        seconds=15,
        transitions=transitions,
        acquired=acquired,
        renewed="2026-01-02T12:00:00.000250Z",
    )


def test_times_are_written_in_utc() -> None:
    here = NOW.astimezone(timezone(timedelta(hours=9)))
    assert (
        lease.taken(None, me="a", address="", terms=TERMS, now=here).renewed == "2026-01-02T12:00:00.000250Z"
    )


@given(before=records)
def test_whoever_reads_a_released_one_may_take_it(before: Record) -> None:
    released = lease.released(before, NOW)
    assert lease.may_take(Seen(released, 100), "a", TERMS, 100)
    assert (released.address, released.transitions) == ("", before.transitions)


@given(record=records)
def test_what_is_written_is_read_again(record: Record) -> None:
    body = record.body("livekit", "roomkeeper", None)
    assert Record.from_body(json.loads(json.dumps(body))) == record
    assert (body["apiVersion"], body["kind"]) == ("coordination.k8s.io/v1", "Lease")
    assert body["metadata"]["namespace"] == "livekit"
    assert body["metadata"]["name"] == "roomkeeper"


def test_what_others_put_into_the_metadata_stays() -> None:
    theirs: dict[str, Any] = {
        "metadata": {
            "namespace": "livekit",
            "name": "roomkeeper",
            "resourceVersion": "7",
            "labels": {"app": "x"},
            "annotations": {"example.com/note": "y", "roomkeeper.dev/address": "10.0.0.2:8080"},
        }
    }
    body = Record(holder="a", address="10.0.0.1:8080").body("livekit", "roomkeeper", theirs)
    assert body["metadata"] == {
        **theirs["metadata"],
        "annotations": {"example.com/note": "y", "roomkeeper.dev/address": "10.0.0.1:8080"},
    }
    silent = Record().body("livekit", "roomkeeper", body)
    assert silent["metadata"]["annotations"] == {"example.com/note": "y"}


@pytest.mark.parametrize("spec", [None, {}, {"holderIdentity": None, "leaseDurationSeconds": None}])
def test_an_empty_lease_is_nobodys(spec: Any) -> None:
    body = {"metadata": {"name": "roomkeeper"}, "spec": spec}
    assert Record.from_body(body) == Record()
