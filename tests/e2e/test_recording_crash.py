"""An operator is killed at each call that it makes for a Recording: its successor records once, stops, and lets go."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from roomkeeper.localstack.ports import Ports
from tests.e2e.crash_scenes import Point, Scene, View, until
from tests.e2e.nursery import Nursery
from tests.e2e.studio import BUCKET, S3_SECRET
from tests.e2e.support import assert_tells_no_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.crowd import Crowd

    Stage = Callable[[list[Point | None]], list[Scene]]


@pytest.fixture
def stage(stack: LocalStack, tmp_path: Path) -> Iterator[Stage]:
    """Return what makes scenes, with all that they need but their operators."""
    ports, made = Ports(), list[Scene]()
    stack.s3.create_bucket(BUCKET)

    with Nursery(stack) as nursery, closing(ports), closing(View(stack)) as view:

        def make(points: list[Point | None]) -> list[Scene]:
            scenes = [
                Scene(stack, nursery, view, log=tmp_path / f"{port}.log", port=port, point=point)
                for point in points
                for port in [ports.tcp()]
            ]
            made.extend(scenes)
            items = [item for scene in scenes for item in scene.declared()]
            everything = {"apiVersion": "v1", "kind": "List", "items": items}
            stack.kubectl("apply", "-f", "-", input=json.dumps(everything))
            return scenes

        yield make
        told = stack.kubectl("get", "recordings,rooms,events", "-A", "-o", "json")
        assert_tells_no_secret(stack, "an Event or a status", told, S3_SECRET)
        with ThreadPoolExecutor(len(made)) as threads:
            list(threads.map(Scene.end, made))
    stack.kubectl("delete", "namespace", *(scene.namespace for scene in made), "--wait=false")


def points_of(phases: dict[str, list[str]]) -> list[Point | None]:
    """Return each call twice, and each of the start once more: for a Recording that is deleted while nobody works."""
    return [
        Point(phase, call, calls[:index].count(call), when, then)
        for phase, calls in phases.items()
        for index, call in enumerate(calls, start=1)
        for when, then in (("before", ""), ("after", ""), ("after", "delete"))
        if not then or phase == "start"
    ]


def rehearse(stage: Stage, crowd: Crowd) -> dict[str, list[str]]:
    """Let two Recordings be started, one be stopped and one be deleted, and return the calls of each phase."""
    found: dict[str, list[str]] = {}
    for scene, phase in zip(stage([None, None]), ("stop", "delete"), strict=True):
        scene.begin(crowd)
        scene.right("start")
        scene.ask(phase)
        scene.right(phase)
        for name in ("start", phase):
            calls = [one["call"] for one in scene.calls() if one["phase"] == name]
            found[name] = max(calls, found.get(name, []), key=len)
    return found


def play(scene: Scene, crowd: Crowd) -> Scene | AssertionError:
    try:
        scene.play(crowd)
    except AssertionError as error:
        return AssertionError(f"{scene.point}, {scene.namespace}: {error}")
    return scene


def tell(scenes: list[Scene]) -> None:
    print("phase         when    call                           until all was right")
    for scene in scenes:
        assert scene.point
        phase = ", ".join(filter(None, (scene.point.phase, scene.point.then)))
        call = f"{scene.point.call} {scene.point.number}"
        seconds = (
            f"{scene.seconds:5.1f} s" if scene.was_killed else "not reached: it makes no such call each time"
        )
        window = ", once nothing could come of the first request" if scene.asked_in_vain else ""
        print(f"{phase:13} {scene.point.when:7} {call:30} {seconds}{window}")


def check_that_each_call_was_the_last(phases: dict[str, list[str]], scenes: list[Scene]) -> None:
    """How often it looks, and what it sees on the way, is another thing each time; that it makes a call is not."""
    reached = {(one.point.phase, one.point.call) for one in scenes if one.point and one.was_killed}
    assert reached == {(phase, call) for phase, calls in phases.items() for call in calls}
    assert sum(one.was_killed for one in scenes) > 0.8 * len(scenes)


def check_that_the_window_was_waited_out(scene: Scene) -> None:
    assert scene.point
    assert scene.asked_in_vain
    if scene.point.then == "delete":
        assert not scene.egresses()
        assert scene.seconds > AMBIGUOUS_SECONDS / 2
    else:
        [egress] = scene.egresses()
        assert egress.started
        assert (egress.started - scene.asked_in_vain).total_seconds() >= AMBIGUOUS_SECONDS


@pytest.mark.timeout(600)
def test_wherever_its_operator_is_killed_a_recording_is_made_once_stopped_and_let_go(
    stage: Stage, crowd: Crowd
) -> None:
    phases = rehearse(stage, crowd)
    for phase, calls in phases.items():
        print(f"{phase}: {len(calls)} calls: {', '.join(calls)}")
    scenes = stage(points_of(phases))
    with ThreadPoolExecutor(len(scenes)) as threads:
        played = list(threads.map(lambda scene: play(scene, crowd), scenes))
    failed = [one for one in played if isinstance(one, AssertionError)]
    tell(scenes)
    assert not failed, "\n".join(map(str, failed))

    check_that_each_call_was_the_last(phases, scenes)
    in_vain = [scene for scene in scenes if scene.asked_in_vain]
    assert {scene.point.then for scene in in_vain if scene.point} == {"", "delete"}
    for scene in in_vain:
        check_that_the_window_was_waited_out(scene)
    in_seconds = [scene.seconds for scene in scenes if not scene.asked_in_vain]
    print(f"the others took {max(in_seconds):.1f} s at most, {median(in_seconds):.1f} s mostly")
    assert max(in_seconds) < AMBIGUOUS_SECONDS / 2
    recording = [scene for scene in scenes if scene.point and scene.point.aim == "start"]
    for scene in recording:
        crowd.leave(scene.namespace)
    for scene in recording:
        until(f"{scene.point} is complete", lambda scene=scene: scene.state() == "Complete", seconds=30)
    for scene in scenes:
        scene.once()


def test_a_start_is_found_again_whose_operator_was_killed_before_the_answer(
    stage: Stage, crowd: Crowd
) -> None:
    [scene] = stage([None])
    scene.stack.egress_standin.fault(scene.room_name, "answer_lost")
    scene.begin(crowd)
    until("the worker has begun", scene.egresses)
    assert not scene.status()["attempts"][0].get("egressID")
    scene.follow("start")
    print(f"recorded {scene.seconds:.1f} s after the end of the operator that asked for it")
    assert scene.seconds < AMBIGUOUS_SECONDS / 2
    crowd.leave(scene.namespace)
    until("it is complete", lambda: scene.state() == "Complete", seconds=30)
    scene.once()
