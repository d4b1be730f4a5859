from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from roomkeeper.localstack import LocalStackError
from roomkeeper.localstack.progress import Progress
from roomkeeper.localstack.s3 import find_moto
from roomkeeper.localstack.wheels import WheelsError, install


class FakePip:
    """Writes one file into the target, or fails."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.error = ""

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.calls.append(command)
        target = next(part for part in command if part.startswith("--target="))
        folder = Path(target.removeprefix("--target="))
        folder.mkdir()
        (folder / "module.py").touch()
        return subprocess.CompletedProcess(command, 1 if self.error else 0, "", self.error)


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> FakePip:
    pip = FakePip()
    monkeypatch.setattr("roomkeeper.localstack.wheels.subprocess.run", pip)
    return pip


def test_what_is_installed_is_pinned_and_nothing_more(pip: FakePip, tmp_path: Path) -> None:
    install(tmp_path / "pins.txt", tmp_path / "cache" / "set", Progress("set"))
    (command,) = pip.calls
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert {"--no-deps", "--require-hashes", f"--requirement={tmp_path / 'pins.txt'}"} <= set(command)
    assert (tmp_path / "cache" / "set" / "module.py").exists()


def test_those_who_want_the_same_set_at_once_install_it_once(pip: FakePip, tmp_path: Path) -> None:
    def wanted(_: int) -> None:
        install(tmp_path / "pins.txt", tmp_path / "set", Progress("set"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(wanted, range(4)))
    assert len(pip.calls) == 1


def test_a_failure_leaves_nothing(pip: FakePip, tmp_path: Path) -> None:
    pip.error = "no matching distribution"
    with pytest.raises(WheelsError, match="no matching distribution"):
        install(tmp_path / "pins.txt", tmp_path / "set", Progress("set"))
    assert [path.name for path in tmp_path.iterdir()] == ["set.lock"]


def test_moto_is_installed_once(pip: FakePip, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find_moto() == find_moto()
    assert len(pip.calls) == 1
    assert "installing from PyPI" in capsys.readouterr().err


def test_without_moto_the_error_says_what_to_do(pip: FakePip, machine: Path) -> None:
    pip.error = "connection refused"
    with pytest.raises(LocalStackError, match=r"moto.*connection refused\nMake PyPI reachable"):
        find_moto()
