"""The image, as far as it can be made without a container engine: its own commands, in a clean virtual environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from roomkeeper import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
PREFIX = "/opt/roomkeeper"
LOCK = "requirements-run.lock"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", CONTAINERFILE, re.MULTILINE)


def pins(lock: str) -> list[Requirement]:
    return [
        Requirement(line)
        for line in re.findall(r"^[\w.-]+==[^\\\n]+", (ROOT / lock).read_text(), re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what the build stage does, but elsewhere, and by uv, which takes the same and is faster; return where."""
    context = tmp_path_factory.mktemp("image")
    prefix = context / "opt"
    shutil.copy(ROOT / LOCK, context)
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(context / "dist"))
    tools = f'export PATH="{Path(sys.executable).parent}:$PATH"'
    for command in instructions("RUN"):
        here = command.replace(PREFIX, str(prefix))
        here = re.sub(r"^pip --python (\S+) install", r"uv pip install --quiet --python \1", here)
        run("bash", "-ec", f"{tools}; {here}", cwd=context)
    return prefix


def run(*command: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    outcome = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_its_commands_install_an_operator_that_runs(installed: Path) -> None:
    (entry_point,) = instructions("ENTRYPOINT")
    (command,) = instructions("CMD")
    assert (entry_point, command) == ('["roomkeeper"]', '["run"]')
    bare = {"PATH": str(installed / "bin"), "PYTHONWARNINGS": "error"}
    assert run("roomkeeper", "--version", environment=bare).strip() == f"roomkeeper, version {__version__}"
    assert "--http-port" in run("roomkeeper", "run", "--help", environment=bare)


def test_nothing_is_in_it_that_is_not_needed_to_run(installed: Path) -> None:
    (packages,) = (installed / "lib").glob("python3.*/site-packages")
    there = {canonicalize_name(path.name.partition("-")[0]) for path in packages.glob("*.dist-info")}
    needed = {canonicalize_name(pin.name) for pin in pins(LOCK) if not pin.marker or pin.marker.evaluate()}
    assert there == needed | {"roomkeeper"}
    assert not (installed / "bin" / "pip").exists()


def test_what_runs_is_what_was_tested() -> None:
    tested = {pin.name: pin.specifier for pin in pins("requirements.lock")}
    assert {pin.name: pin.specifier for pin in pins(LOCK)}.items() <= tested.items()


@pytest.mark.parametrize("platform", ["x86_64", "aarch64"])
def test_there_are_wheels_for_every_architecture(platform: str, tmp_path: Path) -> None:
    (python,) = re.findall(r"^ARG PYTHON=\S+/python:(3\.\d+)-slim@", CONTAINERFILE, re.MULTILINE)
    run(
        str(Path(sys.executable).parent / "uv"),
        *("pip", "install", "--dry-run", "--quiet", "--target", str(tmp_path), "--require-hashes"),
        *(
            "--only-binary",
            ":all:",
            "--python-version",
            python,
            "--python-platform",
            f"{platform}-manylinux_2_28",
        ),
        *("--requirement", LOCK),
    )


def test_the_base_is_pinned_and_the_user_is_nobody() -> None:
    (base,) = instructions("ARG")
    assert re.fullmatch(r"PYTHON=\S+@sha256:[0-9a-f]{64}", base)
    assert instructions("FROM") == ["${PYTHON} AS build", "${PYTHON}"]
    assert instructions("USER") == ["65532:65532"]
