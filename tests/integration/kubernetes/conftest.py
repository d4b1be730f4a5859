from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Iterator

_CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(directory=tmp_path_factory.mktemp("stack"), parts=["etcd", "apiserver"]) as stack:
        stack.apply_crds(_CRDS)
        yield stack
