"""Argo CD's actions, tested as Argo CD tests them (argo-cd: util/lua/custom_actions_test.go)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper.api.generate import KINDS
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.argocd import ARGOCD, SCRIPTS, files
from roomkeeper.domain.attempts import ENDED
from tests.unit.argocd.scripts import STOPPED_CLOCK, discovered, load, run

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = sorted(path.parent for path in ARGOCD.glob("*/*/actions/action_test.yaml"))
TESTS = {folder: yaml.safe_load((folder / "action_test.yaml").read_text()) for folder in FOLDERS}
DISCOVERIES = [(folder, case) for folder, tests in TESTS.items() for case in tests["discoveryTests"]]
ACTIONS = [(folder, case) for folder, tests in TESTS.items() for case in tests["actionTests"]]
CONFIG_MAP = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())


@pytest.mark.parametrize(("folder", "case"), DISCOVERIES)
def test_the_actions_that_are_offered(folder: Path, case: dict[str, Any]) -> None:
    assert discovered(folder / "discovery.lua", load(folder / case["inputPath"])) == case["result"]


@pytest.mark.parametrize(("folder", "case"), ACTIONS)
def test_an_action_makes_of_an_object_what_is_said(folder: Path, case: dict[str, Any]) -> None:
    script = folder / case["action"] / "action.lua"
    made = run(script, load(folder / case["inputPath"]), at=STOPPED_CLOCK)
    assert made == load(folder / case["expectedOutputPath"])


def test_every_kind_and_every_action_is_tested() -> None:
    assert [folder.parent.name for folder in FOLDERS] == sorted(kind.kind for kind in KINDS)
    tested = {folder / case["action"] / "action.lua" for folder, case in ACTIONS}
    assert tested == set(ARGOCD.glob("*/*/actions/*/action.lua"))
    for folder, case in DISCOVERIES:
        assert {each["name"] for each in case["result"]} == {
            path.parent.name for path in folder.glob("*/action.lua")
        }


def test_a_recording_can_be_stopped_until_it_is_over() -> None:
    folder = SCRIPTS / "Recording" / "actions"
    disabled = set()
    for state in RecordingState:
        offered = discovered(folder / "discovery.lua", {"spec": {}, "status": {"state": str(state)}})
        disabled |= {state for each in offered if each["name"] == "stop" and each["disabled"]}
    assert disabled == ENDED


def test_what_other_annotations_say_stays_and_the_time_is_new() -> None:
    obj = {"metadata": {"annotations": {"example.com/note": "x", "roomkeeper.dev/reconcile-at": "before"}}}
    made = run(SCRIPTS / "Room" / "actions" / "reconcile" / "action.lua", obj)
    asked = made["metadata"]["annotations"].pop("roomkeeper.dev/reconcile-at")
    assert made["metadata"]["annotations"] == {"example.com/note": "x"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked)


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
def test_the_config_map_holds_the_scripts_as_argo_cd_reads_them(kind: str) -> None:
    folder = SCRIPTS / kind
    data = CONFIG_MAP["data"]
    assert (
        data[f"resource.customizations.health.roomkeeper.dev_{kind}"] == (folder / "health.lua").read_text()
    )
    actions = yaml.safe_load(data[f"resource.customizations.actions.roomkeeper.dev_{kind}"])
    assert actions == {
        "discovery.lua": (folder / "actions" / "discovery.lua").read_text(),
        "definitions": [
            {"name": path.parent.name, "action.lua": path.read_text()}
            for path in sorted(folder.glob("actions/*/action.lua"))
        ],
    }


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ARGOCD)))
def test_what_is_generated_is_current(path: Path) -> None:
    assert path.read_text() == files()[path]
