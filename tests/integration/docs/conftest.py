from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.stack import CLUSTER_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(directory=tmp_path_factory.mktemp("docs"), parts=CLUSTER_PARTS) as running:
        running.apply_crds(CRDS)
        running.kubectl("create", "namespace", "docs")
        yield running
