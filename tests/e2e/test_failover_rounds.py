"""Ten rounds of what `make failover` plays two hundred of: whatever is done to the holder, nothing happens twice or late."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.e2e.replicas import replicas
from tests.e2e.studio import S3_SECRET, Studio
from tests.failover.rounds import play

if TYPE_CHECKING:
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

LEASE_SECONDS = 3


@pytest.mark.timeout(600)
def test_in_ten_rounds_nothing_is_sent_late_overwritten_or_recorded_twice(
    stack: LocalStack, tmp_path: Path
) -> None:
    studio = Studio(stack, f"t-{uuid.uuid4().hex[:8]}")
    stack.kubectl("create", "namespace", studio.namespace)
    studio.furnish()
    seed = secrets.randbelow(2**32)
    with replicas(stack, studio, tmp_path, LEASE_SECONDS) as made:
        asyncio.run(play(studio, made, rounds=10, seed=seed, patiently=False, tell=print))
    studio.clear(S3_SECRET)
