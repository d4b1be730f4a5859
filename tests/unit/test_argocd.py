"""Argo CD's health scripts, run as Argo CD runs and tests them (argo-cd: util/lua/lua.go, util/lua/health_test.go)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from lupa import lua51

from roomkeeper.api import crd
from roomkeeper.api.recording import KIND
from roomkeeper.domain.objects import CustomObject
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, kstatus
from tests.unit.domain.schemas import strict
from tests.unit.domain.shown import shown
from tests.unit.domain.test_recording_ends import ENDS
from tests.unit.domain.test_recording_situations import SITUATIONS

GITOPS = Path(__file__).parents[2] / "gitops" / "argocd"
SCRIPTS = sorted(GITOPS.glob("*/*/health.lua"))
RECORDING = GITOPS / "roomkeeper.dev" / "Recording" / "health.lua"
CASES = [
    (script, case)
    for script in SCRIPTS
    for case in yaml.safe_load(script.with_name("health_test.yaml").read_text())["tests"]
]
HEALTH = {CURRENT: "Healthy", IN_PROGRESS: "Progressing", FAILED: "Degraded"}
# All that Argo CD gives a script, if it is not told to give it more.
LIBRARIES = {"_G", "_VERSION", "package", "table", "os", "assert", "collectgarbage", "dofile", "error", "getfenv",
             "getmetatable", "ipairs", "load", "loadfile", "loadstring", "module", "newproxy", "next", "pairs", "pcall",
             "print", "rawequal", "rawget", "rawset", "require", "select", "setfenv", "setmetatable", "tonumber",
             "tostring", "type", "unpack", "xpcall"}  # fmt: skip


def health(script: Path, obj: dict[str, Any]) -> dict[str, Any]:
    """Return what the script makes of an object."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    names = lua.globals()
    for name in set(names) - LIBRARIES:
        names[name] = None
    names["obj"] = lua.table_from(obj, recursive=True)
    return dict(lua.execute(script.read_text()))


def load(path: Path) -> dict[str, Any]:
    """Read a manifest; the times in it are texts, as in JSON."""
    obj: dict[str, Any] = yaml.safe_load(path.read_text())
    return obj


@pytest.mark.parametrize(
    ("script", "case"), CASES, ids=[f"{script.parent.name}-{case['inputPath']}" for script, case in CASES]
)
def test_argo_cd_makes_of_an_object_what_is_said(script: Path, case: dict[str, Any]) -> None:
    assert health(script, load(script.parent / case["inputPath"])) == case["healthStatus"]


def test_every_object_is_tested() -> None:
    tested = {script.parent / case["inputPath"] for script, case in CASES}
    assert tested == set(GITOPS.glob("*/*/testdata/*.yaml"))
    assert RECORDING in SCRIPTS


@pytest.mark.parametrize("path", sorted(RECORDING.parent.glob("testdata/*.yaml")), ids=lambda path: path.stem)
def test_the_objects_are_such_as_the_operator_writes(path: Path) -> None:
    obj = load(path)
    for part, schema in strict(crd.schema(KIND))["properties"].items():
        if part in ("spec", "status"):
            Draft202012Validator(schema).validate(obj[part])
    body = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}}
    seen = CustomObject.from_body("Recording", body)
    assert health(RECORDING, obj)["status"] == HEALTH[kstatus(seen, seen.status)]


EVERY = [(name, case) for name, case, *_ in (*SITUATIONS, *ENDS)]


@pytest.mark.parametrize("recording", [case for _, case in EVERY], ids=[name for name, _ in EVERY])
def test_argo_cd_and_flux_see_every_situation_alike(recording: Any) -> None:
    status = shown(recording)
    seen = recording.build().recording
    obj = {"kind": "Recording", "metadata": {"generation": seen.generation}, "status": status}
    assert health(RECORDING, obj)["status"] == HEALTH[kstatus(seen, status)]


@pytest.mark.parametrize(
    "obj",
    [
        {"metadata": {"generation": 1}},
        {"metadata": {"generation": 1}, "status": {}},
        {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "conditions": []}},
        {"metadata": {"generation": 2}, "status": {"observedGeneration": 1, "conditions": []}},
    ],
)
def test_what_the_operator_has_not_seen_is_waited_for(obj: dict[str, Any]) -> None:
    found = health(RECORDING, obj)
    assert (found["status"], found["message"][:22]) == ("Progressing", "Waiting for Roomkeeper")
