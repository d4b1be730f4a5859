"""An attempt: the intent to record, then what its egress tells, and in the end what nothing changes any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from roomkeeper.api import crd
from roomkeeper.api.recording import KIND
from roomkeeper.api.recording_status import MAX_ATTEMPTS, RecordingState
from roomkeeper.domain import attempts, markers
from roomkeeper.domain.attempts import ENDED, Attempt
from roomkeeper.domain.egress import Egress, EgressState
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_parts import UID, an_egress

ATTEMPTS_SCHEMA = Draft202012Validator(
    crd.schema(KIND)["properties"]["status"]["properties"]["attempts"],
)
ATTEMPT_STATES = st.sampled_from([state for state in RecordingState if state not in {"Armed", "Stopped"}])
SECONDS = st.integers(0, 10**9).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
NUMBERS = st.integers(1, MAX_ATTEMPTS)
ATTEMPTS = st.builds(
    Attempt,
    number=NUMBERS,
    marker=NUMBERS.map(lambda number: str(markers.marker(UID, number))),
    requested_at=st.none() | SECONDS,
    egress_id=st.sampled_from(["", "EG_1"]),
    state=ATTEMPT_STATES,
    started_at=st.none() | SECONDS,
    ended_at=st.none() | SECONDS,
    error=st.sampled_from(["", attempts.WORKER_ERROR, attempts.NOT_FOUND, attempts.UNRESPONSIVE]),
    error_code=st.sampled_from([0, 400, 2**31 - 1]),
)
EGRESSES = st.builds(
    an_egress,
    st.just(1),
    st.sampled_from(EgressState),
    started_at=st.none() | SECONDS,
    ended_at=st.none() | SECONDS,
    has_error=st.booleans(),
    error_code=st.sampled_from([0, 404]),
)
INTENDED = attempts.intended(UID, 2, at=NOW)


def test_an_intent_says_by_what_its_egress_is_known() -> None:
    assert Attempt(2, str(markers.marker(UID, 2)), requested_at=NOW) == INTENDED
    assert INTENDED.is_live
    assert INTENDED.is_ambiguous
    assert INTENDED.seconds(NOW) == 0


@given(st.lists(ATTEMPTS, unique_by=lambda attempt: attempt.number, max_size=MAX_ATTEMPTS))
def test_status_keeps_attempts_as_they_are(known: list[Attempt]) -> None:
    rendered = [attempt.render() for attempt in known]
    ATTEMPTS_SCHEMA.validate(rendered)
    assert attempts.read({"attempts": rendered}) == tuple(sorted(known, key=lambda one: one.number))


def test_there_are_no_attempts_in_an_empty_status() -> None:
    assert attempts.read({}) == attempts.read({"attempts": None}) == attempts.read({"attempts": []}) == ()


def test_times_are_kept_in_whole_seconds() -> None:
    kept = replace(INTENDED, requested_at=NOW + timedelta(microseconds=999_999))
    assert attempts.read({"attempts": [kept.render()]}) == (INTENDED,)


@pytest.mark.parametrize("broken", ["yesterday", "", 7, None])
def test_a_time_that_somebody_has_broken_is_none(broken: Any) -> None:
    rendered = {**INTENDED.render(), "requestedAt": broken}
    assert attempts.read({"attempts": [rendered]})[0].requested_at is None


@pytest.mark.parametrize(
    ("state", "started_at", "ended_at"),
    [
        (EgressState.STARTING, None, None),
        (EgressState.ACTIVE, NOW, None),
        (EgressState.ENDING, NOW, None),
        (EgressState.COMPLETE, NOW, NOW + timedelta(seconds=9)),
        (EgressState.FAILED, NOW, NOW + timedelta(seconds=9)),
        (EgressState.LIMIT_REACHED, NOW, NOW + timedelta(seconds=9)),
        (EgressState.ABORTED, None, NOW + timedelta(seconds=9)),  # nothing was recorded
    ],
)
def test_an_attempt_is_as_its_egress(
    state: EgressState, started_at: datetime | None, ended_at: datetime | None
) -> None:
    egress = an_egress(2, state, started_at=NOW, ended_at=NOW + timedelta(seconds=9))
    seen = INTENDED.seen(egress)
    assert (str(seen.state), seen.egress_id) == (str(state), egress.id)
    assert (seen.started_at, seen.ended_at) == (started_at, ended_at)
    assert seen.is_live is state.is_live
    assert not seen.is_ambiguous
    assert (seen.number, seen.marker) == (INTENDED.number, INTENDED.marker)


def test_it_is_known_since_when_an_egress_that_has_not_begun_was_asked_for() -> None:
    """LiveKit itself tells no time before it records (egress 1.8), and a worker may die before."""
    starting = INTENDED.seen(an_egress(2, EgressState.STARTING, started_at=None))
    assert (starting.requested_at, starting.is_ambiguous) == (NOW, False)
    assert attempts.read({"attempts": [starting.render()]}) == (starting,)
    assert starting.seen(an_egress(2, EgressState.ACTIVE)).requested_at is None


def test_the_error_of_a_worker_is_a_code_and_never_its_text() -> None:
    seen = INTENDED.seen(an_egress(2, EgressState.FAILED, has_error=True, error_code=400))
    assert (seen.error, seen.error_code) == ("EgressFailed", 400)


@pytest.mark.parametrize(
    ("started_at", "ended_at", "seconds"),
    [
        (None, None, 0),
        (None, NOW, 0),
        (NOW - timedelta(seconds=90), None, 90),
        (NOW - timedelta(seconds=90), NOW - timedelta(seconds=30), 60),
        (NOW + timedelta(seconds=5), None, 0),  # of a clock that is ahead of ours
        (NOW, NOW - timedelta(seconds=5), 0),
    ],
)
def test_how_long_an_attempt_has_recorded(
    started_at: datetime | None, ended_at: datetime | None, seconds: float
) -> None:
    assert replace(INTENDED, started_at=started_at, ended_at=ended_at).seconds(NOW) == seconds


@given(attempt=ATTEMPTS, egresses=st.lists(EGRESSES, min_size=1, max_size=4))
def test_what_has_ended_never_changes(attempt: Attempt, egresses: list[Egress]) -> None:
    ended = None
    for egress in egresses:
        attempt = attempt.seen(egress)
        assert ended in (None, attempt)
        ended = attempt if attempt.state in ENDED else None
    assert attempt.is_live is (attempt.state not in ENDED)


@given(attempt=ATTEMPTS, egress=EGRESSES)
def test_seeing_the_same_again_changes_nothing(attempt: Attempt, egress: Egress) -> None:
    once = attempt.seen(egress)
    assert once.seen(egress) == once
    assert not once.is_ambiguous or once == attempt


def test_an_attempt_that_came_to_nothing_is_over() -> None:
    failed = INTENDED.failed(attempts.REJECTED, at=NOW, code=400)
    assert (failed.state, failed.ended_at, failed.error, failed.error_code) == (
        RecordingState.FAILED,
        NOW,
        "Rejected",
        400,
    )
    assert not failed.is_live
    assert not failed.is_ambiguous
    assert failed.seen(an_egress(2)) == failed
