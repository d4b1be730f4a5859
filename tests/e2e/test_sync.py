"""Whoever compares Git with the cluster finds nothing to do: no example is OutOfSync once the operator has settled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e.examples import OURS, namespaces, opened
from tests.e2e.support import eventually, settle

if TYPE_CHECKING:
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

HOW = {
    "client-side": (),  # by a patch of what was applied last
    "server-side": ("--server-side", "--field-manager=argocd-controller", "--force-conflicts"),
}


def sources(root: Path) -> list[tuple[str, Path]]:
    """Return how each example is applied: the option of kubectl, and what it names."""
    whole = [path.parent for path in sorted(root.glob("*/kustomization.yaml"))]
    files = [path for path in sorted(root.rglob("*.yaml")) if not {*path.parents} & {*whole}]
    return [("-k", folder) for folder in whole] + [
        ("-f", path) for path in files if path.parent.name != "refused"
    ]


def make_namespaces(stack: LocalStack, files: list[Path]) -> None:
    """Make those that the texts have people make by a command."""
    documents = [one for path in files for one in yaml.safe_load_all(path.read_text()) if one]
    for name in sorted({one["metadata"]["namespace"] for one in documents if "namespace" in one["metadata"]}):
        if name not in namespaces(stack):
            stack.kubectl("create", "namespace", name)


def versions(stack: LocalStack) -> dict[str, str]:
    """Return the version of each object of ours, once the operator has seen what is declared."""
    found = json.loads(stack.kubectl("get", OURS, "-A", "-o", "json"))["items"]
    late = [
        one["metadata"]["name"]
        for one in found
        if one["status"].get("observedGeneration") != one["metadata"]["generation"]
    ]
    assert not late, late
    return {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in found}


def is_settled(stack: LocalStack) -> bool:
    """Tell whether nothing is written while the operator looks at everything again."""
    before = versions(stack)
    settle(stack)
    return bool(before) and versions(stack) == before


def difference(stack: LocalStack, *arguments: str) -> str:
    """Return what kubectl says that an apply would change."""
    try:
        return stack.kubectl("diff", *arguments)
    except KubectlError as error:  # so it ends when there are differences, too
        return str(error)


@pytest.mark.usefixtures("operator")
def test_no_example_is_out_of_sync(stack: LocalStack, tmp_path: Path) -> None:
    with opened(stack, tmp_path) as examples:
        everything = sources(examples.root / "examples")
        make_namespaces(stack, [path for option, path in everything if option == "-f"])
        for option, path in everything:
            stack.kubectl("apply", option, str(path))
        eventually("the operator has nothing left to do", lambda: is_settled(stack), within=20)
        found = {
            (path.name, how): told
            for option, path in everything
            for how, flags in HOW.items()
            if (told := difference(stack, *flags, option, str(path)))
        }
        assert found == {}
        room = ("room", "standup", "-n", "team-a")
        stack.kubectl("patch", *room, "--type=merge", "-p", '{"spec":{"maxParticipants":7}}')
        edited = next(
            path for _, path in everything if path.name == "room.yaml" and path.parent.name == "examples"
        )
        assert all(difference(stack, *flags, "-f", str(edited)) for flags in HOW.values()), (
            "an edit is not seen"
        )
        print(f"{len(everything)} examples are in sync, {' and '.join(HOW)}")
