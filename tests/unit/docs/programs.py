"""What can be told of a documented command without running it: each function yields what is wrong with its words."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import click
import yaml

from roomkeeper.chart.generate import CHART
from roomkeeper.chart.values import documented
from roomkeeper.cli import main
from tests.unit.docs import lk
from tests.unit.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Programs that everybody has, or that the text around says how to get.
OTHERS = frozenset({
    "apt-get", "base64", "cat", "cd", "cosign", "curl", "date", "docker", "export", "ffprobe", "git", "grep", "jq", "kill",
    "ls", "mkdir", "mv", "npm", "openssl", "pip", "python", "python3", "rm", "sed", "sleep", "sort", "source", "tail", "xargs",
})  # fmt: skip
# Options by which kubectl and helm are given files.
_FILES = frozenset({"-f", "--filename", "-k", "--kustomize", "--patch-file", "--values"})
_SETS = frozenset({"--set", "--set-string"})
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
_TARGETS = frozenset(re.findall(r"^([a-z]+):", _MAKEFILE, re.MULTILINE))


def flaws(words: list[str]) -> Iterator[str]:
    """Yield what is wrong with a command."""
    program, *rest = words
    check = {"roomkeeper": _roomkeeper, "make": _make, "helm": _helm, "lk": lk.flaws}.get(program)
    if check:
        yield from check(rest)
    elif program == "kubectl-roomkeeper" or (program == "kubectl" and rest[:1] == ["roomkeeper"]):
        yield from _roomkeeper(rest[1:])
    elif program not in {"kubectl"} | OTHERS:
        yield f"nobody knows the program {program}"


def files(words: list[str]) -> list[str]:
    """Return the files of this machine that a command is to read."""
    named = [words[at + 1] for at, word in enumerate(words[:-1]) if word in _FILES]
    named += [word.partition("=")[2] for word in words if word.partition("=")[0] in _FILES and "=" in word]
    if words[:2] == ["roomkeeper", "validate"] or words[:2] == ["roomkeeper", "plan"]:
        named += [word for word in words[2:] if re.search(r"[./]", word) and not word.startswith("-")]
    return [
        name for name in named if name not in {"-", "Containerfile"} and not re.match(r"\w+:|/tmp/", name)
    ]


def _roomkeeper(words: list[str]) -> Iterator[str]:
    command: click.Command = main
    name, rest = "roomkeeper", list(words)
    try:
        while True:
            context = command.make_context(name, rest)
            if not isinstance(command, click.Group):
                return
            _, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            assert found
            name, command = found.name or "", found
    except click.exceptions.Exit:  # --help
        return
    except click.UsageError as error:
        if not error.format_message().endswith("does not exist."):  # whatever the page has made
            yield error.format_message()


def _make(words: list[str]) -> Iterator[str]:
    for word in words:
        variable, is_one, _ = word.partition("=")
        if is_one and f"$({variable}" not in _MAKEFILE:
            yield f"the Makefile knows no {variable}"
        elif not is_one and word not in _TARGETS:
            yield f"the Makefile has no target {word}"


def _helm(words: list[str]) -> Iterator[str]:
    if "roomkeeper" not in words:
        return
    for at, word in enumerate(words[:-1]):
        if word in _SETS:
            for pair in words[at + 1].split(","):
                path = pair.partition("=")[0]
                if not any(path == value or path.startswith(f"{value}.") for value in _values()):
                    yield f"the chart has no value {path}"


@cache
def _values() -> frozenset[str]:
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    every: dict[str, Any] = yaml.safe_load(text)
    return frozenset({value.path for value in documented(text)} | every.keys())
