"""LiveKit fails every third call, or never answers it: nothing is lost, nothing is doubled, and it is not overrun."""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.e2e import trouble
from tests.e2e.churn import Churn
from tests.e2e.proxy import Proxy
from tests.e2e.studio import S3_SECRET
from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView

FAULT_SECONDS = float(os.environ.get("FAULT_SECONDS", "20"))
IS_FULL = "FAULT_SECONDS" in os.environ  # on a machine that has nothing else to do, so that times count
RECOVERY_SECONDS = 30
UNANSWERED_SECONDS = (
    80 + RECOVERY_SECONDS
)  # a start of an egress is looked for for 80 s before it is made again
PER_SECOND = 200  # the operator's limit for one server
SEED = int(os.environ.get("FAULT_SEED", "6"))

pytestmark = pytest.mark.timeout(FAULT_SECONDS + 300)


@pytest.fixture
def proxy(stack: LocalStack) -> Iterator[Proxy]:
    """Return what stands between operator and LiveKit."""
    with Proxy(stack.livekit.http_url) as one:
        yield one


@pytest.fixture
def churn(stack: LocalStack) -> Iterator[Churn]:
    """Return a namespace whose objects come and go."""
    here = Churn(stack, f"t-{uuid.uuid4().hex[:8]}", SEED)
    stack.kubectl("create", "namespace", here.namespace)
    yield here
    here.clear(S3_SECRET)


def test_nothing_is_lost_or_doubled_while_livekit_fails_every_third_call(
    churn: Churn, livekit: LiveKitView, operator: OperatorProcess, proxy: Proxy
) -> None:
    churn.move_in(proxy.url, resyncSeconds=60)
    eventually("the Room is Ready", lambda: churn.is_ready("standup"), within=3)
    pid, began = operator.pid, time.monotonic()
    proxy.break_again(trouble.EveryThird())
    steps = 0
    while time.monotonic() - began < FAULT_SECONDS:
        churn.step()
        steps += 1
    ended = time.monotonic()
    proxy.heal()
    eventually("all is as declared", lambda: churn.is_as_declared(livekit), within=RECOVERY_SECONDS)
    took = time.monotonic() - ended
    calls = [asked for asked, _ in proxy.seen if began < asked.at < ended]
    faults = Counter(fault.name for asked, fault in proxy.seen if began < asked.at < ended)
    print(f"{steps} steps, {len(churn.declared)} objects; back after {took:.1f} s")
    print(f"{len(calls) / (ended - began):.1f} calls a second; {dict(faults)}")
    assert (operator.is_running, operator.pid) == (True, pid)
    if IS_FULL:
        assert took <= RECOVERY_SECONDS
        what = f"{len(churn.unanswered())} starts without an answer were looked for, and made again"
        eventually(what, churn.all_run, within=UNANSWERED_SECONDS)
    assert len(calls) <= PER_SECOND * (ended - began)
    assert set(churn.starts().values()) <= {0, 1}, "recorded twice"
    assert not churn.doubled_agents()
