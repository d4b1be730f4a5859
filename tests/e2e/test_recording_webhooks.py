"""Recordings on three LiveKits: one whose webhooks arrive, one whose are lost, one whose come twice and in any order."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.meetings import Meetings, meetings
from tests.e2e.relay import Relay
from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import another_livekit
from tests.e2e.workers import nothing_is_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.manifests.base import JSON
    from tests.e2e.support import OperatorProcess

PARTS = ("redis", "livekit", "egress_standin")
WITHIN = {"told": 2.0, "not told": 2.0 * RESYNC_SECONDS, "told twice": 5.0}
ROOMS = ("completes", "is-stopped", "runs-out", "is-cut-off", "fails", "follows")
EXPECTED = {
    "completes": ("Complete", ["Complete"]),
    "is-stopped": ("Stopped", ["Complete"]),
    "runs-out": ("LimitReached", ["Complete"]),
    "is-cut-off": ("LimitReached", ["LimitReached"]),
    "fails": ("Failed", ["Failed"]),
    "follows": ("Complete", ["Aborted", "Complete"]),
}
LIMIT_SECONDS = 15  # longer than until it is seen that it is active


class Worlds:
    """The three, driven step by step side by side."""

    def __init__(self, worlds: dict[str, Meetings]) -> None:
        self.all = worlds

    def each(self, do: Callable[[Meetings], None]) -> None:
        """Do something in each."""
        for world in self.all.values():
            do(world)

    def until(self, what: str, check: Callable[[Meetings], bool], *, within: float) -> None:
        """Wait until something is so on every LiveKit, whatever the operator knows of it."""
        for world, here in self.all.items():
            eventually(f"{what} ({world})", lambda here=here: check(here), within=within)

    def become(self, state: str, *names: str) -> None:
        """Wait until Recordings are in a state, in each world for as long as news of it may take there."""
        for world, here in self.all.items():
            what = f"{', '.join(names)}: {state} ({world})"
            eventually(what, lambda here=here: here.are(state, names), within=WITHIN[world])


@pytest.fixture
def relay(stack: LocalStack) -> Iterator[Relay]:
    with Relay(f"http://127.0.0.1:{stack.operator_port}/livekit/webhook") as relay:
        yield relay


@pytest.fixture
def worlds(stack: LocalStack, operator: OperatorProcess, relay: Relay, tmp_path: Path) -> Iterator[Worlds]:
    with ExitStack() as opened:
        silent = opened.enter_context(another_livekit(stack, tmp_path / "1", parts=PARTS, webhook_url=""))
        noisy = opened.enter_context(
            another_livekit(stack, tmp_path / "2", parts=PARTS, webhook_url=relay.url)
        )
        yield Worlds(
            {
                "told": opened.enter_context(meetings(stack)),
                "not told": opened.enter_context(meetings(stack, media=silent)),
                # Of an egress it hears four times: by the URL of the server, and by that of the request.
                "told twice": opened.enter_context(meetings(stack, media=noisy, webhook={"url": relay.url})),
            }
        )


def standing(status: JSON) -> JSON:
    """Return what of a status must not depend on how news came: everything but times and names."""
    return {
        "state": status["state"],
        "attempts": [
            (one["number"], one["state"], one.get("error"), one.get("errorCode"))
            for one in status["attempts"]
        ],
        "results": [(one["attempt"], one["type"], sorted(one)) for one in status.get("results", ())],
        "conditions": {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]},
        "gaps": len(status.get("gaps", ())),
    }


def egress_is(here: Meetings, name: str, status: str, number: int = 1) -> bool:
    """Tell whether the worker's egress of that number is so far."""
    found = here.ran(name)
    return len(found) >= number and found[number - 1].status == f"EGRESS_{status}"


def is_over(here: Meetings, *names: str) -> bool:
    """Tell whether no egress of these rooms runs."""
    return not any(here.running(*names).values())


def test_how_news_comes_decides_only_how_soon(stack: LocalStack, worlds: Worlds, relay: Relay) -> None:
    worlds.each(begin)
    worlds.become("Armed", *ROOMS)
    worlds.each(lambda here: here.join(*ROOMS))
    worlds.become("Active", "completes", "is-stopped", "runs-out", "fails")
    worlds.until(
        "the second egress records",
        lambda here: egress_is(here, "follows", "ACTIVE", 2),
        within=4 * RESYNC_SECONDS,
    )
    worlds.become("Active", "follows")
    worlds.until(
        "the worker has cut it off", lambda here: egress_is(here, "is-cut-off", "LIMIT_REACHED"), within=2
    )
    worlds.become("LimitReached", "is-cut-off")

    with nothing_is_stored(stack):
        worlds.each(lambda here: here.leave("completes"))
        worlds.until("the egress ends", lambda here: egress_is(here, "completes", "ENDING"), within=3)
        worlds.become("Ending", "completes")
    worlds.become("Complete", "completes")

    worlds.each(lambda here: here.stop("is-stopped"))
    worlds.each(lambda here: here.leave("fails", "follows"))
    worlds.until("they have ended", lambda here: is_over(here, "fails", "follows"), within=4)
    worlds.become("Stopped", "is-stopped")
    worlds.become("Failed", "fails")
    worlds.become("Complete", "follows")
    worlds.until("its time is up", lambda here: is_over(here, "runs-out"), within=LIMIT_SECONDS)
    worlds.become("LimitReached", "runs-out")

    relay.wait()
    are_the_same(worlds)
    came_twice_and_shuffled(relay)


def are_the_same(worlds: Worlds) -> None:
    """Fail unless every Recording ended as expected, in all worlds alike, with no egress more than attempts."""
    statuses = {world: here.statuses() for world, here in worlds.all.items()}
    for name in ROOMS:
        shown = {world: standing(statuses[world][name]) for world in worlds.all}
        assert shown["not told"] == shown["told"]
        assert shown["told twice"] == shown["told"]
        attempts = [state for _, state, *_ in shown["told"]["attempts"]]
        assert (shown["told"]["state"], attempts) == EXPECTED[name]
        for here in worlds.all.values():
            assert len(here.ran(name)) == len(attempts)


def begin(here: Meetings) -> None:
    """Declare all of it, and what will go wrong."""
    here.hold(*ROOMS)
    worker = here.media.egress_standin
    worker.fault(here.live_name("is-cut-off"), "reach_limit", seconds=1)
    worker.fault(here.live_name("fails"), "fail_upload")
    worker.fault(here.live_name("follows"), "abort")
    here.record_all("completes", "is-stopped", "is-cut-off")
    here.record_all("follows", backoffLimit=1)
    here.record_all("fails", backoffLimit=0)
    here.record_all("runs-out", activeDeadlineSeconds=LIMIT_SECONDS)


def came_twice_and_shuffled(relay: Relay) -> None:
    """Fail unless the relay did what it is for, and the operator has taken every delivery."""
    assert {status for _, status in relay.delivered} == {200}
    order = [event for event, _ in relay.delivered]
    assert sorted(order) == sorted(relay.taken * 2)
    firsts = list(dict.fromkeys(order))
    moved = sum(one != other for one, other in zip(firsts, dict.fromkeys(relay.taken), strict=True))
    print(f"{len(relay.taken)} webhooks came {len(order)} times, {moved} of them out of their order")
    assert moved > len(firsts) / 2
