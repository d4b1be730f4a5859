"""The texts of the examples all tell the same things, and none is left out of their index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
OF_ITS_OWN = {"web-client"}  # a program with a text of its own kind
TEXTS = sorted(path for path in EXAMPLES.glob("*/README.md") if path.parent.name not in OF_ITS_OWN)
TOLD = ["What you get", "What it costs", "Try it", "How to check it", "The same with `lk`"]


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.parent.name)
def test_a_text_tells_what_all_of_them_tell(text: Path) -> None:
    titles = re.findall(r"^## (.+)$", text.read_text(encoding="utf-8"), re.MULTILINE)
    assert [title for title in titles if title in TOLD] == TOLD


def test_the_index_lists_every_folder() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - OF_ITS_OWN
    assert folders <= set(re.findall(r"^\| \[([\w-]+)\]\(\1\) \|", index, re.MULTILINE))
