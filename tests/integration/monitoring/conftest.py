from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def promtool() -> Path:
    return find(PROGRAMS["promtool"])
