"""Memories that count and forget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.engine import recent as module
from roomkeeper.engine.recent import Marks, Tally
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    import pytest


def test_marks_are_kept_once_each() -> None:
    marks = Marks()
    assert marks.snapshot() == frozenset()
    for mark in "aba":
        marks.add(mark)
    assert marks.snapshot() == {"a", "b"}


def test_the_oldest_marks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MARKS", 3)
    marks = Marks()
    for mark in "abc":
        marks.add(mark)
    assert marks.snapshot() == {"a", "b", "c"}
    marks.add("d")
    assert marks.snapshot() == {"b", "c", "d"}
    marks.add("e")
    assert marks.snapshot() == {"c", "d", "e"}


def test_a_snapshot_does_not_change_any_more() -> None:
    marks = Marks()
    marks.add("a")
    before = marks.snapshot()
    marks.add("b")
    assert before == {"a"}


def test_a_tally_counts_each_name_within_its_time() -> None:
    clock = HandClock()
    tally = Tally(clock, seconds=600)
    assert tally.count("a") == 0
    tally.add("a")
    clock.advance(300)
    tally.add("a")
    tally.add("b")
    assert (tally.count("a"), tally.count("b")) == (2, 1)
    clock.advance(300)
    assert tally.count("a") == 2
    clock.advance(1)
    assert (tally.count("a"), tally.count("b")) == (1, 1)
    clock.advance(300)
    assert (tally.count("a"), tally.count("b")) == (0, 0)
    assert tally._times == {}
