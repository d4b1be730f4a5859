"""Real shells complete the command line, and kubectl that of its plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper import __version__
from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMS_HERE = Path(sys.executable).parent
COMPLETE = """
source <(roomkeeper completion bash)
COMP_WORDS=({words})
COMP_CWORD={at}
_roomkeeper_completion roomkeeper 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    kubectl = find(PROGRAMS["kubectl"])
    path = [str(PROGRAMS_HERE), str(kubectl.parent), os.environ["PATH"]]
    return {**os.environ, "PATH": ":".join(path), "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}


def run(environment: Mapping[str, str], *command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60)
    return done.stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("roomkeeper do", {"doctor"}),
        ("roomkeeper rec", {"record"}),
        ("roomkeeper completion ''", {"bash", "fish", "zsh"}),
        ("roomkeeper token --ro", {"--role"}),
        ("roomkeeper validate -o s", {"sarif"}),
    ],
)
def test_bash_completes(environment: Mapping[str, str], words: str, completed: set[str]) -> None:
    script = COMPLETE.format(words=words, at=len(words.split()) - 1)
    assert set(run(environment, "bash", "-c", script).split()) == completed


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_others_have_their_script(environment: Mapping[str, str], shell: str) -> None:
    made = run(environment, "roomkeeper", "completion", shell)
    assert f"{shell}_complete" in made
    if program := shutil.which(shell):  # it is not among what the tests need
        subprocess.run([program, "-n"], input=made, text=True, check=True, timeout=60)


def test_kubectl_runs_the_plugin(environment: Mapping[str, str]) -> None:
    assert run(environment, "kubectl", "roomkeeper", "--version").split()[-1] == __version__
    helped = run(environment, "kubectl", "roomkeeper", "stop", "--help")
    assert helped.startswith("Usage: kubectl roomkeeper stop ")
    listed = run(environment, "kubectl", "plugin", "list")
    assert str(PROGRAMS_HERE / "kubectl-roomkeeper") in listed


def test_kubectl_completes_the_plugin(environment: Mapping[str, str]) -> None:
    answered = run(environment, "kubectl", "__complete", "roomkeeper", "do").splitlines()
    assert answered[0].split("\t")[0] == "doctor"
    assert answered[1] == ":4"
    assert run(environment, "kubectl", "__complete", "roomkeeper", "get", "").split("\n")[0].startswith("rec")
