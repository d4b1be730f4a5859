"""How fast an API server is asked that refuses."""

from __future__ import annotations

import asyncio
import time

import pytest

from roomkeeper.adapters.kubernetes import pace as module
from roomkeeper.adapters.kubernetes.pace import FIRST_GAP_SECONDS, LONGEST_GAP_SECONDS, Pace
from roomkeeper.adapters.ports import KubernetesUnreachableError


async def turns(pace: Pace, number: int) -> float:
    """Return how long so many take that all come at once."""
    began = time.monotonic()
    await asyncio.gather(*(pace.wait() for _ in range(number)))
    return time.monotonic() - began


async def test_nobody_waits_while_it_answers() -> None:
    pace = Pace()
    for status in (200, 201, 404, 409, 410, 422) * 50:
        await pace.wait()
        pace.answered(status)
    assert await turns(pace, 1000) < 1000 * FIRST_GAP_SECONDS


@pytest.mark.parametrize("status", [0, 429, 500, 503])
async def test_refusals_make_it_slower_and_answers_faster(status: int) -> None:
    pace = Pace()
    for _ in range(20):
        pace.answered(status)
    assert await turns(pace, 4) >= 3 * LONGEST_GAP_SECONDS
    for _ in range(3):
        pace.answered(200)
    assert 40 * LONGEST_GAP_SECONDS / 8 <= await turns(pace, 41) < 40 * LONGEST_GAP_SECONDS
    for _ in range(3):
        pace.answered(200)
    await turns(pace, 1)
    assert await turns(pace, 1000) < 1000 * FIRST_GAP_SECONDS


async def test_one_refusal_costs_next_to_nothing() -> None:
    pace = Pace()
    pace.answered(500)
    assert FIRST_GAP_SECONDS * 9 <= await turns(pace, 10) < 2


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [("0.5", 0.49, 5), ("3600", 0.49, 5), ("Wed, 21 Oct 2026 07:28:00 GMT", 0, 0.4), ("-5", 0, 0.4)],
)
async def test_nobody_asks_before_the_time_that_it_names(
    monkeypatch: pytest.MonkeyPatch, retry_after: str, least: float, most: float
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.5)
    pace = Pace()
    pace.answered(429, retry_after)
    pace.answered(200)  # to what was sent before
    assert least <= await turns(pace, 2) < most


async def test_a_turn_that_does_not_come_soon_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.2)
    pace = Pace()
    pace.answered(429, "1")
    results = await asyncio.gather(*(pace.wait() for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [KubernetesUnreachableError] * 5
    pace.answered(200)
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 5)
    await turns(pace, 5)
