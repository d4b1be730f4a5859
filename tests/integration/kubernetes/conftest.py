from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.kubernetes.apiserver import ApiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("stack")) as stack:
        stack.apply_crds(_CRDS)
        yield stack
