from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import Cluster, OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

DEPTH = 9_000  # the API server takes 10 000 levels


@pytest.fixture
def deep_reader() -> Iterator[None]:
    """Let this process read what the test makes, until it is gone."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(30_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("deep_reader")
def test_a_room_nested_without_end_stops_nobody(stack: LocalStack, cluster: Cluster, tmp_path: Path) -> None:
    nested = '{"a":' * DEPTH + "1" + "}" * DEPTH
    stack.kubectl(
        *("create", "-n", cluster.namespace, "-f", "-"),
        input='{"apiVersion":"roomkeeper.dev/v1alpha1","kind":"Room","metadata":{"name":"nested"},'
        f'"spec":{{"metadata":{{"a":{nested}}}}}}}',
    )
    operator = OperatorProcess(stack, tmp_path / "operator.log")
    operator.start()
    try:
        cluster.apply(cluster.room("innocent", roles=[{"name": "host"}]))
        eventually("another Room is Ready", lambda: cluster.is_ready("innocent"), within=2)
        answer = eventually("the nested one is judged", lambda: cluster.condition("nested"), within=10)
        assert answer["reason"] in {"Available", "MetadataTooLarge"}
        assert "Traceback" not in operator.output()
        cluster.delete("room", "nested", wait=True)
    finally:
        operator.stop()
