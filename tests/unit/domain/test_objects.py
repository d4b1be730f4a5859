from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roomkeeper.domain.objects import read_time


@pytest.mark.parametrize("text", [None, 7, "", "soon", "2026-01-01T00:00:00", "9999-12-31T23:59:59Z"])
def test_what_is_no_time_to_count_with_is_none(text: object) -> None:
    assert read_time(text) is None


def test_a_time_is_read_in_whole_seconds() -> None:
    assert read_time("2026-01-01T00:00:00.9Z") == datetime(2026, 1, 1, tzinfo=UTC)
