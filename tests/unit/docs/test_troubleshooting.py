"""The table of mistakes is that of the test which makes them."""

from __future__ import annotations

import re

from tests.e2e.mistakes import ALL
from tests.unit.docs.pages import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+) \| (\w+) \| \[?([\w ]+)(?:\]\(\S+\))? \| `(.+)` \| `(.+)` \|$", re.MULTILINE)


def test_the_table_of_mistakes_says_what_was_seen() -> None:
    assert ROW.findall(PAGE) == [(one.title, one.kind, one.reason, one.says, one.where) for one in ALL]
    assert len(ALL) >= 10
