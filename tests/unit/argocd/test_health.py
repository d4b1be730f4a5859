"""Argo CD's health scripts, tested as Argo CD tests them (argo-cd: util/lua/health_test.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from roomkeeper.api import crd
from roomkeeper.api.generate import KINDS
from roomkeeper.argocd import ARGOCD, SCRIPTS
from roomkeeper.domain.objects import CustomObject
from roomkeeper.domain.room_status import conclude
from tests.unit.argocd.scripts import TESTDATA, health, load
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, kstatus
from tests.unit.domain.schemas import strict
from tests.unit.domain.shown import shown
from tests.unit.domain.test_conclude import SITUATIONS as ROOMS
from tests.unit.domain.test_recording_ends import ENDS
from tests.unit.domain.test_recording_situations import SITUATIONS as RECORDINGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.domain.builders import WorldBuilder

KIND = {kind.kind: kind for kind in KINDS}
CASES = [
    (path.parent, case)
    for path in sorted(ARGOCD.glob("*/*/health_test.yaml"))
    for case in yaml.safe_load(path.read_text())["tests"]
]
HEALTH = {CURRENT: "Healthy", IN_PROGRESS: "Progressing", FAILED: "Degraded"}


def script(kind: str) -> Path:
    return SCRIPTS / kind / "health.lua"


@pytest.mark.parametrize(
    ("folder", "case"), CASES, ids=[f"{folder.name}-{case['inputPath']}" for folder, case in CASES]
)
def test_argo_cd_makes_of_an_object_what_is_said(folder: Path, case: dict[str, Any]) -> None:
    assert health(script(folder.name), load(folder / case["inputPath"])) == case["healthStatus"]


def test_every_kind_and_every_object_is_tested() -> None:
    assert {folder.name for folder, _ in CASES} == set(KIND)
    assert sorted(folder / case["inputPath"] for folder, case in CASES) == TESTDATA


@pytest.mark.parametrize("path", TESTDATA, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_the_objects_are_such_as_the_operator_writes(path: Path) -> None:
    obj = load(path)
    kind = KIND[obj["kind"]]
    for part, schema in strict(crd.schema(kind))["properties"].items():
        if part in ("spec", "status"):
            Draft202012Validator(schema).validate(obj[part])
    body = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}}
    seen = CustomObject.from_body(kind.kind, body)
    assert path.parts[-3] == kind.kind
    assert health(script(kind.kind), obj)["status"] == HEALTH[kstatus(seen, seen.status)]


EVERY = [(name, case) for name, case, *_ in (*RECORDINGS, *ENDS)]


@pytest.mark.parametrize("recording", [case for _, case in EVERY], ids=[name for name, _ in EVERY])
def test_argo_cd_and_flux_see_every_situation_of_a_recording_alike(recording: Any) -> None:
    seen, status = recording.build().recording, shown(recording)
    assert health_of(seen, status) == HEALTH[kstatus(seen, status)]


@pytest.mark.parametrize("room", [world for _, world, *_ in ROOMS], ids=[name for name, *_ in ROOMS])
def test_argo_cd_and_flux_see_every_situation_of_a_room_alike(room: WorldBuilder) -> None:
    world = room.build()
    status = conclude(world).status
    assert health_of(world.room, status) == HEALTH[kstatus(world.room, status)]


def health_of(seen: CustomObject, status: dict[str, Any]) -> str:
    obj = {"kind": seen.key.kind, "metadata": {"generation": seen.generation}, "status": status}
    return str(health(script(seen.key.kind), obj)["status"])


@pytest.mark.parametrize(
    "obj",
    [
        {"metadata": {"generation": 1}},
        {"metadata": {"generation": 1}, "status": {}},
        {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "conditions": []}},
        {"metadata": {"generation": 2}, "status": {"observedGeneration": 1, "conditions": []}},
    ],
)
@pytest.mark.parametrize("kind", KIND)
def test_what_the_operator_has_not_seen_is_waited_for(kind: str, obj: dict[str, Any]) -> None:
    found = health(script(kind), obj)
    assert (found["status"], found["message"][:22]) == ("Progressing", "Waiting for Roomkeeper")
