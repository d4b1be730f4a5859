"""Every example, applied as its text says, on real parts; the commands in the texts print what the texts say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.examples import BUCKET, EXAMPLES, opened, text_of
from tests.e2e.looks import dispatches, somebody, tracks
from tests.e2e.support import Cluster, eventually
from tests.e2e.transcripts import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.examples import Examples
    from tests.e2e.support import OperatorProcess

FOLDERS = sorted(
    path.parent.name for path in EXAMPLES.glob("*/README.md") if path.parent.name != "web-client"
)


@pytest.fixture(scope="module")
def examples(
    stack: LocalStack, operator: OperatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    with opened(stack, tmp_path_factory.mktemp("examples")) as here:
        yield here


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


def test_every_folder_with_a_text_has_a_test() -> None:
    assert {f"test_{folder}" for folder in FOLDERS} <= set(globals())


def test_gitops(examples: Examples, livekit: LiveKitView) -> None:
    with examples.of("gitops") as follow:
        follow("Try it")
        follow("How to check it")
    assert livekit.room("team-blue_standup")
    assert json.loads(livekit.room("team-red_standup").metadata) == {"topic": "standup"}
    assert sorted(examples.tokens("team-red", "standup.host")) == ["ravi", "rick", "rosa"]


def test_tenants(examples: Examples, livekit: LiveKitView) -> None:
    with examples.of("tenants") as follow:
        follow("Try it")
        follow("How to check it")
    assert len(examples.tokens("team-b", "workshop-seats")) == 25
    assert livekit.room("team-b_stadium") is None


def test_webinar(examples: Examples, livekit: LiveKitView, crowd: Crowd) -> None:
    name = "webinar_launch"
    with examples.of("webinar") as follow:
        follow("Try it")
        follow("How to check it")
        assert crowd.join("viewer", examples.tokens("webinar", "launch.audience")["audience-7"])
        viewer = eventually("the viewer is in", lambda: somebody(livekit, name, "audience-7"), within=2)
        assert (viewer.permission.can_subscribe, viewer.permission.can_publish) == (True, False)
        assert crowd.join("speaker", examples.tokens("webinar", "launch.speaker")["sven"])
        assert crowd.publish("speaker")
        follow("While it runs")
    eventually("the viewer is out", lambda: somebody(livekit, name, "audience-7") is None, within=2)
    eventually("the speaker is mute", lambda: tracks(livekit, name, "sven") == [], within=2)
    assert json.loads(livekit.room(name).metadata)["onAir"] is True
    assert len(examples.tokens("webinar", "launch.audience")) == 99


def test_support(examples: Examples, livekit: LiveKitView, crowd: Crowd) -> None:
    with examples.of("support") as follow:
        follow("Try it")
        follow("How to check it")
        assert livekit.room("support_desk") is None
        assert crowd.join("caller", examples.tokens("support", "desk.customer")["customer"])
        assert livekit.room("support_desk").max_participants == 3
        assert crowd.join("another", examples.tokens("support", "ticket-4711.customer")["customer"])
        livekit.delete("support_ticket-4711")  # as `lk room delete` does
        follow("When the call is over")
    assert livekit.room("support_ticket-4711") is None


def test_lectures(examples: Examples, crowd: Crowd) -> None:
    with examples.of("lectures") as follow:
        follow("Try it")
        follow("How to check it")
        assert crowd.join("lecturer", examples.tokens("lectures", "algebra.lecturer")["emmy"])
        assert crowd.publish("lecturer")
        follow("While somebody speaks")
    assert len(media(examples.stack, "lectures/", ".mp4")) == 1


def test_hls(examples: Examples, livekit: LiveKitView, crowd: Crowd) -> None:
    with examples.of("hls") as follow:
        follow("Try it")
        follow("How to check it")
        assert crowd.join("olga", examples.tokens("town-hall", "all-hands.stage")["olga"])
        assert crowd.publish("olga")
        here = Cluster(examples.stack, "town-hall")
        eventually("the session has its Recording", lambda: here.list("recordings"), within=2)
        follow("While somebody speaks")
        livekit.delete("town-hall_all-hands")  # as LiveKit does a while after the last one has left
        follow("When all have left")
    assert len(media(examples.stack, "town-hall/all-hands/", "index.m3u8")) == 1


def test_agent(examples: Examples, crowd: Crowd) -> None:
    name, stack = "tutoring_french", examples.stack
    with examples.of("agent") as follow:
        follow("Try it")
        follow("How to check it")
    assert dispatches(stack, name) == []
    assert crowd.join("luc", examples.tokens("tutoring", "french.learner")["luc"])
    eventually(
        "the tutor is sent", lambda: [one for one, _ in dispatches(stack, name)] == ["tutor"], within=2
    )


def test_recordings(examples: Examples) -> None:
    with examples.of("recordings") as follow:
        follow("Try it")
        follow("How to check it")
    for step in steps(text_of(".")):
        examples.run(step)
    examples.stack.kubectl("apply", "-f", str(EXAMPLES))
    ready = ("wait", "--for=condition=Ready", "rooms", "--all", "-n", "team-a", "--timeout=60s")
    examples.stack.kubectl(*ready)


def media(stack: LocalStack, prefix: str, ending: str) -> list[str]:
    return [key for key in stack.s3.keys(BUCKET, prefix) if key.endswith(ending)]
