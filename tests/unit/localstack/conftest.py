from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from roomkeeper.localstack.parts import Program

if TYPE_CHECKING:
    from pathlib import Path

# Says which version it is; builds by writing a program to -o and a line to builds.log; fails if told to.
FAKE_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi
echo "$*" >> "{log}"
while [ "$1" != -o ]; do shift; done
echo "example.org/compiled"
if [ -e "{folder}/broken" ]; then echo "main.go:1: undefined: x"; exit 1; fi
echo "#!/bin/sh" > "$2"
"""


class Executable(Protocol):
    def __call__(self, folder: Path, name: str, script: str = "#!/bin/sh\n") -> Path: ...


@pytest.fixture
def executable() -> Executable:
    def write(folder: Path, name: str, script: str = "#!/bin/sh\n") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(script)
        path.chmod(0o755)
        return path

    return write


class FakeGo:
    """A go on PATH that counts its builds."""

    def __init__(self, folder: Path, executable: Executable) -> None:
        self.folder = folder
        self._log = folder / "builds.log"
        self._executable = executable
        self.says("1.30.0")

    def says(self, version: str) -> None:
        script = FAKE_GO.format(version=version, log=self._log, folder=self.folder)
        self._executable(self.folder, "go", script)

    def breaks(self) -> None:
        (self.folder / "broken").touch()

    @property
    def builds(self) -> int:
        return len(self.commands)

    @property
    def commands(self) -> list[str]:
        """What it was asked to build, and how."""
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but a shell's own commands, and an empty cache; its PATH folder."""
    folder = tmp_path / "machine"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("ROOMKEEPER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return folder


@pytest.fixture
def go(machine: Path, executable: Executable) -> FakeGo:
    return FakeGo(machine, executable)


@pytest.fixture
def program() -> Program:
    return Program(
        name="kube-thing",
        version="v1.2.3",
        module="kube",
        package="example.org/cmd/kube-thing",
        build_minutes=4,
        kubernetes=True,
    )
