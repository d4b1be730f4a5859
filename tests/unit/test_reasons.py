"""What people meet in conditions and Events, and what comes with it."""

from __future__ import annotations

import re

import pytest

from roomkeeper.domain.reasons import Reason, named


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_a_code_and_comes_with_advice(reason: Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", str(reason))
    assert reason.advice.endswith((".", "`."))
    assert len(reason.advice) > 20


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_found_by_what_the_api_shows(reason: Reason) -> None:
    assert named(str(reason)) is reason
    assert hash(reason) == hash(reason.value)  # a set of reasons is asked with texts of the API
