"""The chart is upgraded and removed, and nobody's rooms and recordings suffer, or hang."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import yaml

from roomkeeper.chart.generate import CHART, ROOT
from tests.e2e.chart.documented import commands, run
from tests.e2e.chart.helm import local_values
from tests.e2e.studio import ROOM
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.chart.helm import Pod, Release
    from tests.e2e.crowd import Crowd
    from tests.e2e.studio import Studio

KINDS = "livekitservers,recordingstorages,recordingschedules,recordings,rooms"
(FIRST_RELEASE,) = (ROOT / "tests" / "releases" / "0.1.0").glob("*.tgz")
UNINSTALL = "helm uninstall roomkeeper -n roomkeeper\n"


def crds(stack: LocalStack) -> list[str]:
    names = stack.kubectl("get", "crds", "-o", "name").split()
    return [name for name in names if name.endswith(".roomkeeper.dev")]


def record(studio: Studio, crowd: Crowd) -> None:
    """Have a room with somebody in it, on a server of its own, and recorded."""
    studio.open()
    studio.offer_livekit("main", studio.stack)
    studio.apply(studio.room("own", serverRef={"name": "main"}))
    secret = studio.secret(f"{ROOM}.host")
    assert secret
    assert crowd.join("alice", secret)
    assert crowd.publish("alice")
    studio.record()
    eventually("it is recorded", lambda: studio.is_("Active"), within=5)
    eventually("the other Room is Ready", lambda: studio.is_ready("own"), within=2)


def with_one_more_field(target: Path) -> Path:
    """Return a copy of the chart in which Rooms have an optional field more."""
    shutil.copytree(CHART, target)
    template = target / "templates" / "crd-roomkeeper.dev_rooms.yaml"
    before, suspend, after = template.read_text().partition("              suspend:\n")
    assert suspend
    indent = " " * 14
    template.write_text(f"{before}{indent}oneMore:\n{indent}  type: string\n{suspend}{after}")
    chart = yaml.safe_load((target / "Chart.yaml").read_text())
    (target / "Chart.yaml").write_text(yaml.safe_dump({**chart, "version": "0.2.0", "appVersion": "0.2.0"}))
    return target


def delete_everything(studio: Studio) -> None:
    """Do what the page says comes before the operator is uninstalled, while it runs."""
    documented = commands("remove")
    assert documented.endswith(UNINSTALL)
    run(studio.stack, documented.removesuffix(UNINSTALL))
    assert studio.stack.kubectl("get", KINDS, "-A", "-o", "name").split() == []
    eventually("the recording has ended", lambda: all(one.ended for one in studio.egresses()), within=5)


def test_upgraded_it_goes_on_and_removed_with_its_custom_resources_nothing_hangs(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd, tmp_path: Path
) -> None:
    stack = studio.stack
    release.install(FIRST_RELEASE, **local_values(stack))
    pod = start_pod()
    record(studio, crowd)
    egress = studio.status()["egressID"]
    stored = studio.get("recording", "talk")
    newer = with_one_more_field(tmp_path / "newer" / "roomkeeper")
    release.upgrade(newer, **local_values(stack, participantCounts=False, crds={"keep": False}))
    studio.apply(studio.room("newer", oneMore="of the new version"))
    pod.stop()
    pod = start_pod()
    assert "--participant-counts=off" in pod.arguments
    eventually("what is new works", lambda: studio.is_ready("newer"), within=5)
    assert studio.is_("Active")
    assert studio.status()["egressID"] == egress
    assert len(studio.egresses()) == 1
    assert studio.is_ready(ROOM)
    assert stored
    assert (studio.get("recording", "talk") or {})["spec"] == stored["spec"]

    delete_everything(studio)
    pod.stop()
    release.uninstall()
    eventually("the custom resources are gone", lambda: crds(stack) == [], within=5)


def test_removed_for_a_while_it_goes_on_and_removed_for_good_nothing_hangs(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd
) -> None:
    stack = studio.stack
    release.install(**local_values(stack))
    pod = start_pod()
    record(studio, crowd)
    egress = studio.status()["egressID"]
    pod.stop()
    release.uninstall()
    assert len(stack.kubectl("get", "rooms", "-n", studio.namespace, "-o", "name").split()) == 2
    release.install(**local_values(stack))
    pod = start_pod()
    assert studio.status()["egressID"] == egress
    studio.stop()
    eventually("it can be stopped", lambda: studio.is_("Stopped"), within=5)

    delete_everything(studio)
    pod.stop()
    release.uninstall()
    assert len(crds(stack)) == 5
    run(stack, commands("remove the custom resources"))
    eventually("the custom resources are gone", lambda: crds(stack) == [], within=5)


def test_what_no_operator_will_ever_let_go_can_be_let_go(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd
) -> None:
    stack = studio.stack
    release.install(**local_values(stack, crds={"keep": False}))
    pod = start_pod()
    record(studio, crowd)
    hold = json.dumps({"metadata": {"finalizers": ["example.com/other", "roomkeeper.dev/finalizer"]}})
    studio.stack.kubectl("patch", "room", "own", "-n", studio.namespace, "--type=merge", "-p", hold)
    release.uninstall()  # the pods are told to stop while the account loses its permissions
    pod.stop()
    held = ["recording/talk", f"room/{ROOM}", "room/own", "livekitserver/main"]
    printed = run(stack, commands("let go"))
    assert len(printed.splitlines()) == len(held), printed
    assert len(crds(stack)) == 3  # they wait for what is held
    run(stack, printed)
    left = stack.kubectl("get", "rooms", "-A", "-o", "jsonpath={.items[*].metadata.finalizers}")
    assert left == '["example.com/other"]'  # somebody else's
    stack.kubectl("patch", "room", "own", "-n", studio.namespace, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')  # fmt: skip
    eventually("the custom resources are gone", lambda: crds(stack) == [], within=5)
