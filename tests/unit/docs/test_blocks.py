"""Every block of code in the documentation is what it says it is, and what it calls or names is there."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from roomkeeper.api.common import API_VERSION
from roomkeeper.chart.generate import CHART
from roomkeeper.validation.check import Severity, is_ours, problems
from roomkeeper.validation.manifests import Manifest, parse
from tests.unit.docs import diagrams, parts, programs, shell
from tests.unit.docs.pages import ROOT, blocks, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.docs.pages import Block, Page

LANGUAGES = {"sh", "console", "yaml", "json", "promql", "python", "mermaid", "text"}
SHELL = blocks("sh", "console")
PROGRAMS = re.compile(r"(?:roomkeeper|make|kubectl|helm|lk) .*")
VALUES = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def place(block: Block) -> str:
    return block.place


def of_page(block: Block) -> Page:
    return next(page for page in pages() if page.path == block.page)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_block_says_in_which_language_it_is(page: Page) -> None:
    assert {block.place: block.language for block in page.blocks if block.language not in LANGUAGES} == {}


@pytest.mark.parametrize("block", SHELL, ids=place)
def test_a_command_is_one_that_there_is(block: Block) -> None:
    called = shell.commands(shell.typed(block))
    assert called
    assert [(words, flaw) for words in called for flaw in programs.flaws(words)] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_command_in_prose_is_one_that_there_is(page: Page) -> None:
    called = [
        words
        for code in page.code
        if PROGRAMS.fullmatch(code) and "…" not in code
        for words in shell.commands(code)
    ]
    found = [(words, flaw) for words in called for flaw in programs.flaws(words)]
    assert [one for one in found if not one[1].startswith("Missing ")] == []  # a sentence may name one only


@pytest.mark.parametrize("block", SHELL, ids=place)
def test_a_file_that_a_command_reads_is_there(block: Block) -> None:
    page = of_page(block)
    made = {
        name
        for one in page.blocks
        if one.language in {"sh", "console"}
        for name in re.findall(r">\s*([\w./-]+)", shell.typed(one))
    }
    named = {name for words in shell.commands(shell.typed(block)) for name in programs.files(words)}
    lacking = {
        name for name in named - made if not any((base / name).exists() for base in (ROOT, page.path.parent))
    }
    assert lacking == set()


def manifests(page: Page) -> Iterator[tuple[Block, Manifest]]:
    """Yield every object of our kinds, those that a page shows a part of completed to one."""
    for block in page.blocks:
        if block.language != "yaml":
            continue
        for one in parse(block.text, block.place):
            whole = parts.completed(block.mark, one)
            if whole and is_ours(whole):
                yield block, whole


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_an_object_of_our_kinds_is_one_that_the_api_server_takes(page: Page) -> None:
    found = [one for _, one in manifests(page)]
    wrong = [
        (one.path, problem.message)
        for one in found
        for problem in problems(one, found)
        if problem.severity is Severity.ERROR
    ]
    assert wrong == []


@pytest.mark.parametrize("block", blocks("yaml"), ids=place)
def test_yaml_is_an_object_or_says_of_what_it_is_a_part(block: Block) -> None:
    for value in yaml.safe_load_all(block.text):
        if block.mark == parts.VALUES:
            jsonschema.validate(value, VALUES)
        elif block.mark == parts.LIVEKIT:
            assert value.keys() <= parts.LIVEKIT_KEYS
        elif block.mark == parts.EGRESS:
            assert value.keys() <= parts.EGRESS_KEYS
        elif not parts.kind_of(block.mark):
            assert {"apiVersion", "kind"} <= value.keys(), "mark it: see tests/unit/docs/parts.py"


def test_json_is_json() -> None:
    for block in blocks("json"):
        decoder, text = json.JSONDecoder(), block.text.strip()
        while text:
            _, end = decoder.raw_decode(text)
            text = text[end:].lstrip()


def test_python_is_python() -> None:
    for block in blocks("python"):
        ast.parse(block.text, block.place)


def test_a_diagram_is_one_that_mermaid_draws() -> None:
    assert [(block.place, flaw) for block in blocks("mermaid") for flaw in diagrams.flaws(block.text)] == []


def test_a_part_of_an_object_is_completed_to_one() -> None:
    (part,) = parse("spec: {maxParticipants: 5}")
    whole = parts.completed("part of a Room", part)
    assert whole
    assert whole.value == {
        "apiVersion": API_VERSION,
        "kind": "Room",
        "metadata": {"name": "example"},
        "spec": {"maxParticipants": 5},
    }
    wrong: list[Any] = list(problems(whole))
    assert wrong == []
