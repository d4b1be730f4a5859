"""Whatever happens, the world becomes as declared within a bound of reconciles, and then nobody is asked anything more.

`make test` runs a small number of sequences. For a longer run, ROOMKEEPER_EXAMPLES=2000 runs so many, different ones
each time; a sequence that fails is printed as the list of its steps, and is run first the next time.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.properties.convergence import run
from tests.integration.properties.steps import declarations, steps

if TYPE_CHECKING:
    from tests.integration.properties.steps import Declare, Step

EXAMPLES = int(os.environ.get("ROOMKEEPER_EXAMPLES", "0"))


@pytest.mark.timeout(
    1800
)  # a sequence that fails is shortened before it is printed, and more examples take longer
@settings(
    max_examples=EXAMPLES or 200,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    first=declarations("one"),
    then=st.lists(steps(), min_size=3, max_size=14),
)
def test_the_world_becomes_as_declared_and_then_nothing_is_asked(first: Declare, then: list[Step]) -> None:
    asyncio.run(run([first, *then]))
