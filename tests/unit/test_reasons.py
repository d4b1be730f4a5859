"""What people meet in conditions and Events, and what the README says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from roomkeeper.domain.reasons import Reason, named

README = Path(__file__).parents[2] / "README.md"
ROW = re.compile(r"^\| `([A-Za-z]+)` \| (.*) \|$", re.MULTILINE)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_a_code_and_comes_with_advice(reason: Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", str(reason))
    assert reason.advice.endswith((".", "`."))
    assert len(reason.advice) > 20


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_found_by_what_the_api_shows(reason: Reason) -> None:
    assert named(str(reason)) is reason
    assert hash(reason) == hash(reason.value)  # a set of reasons is asked with texts of the API


def test_the_readme_lists_exactly_the_reasons_there_are_with_their_advice() -> None:
    tables = README.read_text(encoding="utf-8").split("\n\n")
    [table] = [table for table in tables if f"| `{Reason.AVAILABLE}` |" in table]
    assert ROW.findall(table) == [(str(reason), reason.advice) for reason in Reason]
