from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack.build import build, cache_directory, cached
from roomkeeper.localstack.errors import LocalStackError
from roomkeeper.localstack.parts import Program

if TYPE_CHECKING:
    from .conftest import FakeGo


def test_a_build_is_kept_in_the_cache(go: FakeGo, program: Program) -> None:
    assert cached(program) is None
    built = build(program)
    assert built.is_relative_to(cache_directory())
    assert cached(program) == built


@pytest.mark.parametrize(
    "change", [{"version": "v1.2.4"}, {"ldflags": "-X a=b"}, {"tags": "small"}, {"module": "livekit"}]
)
def test_another_pin_is_another_file(go: FakeGo, program: Program, change: dict[str, str]) -> None:
    build(program)
    assert cached(replace(program, **change)) is None


def test_a_build_has_the_tags_and_flags_of_its_program(go: FakeGo, program: Program) -> None:
    build(replace(program, tags="small", ldflags="-X a=b"))
    [command] = go.commands
    assert "-ldflags -s -w -X a=b -tags small " in command


def test_another_source_of_our_own_is_another_file(
    go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomkeeper.localstack.build.MODULES", tmp_path)
    ours = Program(name="ours", version="v1", module="ours", package=".", build_minutes=1)
    (tmp_path / "ours").mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / "ours" / name).touch()
    built = build(ours)
    (tmp_path / "ours" / "main.go").write_text("package main")
    assert cached(ours) is None
    (tmp_path / "ours" / "main.go").write_text("")
    assert cached(ours) == built


def test_those_who_want_the_same_program_at_once_build_it_once(go: FakeGo, program: Program) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(build, [program] * 4))
    assert len(paths) == 1
    assert go.builds == 1


def test_a_build_says_what_it_does_and_how_long_it_took(
    go: FakeGo, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    build(program)
    begin, end = capsys.readouterr().err.splitlines()
    assert begin == "kube-thing v1.2.3: building, once; about 4 min on two cores"
    assert end == "kube-thing v1.2.3: built after 0m00s"


def test_a_build_that_fails_shows_why_and_leaves_nothing(go: FakeGo, program: Program) -> None:
    go.breaks()
    with pytest.raises(LocalStackError) as caught:
        build(program)
    message = str(caught.value)
    assert "kube-thing v1.2.3 failed" in message
    assert "main.go:1: undefined: x" in message
    assert "put a kube-thing on PATH" in message
    assert cached(program) is None
    assert not list(cache_directory().glob("build-*/"))


def test_without_go_and_pip_the_error_says_what_to_install(
    machine: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalStackError, match=r"there is no go on PATH.*has no pip: install it into"):
        build(program)


def test_a_go_that_is_too_old_is_not_used(
    go: FakeGo, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    go.says("1.19.8")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalStackError, match=r"needs Go 1\.26\.0 or newer: \S+/go is older"):
        build(program)
    assert go.builds == 0


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ROOMKEEPER_CACHE": "/a"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/roomkeeper"),
        ({"HOME": "/c"}, "/c/.cache/roomkeeper"),
    ],
)
def test_where_the_cache_is(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROOMKEEPER_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_directory() == Path(expected)
