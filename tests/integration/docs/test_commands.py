"""The commands and objects of the documentation, as a real kubectl, Helm and API server take them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS
from tests.unit.docs import shell
from tests.unit.docs.pages import pages
from tests.unit.docs.test_blocks import SHELL, manifests

if TYPE_CHECKING:
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

CALLED = sorted(
    {tuple(words) for block in SHELL for words in shell.commands(shell.typed(block))},
)
KUBECTL = [words[1:] for words in CALLED if words[0] == "kubectl" and words[1] != "roomkeeper"]
HELM = [words[1:] for words in CALLED if words[0] == "helm"]


def said(program: Path, *arguments: str) -> str:
    """Return what a program says of a command when it is asked for help; it has read the options before."""
    done = subprocess.run([program, *arguments, "--help"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("name", "called"), [("kubectl", KUBECTL), ("helm", HELM)])
def test_a_program_knows_the_commands_and_their_options(name: str, called: list[tuple[str, ...]]) -> None:
    program = find(PROGRAMS[name])
    unknown = said(program)
    assert [words for words in called if said(program, *words) == unknown] == []
    with pytest.raises(AssertionError, match="unknown flag: --no-such-option"):
        said(program, *called[0], "--no-such-option")


def in_the_test(value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "metadata": {**value["metadata"], "namespace": "docs"}}


def test_the_api_server_takes_every_object_of_our_kinds(cluster: LocalStack) -> None:
    objects = [in_the_test(whole.value) for page in pages() for _, whole in manifests(page)]
    assert len(objects) > 5
    for number, one in enumerate(objects):
        one["metadata"]["name"] += f"-{number}"
    everything = {"apiVersion": "v1", "kind": "List", "items": objects}
    answer = cluster.kubectl(
        "create", "--dry-run=server", "--validate=strict", "-f", "-", input=json.dumps(everything)
    )
    assert len(answer.splitlines()) == len(objects)
