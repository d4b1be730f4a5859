"""The rules can be evaluated without a cluster, by the library that evaluates them here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.generate import KINDS

if TYPE_CHECKING:
    from roomkeeper.api.kind import Kind

# What counts characters in CEL and bytes in the library may be asked of ASCII only: names, label keys, and lists.
COUNTED = {"self.metadata.name", "key", "self.values", "oldSelf.status.attempts"}
FUNCTIONS = {"has", "size", "matches", "contains", "startsWith", "endsWith", "all", "exists", "exists_one"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_rules_take_the_size_of_ascii_only(kind: Kind) -> None:
    counted = {size for rule in kind.rules for size in re.findall(r"size\(([^()]*)\)", rule.rule)}
    assert counted <= COUNTED


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_rules_use_functions_of_plain_cel_only(kind: Kind) -> None:
    without_text = [re.sub(r"'(?:[^'\\]|\\.)*'", "''", rule.rule) for rule in kind.rules]
    called = {name for rule in without_text for name in re.findall(r"\b([A-Za-z_]+)\(", rule)}
    assert called <= FUNCTIONS
