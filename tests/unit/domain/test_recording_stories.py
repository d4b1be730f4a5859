"""The stories that people lose sleep over, one by one: killed here, unanswered there, and the end all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roomkeeper.domain import attempts
from roomkeeper.domain.egress import EgressResult, EgressState
from roomkeeper.domain.recording_stop import UPLOAD_SECONDS
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from tests.unit.domain.recording_model import LATEST, Faults
from tests.unit.domain.recording_theatre import LONG_ENOUGH, RESYNC, Theatre


@pytest.mark.parametrize("fuse", range(14))
@pytest.mark.parametrize("start", ["ok", "lost", "late", "busy"])
def test_there_is_one_egress_wherever_it_is_killed(start: str, fuse: int) -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.livekit.faults = Faults(start, late=LATEST)
    everything.operator.fuse = fuse
    everything.reconcile()
    everything.livekit.faults = Faults()
    everything.passes(2 * AMBIGUOUS_SECONDS)
    assert everything.stored.state == "Active"
    assert everything.livekit.starts == 1
    everything.livekit.closes()
    everything.passes(30)
    assert everything.stored.state == "Complete"
    assert len(everything.stored.status["results"]) == 1


@pytest.mark.parametrize("fuse", range(10))
@pytest.mark.parametrize("way", ["stop", "delete"])
def test_it_ends_wherever_it_is_killed(way: str, fuse: int) -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.passes(30)
    everything.operator.fuse = fuse
    if way == "stop":
        everything.kubectl(desiredState="Stopped")
    else:
        everything.delete()
    everything.passes(60)
    assert not everything.livekit.running()
    [job] = everything.livekit.jobs
    assert job.egress.state is EgressState.COMPLETE
    if way == "stop":
        assert everything.stored.state == "Stopped"
        assert not everything.stored.finalizers
        everything.kubectl(desiredState=None)
        everything.passes(LONG_ENOUGH)
        assert everything.stored.state == "Stopped"
        assert everything.livekit.starts == 1
    else:
        assert not everything.stored.is_there


def test_a_worker_that_dies_is_followed_within_two_resyncs_and_both_results_are_kept() -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.passes(70)
    [first] = everything.livekit.jobs
    first.egress = replace(first.egress, results=(EgressResult("File", "first.mp4"),))
    everything.passes(RESYNC)
    everything.livekit.dies()
    everything.passes(2 * RESYNC + 10)
    assert everything.stored.state == "Active"
    one, two = attempts.read(everything.stored.status)
    assert (one.state, one.error) == ("Failed", attempts.UNRESPONSIVE)
    assert two.is_live
    everything.livekit.closes()
    everything.passes(30)
    assert everything.stored.state == "Complete"
    assert [result["attempt"] for result in everything.stored.status["results"]] == [1, 2]
    [gap] = everything.stored.status["gaps"]
    assert gap["from"] < gap["to"]
    assert len({result["filename"] for result in everything.stored.status["results"]}) == 2


@pytest.mark.parametrize("start", ["lost", "late", "busy"])
@pytest.mark.parametrize("fuse", [None, *range(8)])
def test_a_deletion_waits_for_what_may_still_begin(start: str, fuse: int | None) -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.livekit.faults = Faults(start, late=LATEST)
    everything.operator.fuse = fuse
    everything.reconcile()
    everything.livekit.faults = Faults()
    everything.delete()
    everything.passes(2 * AMBIGUOUS_SECONDS)
    assert not everything.stored.is_there
    assert not everything.stored.orphans
    assert all(
        job.egress.state in {EgressState.ABORTED, EgressState.COMPLETE} for job in everything.livekit.jobs
    )


@pytest.mark.parametrize("start", ["lost", "late", "busy"])
def test_what_is_not_answered_while_everybody_leaves_is_armed_again_or_over(start: str) -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.livekit.faults = Faults(start, late=LATEST)
    everything.reconcile()
    everything.livekit.faults = Faults()
    everything.livekit.closes()
    everything.passes(2 * AMBIGUOUS_SECONDS)
    assert everything.stored.state == ("Armed" if start == "busy" else "Aborted")
    everything.livekit.joins()
    everything.passes(60)
    assert everything.stored.state == ("Active" if start == "busy" else "Aborted")


@pytest.mark.parametrize("why", ["the room closed", "it was told to"])
def test_a_worker_that_dies_while_it_uploads_is_not_waited_for_for_ever(why: str) -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.passes(60)
    if why == "the room closed":
        everything.livekit.closes()
    else:
        everything.kubectl(desiredState="Stopped")
    everything.passes(5)
    assert everything.stored.state == "Ending"
    everything.livekit.dies()
    everything.passes(UPLOAD_SECONDS - 60)
    assert everything.stored.state == "Ending"  # it may upload for long
    everything.passes(180)
    assert everything.stored.state == "Failed"
    [one] = attempts.read(everything.stored.status)
    assert one.error == attempts.UNRESPONSIVE


def test_an_outage_of_livekit_between_two_attempts_is_not_the_end() -> None:
    everything = Theatre()
    everything.livekit.joins()
    everything.passes(60)
    everything.livekit.fails()
    everything.livekit.faults.is_down = True
    everything.passes(LONG_ENOUGH)
    assert not everything.is_over
    everything.livekit.faults.is_down = False
    everything.passes(2 * RESYNC)
    assert everything.stored.state == "Active"
    assert [one.number for one in attempts.read(everything.stored.status)] == [1, 2]


def test_it_is_ended_within_two_seconds_of_its_deadline_over_all_attempts() -> None:
    everything = Theatre(activeDeadlineSeconds=300)
    everything.livekit.joins()
    everything.passes(100)
    everything.livekit.fails()
    everything.passes(400)
    assert everything.stored.state == "LimitReached"
    assert [one.state for one in attempts.read(everything.stored.status)] == ["Failed", "Complete"]
    uploads = 20  # the time of the model
    assert abs(everything.stored.status["recordedSeconds"] - uploads - 300) <= 2


@pytest.mark.parametrize(("patience", "state"), [(30, "Complete"), (0, "Active")])
def test_it_is_ended_when_nobody_has_been_there_for_as_long_as_declared(patience: int, state: str) -> None:
    everything = Theatre(stopWhenEmptySeconds=patience)
    everything.livekit.joins()
    everything.passes(60)
    everything.livekit.people = ()
    everything.passes(20)
    assert everything.stored.state == "Active"
    everything.passes(60)
    assert everything.stored.state == state


def test_it_is_given_up_when_nobody_comes_in_time() -> None:
    age = 3 * 3600  # of every object in these tests
    everything = Theatre(startDeadlineSeconds=age + 600)
    everything.livekit.opens()
    everything.reconcile()
    everything.passes(598)
    assert everything.stored.state == "Armed"
    everything.passes(4)
    assert everything.stored.state == "Failed"
    assert everything.livekit.starts == 0
    assert not everything.stored.finalizers


@pytest.mark.parametrize("end", ["Complete", "Failed"])
def test_it_is_deleted_when_its_time_after_the_end_is_over(end: str) -> None:
    everything = Theatre(ttlSecondsAfterFinished=600, backoffLimit=0)
    everything.livekit.joins()
    everything.passes(60)
    if end == "Failed":
        everything.livekit.fails()
    else:
        everything.livekit.closes()
    everything.passes(30)
    assert everything.stored.state == end
    everything.passes(560)
    assert everything.stored.is_there
    everything.passes(30)
    assert not everything.stored.is_there
