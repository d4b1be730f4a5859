"""Workers that die, and a LiveKit that is away: who does not answer is replaced, who only cannot be reached is not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from livekit.protocol import models

from tests.e2e.conftest import LiveKitView
from tests.e2e.looks import resyncs
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import another_livekit
from tests.e2e.workers import another_worker, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

PARTS = ("redis", "livekit", "egress_standin")
ICE_SECONDS = 30  # until LiveKit gives up somebody who has left without a word
AWAY_SECONDS = 8  # longer than a resync


@pytest.fixture(scope="module")
def media(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Return a LiveKit with a worker of its own, both of which the tests kill."""
    with another_livekit(stack, tmp_path_factory.mktemp("media"), parts=PARTS) as media:
        yield media


@pytest.fixture
def here(stack: LocalStack, operator: OperatorProcess, media: LocalStack) -> Iterator[Meetings]:
    with meetings(stack, media=media) as here:
        yield here


def workers_in(here: Meetings, name: str) -> list[str]:
    """Return the identities of the egress workers in a room, as LiveKit lists them."""
    there = LiveKitView(here.media).participants(here.live_name(name))
    return [one.identity for one in there if one.kind == models.ParticipantInfo.EGRESS]


def responsive(here: Meetings, name: str) -> tuple[str, str]:
    found = here.recording_condition(name, "EgressResponsive")
    return found["status"], found["reason"]


def begin(here: Meetings, *names: str, **spec: object) -> dict[str, str]:
    """Record rooms in which somebody is, and return the egress of each."""
    here.hold(*names)
    here.record_all(*names, **spec)
    here.join(*names)
    eventually("they are being recorded", lambda: here.are("Active", names), within=5)
    return {name: here.status(name)["egressID"] for name in names}


def is_missed(here: Meetings, name: str) -> datetime:
    """Wait until LiveKit lists the worker no more, and then until that is said; return when it was."""
    eventually("LiveKit lists the worker no more", lambda: not workers_in(here, name), within=ICE_SECONDS)
    gone = datetime.now(UTC)
    unresponsive = ("False", "EgressUnresponsive")
    eventually(
        "EgressResponsive=False", lambda: responsive(here, name) == unresponsive, within=2 * RESYNC_SECONDS
    )
    return gone


def records_again(here: Meetings, name: str) -> None:
    """Wait until a second attempt is Active."""

    def states() -> list[str]:
        return [one["state"] for one in here.status(name)["attempts"]]

    eventually("a second egress records", lambda: states() == ["Failed", "Active"], within=15)


def test_workers_that_are_gone_are_replaced_and_one_that_comes_back_is_told_to_end(
    here: Meetings, tmp_path: Path
) -> None:
    worker, rooms = here.media.egress_standin, ("dies", "freezes", "is-killed")
    begun = begin(here, "dies", "freezes")
    worker.fault(here.live_name("dies"), "die")
    eventually("it is dead", lambda: not here.running("dies")["dies"], within=2)
    with another_worker(here.media, tmp_path) as second:
        with frozen(worker):
            begun |= begin(here, "is-killed")
            second.kill()
            second.start()  # as Kubernetes does; it knows nothing of what ran
            missed = {name: is_missed(here, name) for name in rooms}
            for name in rooms:
                records_again(here, name)
        again = {name: here.status(name)["egressID"] for name in rooms}
        eventually(
            "the one that was frozen is ended",
            lambda: not here.running("freezes")["freezes"],
            within=3 * RESYNC_SECONDS,
        )
        assert here.states() == {"Active": len(rooms)}
        here.leave(*rooms)
        eventually("all are complete", lambda: here.are("Complete", rooms), within=5)
        for name in rooms:
            was_replaced(here, name, begun[name], again[name], missed[name])
            assert [one.id for one in second.egresses(here.live_name(name))] == [again[name]]
        both_are_kept(here, "dies", "is-killed")


def was_replaced(here: Meetings, name: str, first: str, second: str, missed: datetime) -> None:
    """Fail unless the two attempts are these egresses, with the gap between them, and it was told."""
    status = here.status(name)
    [gone, again] = status["attempts"]
    assert (gone["egressID"], gone["state"], gone["error"]) == (first, "Failed", "EgressUnresponsive")
    assert (again["egressID"], again["state"]) == (second, "Complete")
    assert second != first
    assert responsive(here, name) == ("True", "EgressResponsive")
    [gap] = status["gaps"]
    assert gap == {"from": gone["endedAt"], "to": again["startedAt"]}
    began, ended = datetime.fromisoformat(gap["from"]), datetime.fromisoformat(gap["to"])
    print(f"{name}: a gap of {(ended - began).total_seconds():.0f} s")
    assert began <= missed
    assert any(reason == "AttemptFailed" for _, reason, _ in here.told(name))


def both_are_kept(here: Meetings, *names: str) -> None:
    """Fail unless status has a result of each attempt, of different names; a worker that is dead has left no object."""
    for name in names:
        [gone, again] = here.status(name)["results"]
        assert (gone["attempt"], again["attempt"]) == (1, 2)
        assert gone["filename"] != again["filename"]
        assert "location" not in gone
        assert here.objects(f"{name}-") == [again["filename"]]


def test_it_is_given_up_after_as_many_attempts_as_backoff_limit_allows(here: Meetings) -> None:
    here.hold("standup")
    here.media.egress_standin.fault(here.live_name("standup"), "abort", times=9)
    here.record_all("standup", backoffLimit=2)
    here.join("standup")
    eventually("it is given up", lambda: here.is_("Aborted", "standup"), within=10)
    here.media.egress_standin.clear_faults(here.live_name("standup"))
    assert [one["state"] for one in here.status("standup")["attempts"]] == ["Aborted"] * 3
    names = [one.request["roomComposite"]["fileOutputs"][0]["filepath"] for one in here.ran("standup")]
    assert len(set(names)) == 3
    assert [reason for _, reason, _ in here.told("standup")].count("AttemptFailed") == 2


def test_a_livekit_that_is_away_for_a_while_costs_no_recording(here: Meetings, stack: LocalStack) -> None:
    begun = begin(here, "goes-on", "is-stopped")
    here.media.livekit.kill()
    here.stop("is-stopped")
    time.sleep(AWAY_SECONDS)  # the operator finds nobody who could answer, resync after resync
    assert here.states() == {"Active": 2}
    here.media.livekit.start()
    eventually("it is stopped", lambda: here.is_("Stopped", "is-stopped"), within=ICE_SECONDS)
    eventually(
        "the worker is back in its room",
        lambda: workers_in(here, "goes-on") == [begun["goes-on"]],
        within=ICE_SECONDS,
    )
    resyncs(stack, number=3, livekit=here.media.livekit)
    assert here.state("goes-on") == "Active"
    assert responsive(here, "goes-on") == ("True", "EgressResponsive")
    here.leave("goes-on")
    eventually("it is complete", lambda: here.is_("Complete", "goes-on"), within=5)
    assert {name: [one.id for one in here.ran(name)] for name in begun} == {
        name: [egress] for name, egress in begun.items()
    }
    assert len(here.objects()) == 2
