from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import LocalStack, LocalStackError, __main__, egress

if TYPE_CHECKING:
    from .conftest import Executable

# Says that a package is installed unless its name is in the file.
DPKG = """#!/bin/sh
for package; do :; done
while read -r lacking; do
  if [ "$lacking" = "$package" ]; then exit 1; fi
done < "{file}"
printf installed
"""


class Debian:
    """A machine whose dpkg-query knows what it lacks."""

    def __init__(self, folder: Path, executable: Executable) -> None:
        self._file = folder / "lacking"
        self.lacks()
        executable(folder, "dpkg-query", DPKG.format(file=self._file))

    def lacks(self, *packages: str) -> None:
        self._file.write_text("".join(f"{package}\n" for package in packages))


@pytest.fixture
def debian(machine: Path, executable: Executable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debian:
    monkeypatch.setattr(egress, "_FILES", tmp_path / "home" / "egress")
    return Debian(machine, executable)


def test_nothing_is_missing_where_all_packages_are(debian: Debian) -> None:
    assert egress.missing() == ""


def test_what_is_missing_is_said_as_a_command(debian: Debian) -> None:
    debian.lacks("chromium", "xvfb")
    command = "apt-get install --no-install-recommends chromium xvfb"
    assert egress.missing() == f"The real Egress needs packages: {command}"


def test_a_machine_without_debians_packages_is_told_which(machine: Path) -> None:
    assert egress.missing() == f"The real Egress needs Debian 12, with the packages of {egress.PACKAGES}"


def test_a_folder_that_cannot_be_written_is_missing(
    debian: Debian, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(egress.os, "access", lambda path, mode: path != tmp_path)
    assert f"install -d -o $USER {tmp_path}/home/egress" in egress.missing()


def test_a_stack_with_egress_says_what_is_missing_before_it_starts(
    debian: Debian, tmp_path: Path, executable: Executable, machine: Path
) -> None:
    debian.lacks("pulseaudio")
    for program in ("livekit-server", "redis-server"):
        executable(machine, program)
    stack = LocalStack(directory=tmp_path / "stack", parts=("redis", "livekit", "egress"))
    with pytest.raises(LocalStackError, match=r"apt-get install --no-install-recommends pulseaudio"):
        stack.start()


def test_a_build_goes_on_without_what_egress_lacks(
    debian: Debian, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    debian.lacks("gcc")
    everything_is_found(monkeypatch)
    assert __main__.main() == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("egress:"))
    assert line.endswith("apt-get install --no-install-recommends gcc")


def test_under_ci_egress_is_built_whatever_seems_to_be_missing(
    debian: Debian, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    debian.lacks("gcc")
    everything_is_found(monkeypatch)
    monkeypatch.setenv("CI", "true")
    assert __main__.main() == 0
    assert "egress: /found" in capsys.readouterr().out.splitlines()


def everything_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["localstack", "build"])
    monkeypatch.delenv("CI", raising=False)
    for name in ("find", "find_redis", "find_moto", "find_web_client"):
        monkeypatch.setattr(__main__, name, lambda *_: Path("/found"))
