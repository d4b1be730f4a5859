"""The API server refuses, lies and loses events: nothing is lost, nothing is doubled, and it is not overrun."""

from __future__ import annotations

import base64
import os
import ssl
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.e2e import trouble
from tests.e2e.churn import Churn
from tests.e2e.looks import resyncs
from tests.e2e.proxy import NONE, Proxy
from tests.e2e.studio import S3_SECRET
from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.proxy import Asked, Fault
    from tests.e2e.support import Cluster

FAULT_SECONDS = float(os.environ.get("FAULT_SECONDS", "20"))
IS_FULL = "FAULT_SECONDS" in os.environ  # on a machine that has nothing else to do, so that times count
RECOVERY_SECONDS = 30
UNANSWERED_SECONDS = (
    80 + RECOVERY_SECONDS
)  # a start of an egress is looked for for 80 s before it is made again
GAP_SECONDS = (
    8  # a list follows the one before after 5 s; Kopf tries a watch that is refused again after some seconds
)
REFUSED_SECONDS = 4
ROOMS = 100
WATCHED_KINDS = 7  # ours, namespaces and Secrets
WATCH_SECONDS = 1  # from one watch of the same objects to the next
UNDER_WAY_SECONDS, TOO_EARLY_SECONDS = 0.3, 0.9  # after a 429 that names a second
PER_SECOND = 10  # the operator's limit while every request is refused
SEED = int(os.environ.get("FAULT_SEED", "6"))

pytestmark = pytest.mark.timeout(FAULT_SECONDS + 300)


@pytest.fixture(scope="module")
def between(stack: LocalStack) -> Iterator[Proxy]:
    """Return what stands between operator and API server."""
    [cluster] = yaml.safe_load(stack.operator_kubeconfig.read_text())["clusters"]
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    with Proxy(stack.apiserver.url, ssl.create_default_context(cadata=authority)) as one:
        yield one


@pytest.fixture
def proxy(between: Proxy) -> Iterator[Proxy]:
    """Return it, and have it let everything through afterwards."""
    yield between
    between.heal()


@pytest.fixture(scope="module")
def keeper(
    stack: LocalStack, between: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """Return an operator that knows the API server by the proxy, running."""
    config = yaml.safe_load(stack.operator_kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {"server": between.url}
    directory = tmp_path_factory.mktemp("operator")
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    process = OperatorProcess(stack, directory / "operator.log")
    process.start(KUBECONFIG=str(kubeconfig))
    yield process
    process.stop()


@pytest.fixture
def churn(stack: LocalStack) -> Iterator[Churn]:
    """Return a namespace whose objects come and go."""
    here = Churn(stack, f"t-{uuid.uuid4().hex[:8]}", SEED)
    stack.kubectl("create", "namespace", here.namespace)
    yield here
    here.clear(S3_SECRET)


def test_nothing_is_lost_or_doubled_while_the_api_server_fails(
    churn: Churn, keeper: OperatorProcess, livekit: LiveKitView, proxy: Proxy, stack: LocalStack
) -> None:
    churn.move_in(stack.livekit.url, resyncSeconds=60)
    eventually("the Room is Ready", lambda: churn.is_ready("standup"), within=3)
    pid, began = keeper.pid, time.monotonic()
    proxy.break_again(trouble.ApiTrouble(SEED))
    proxy.cut()
    steps = 0
    while time.monotonic() - began < FAULT_SECONDS:
        churn.step()
        steps += 1
    ended = time.monotonic()
    proxy.heal()
    eventually("all is as declared", lambda: churn.is_as_declared(livekit), within=RECOVERY_SECONDS)
    took = time.monotonic() - ended
    asked = [(one, fault) for one, fault in proxy.seen if began < one.at < ended]
    print(f"{steps} steps, {len(churn.declared)} objects; back after {took:.1f} s")
    print(
        f"{len(asked) / (ended - began):.1f} requests a second: {dict(Counter(fault.name for _, fault in asked))}"
    )
    assert_not_overrun(asked, seconds=ended - began)
    assert (keeper.is_running, keeper.pid) == (True, pid)
    if IS_FULL:
        assert took <= RECOVERY_SECONDS
        what = f"{len(churn.unanswered())} starts without an answer were looked for, and made again"
        eventually(what, churn.all_run, within=UNANSWERED_SECONDS)
    assert set(churn.starts().values()) <= {0, 1}, "recorded twice"
    assert not churn.doubled_agents()


def assert_not_overrun(asked: list[tuple[Asked, Fault]], *, seconds: float) -> None:
    """Fail if watches follow each other at once, or requests come before the time that a 429 names."""
    watches = Counter(one.path for one, _ in asked if one.is_watch)
    assert max(watches.values()) <= seconds / WATCH_SECONDS + 2, watches
    ours = [(one.at, fault) for one, fault in asked if not one.is_kopf]
    refused = [at for at, fault in ours if fault is trouble.TOO_MANY]
    early = [
        at for at, _ in ours if any(UNDER_WAY_SECONDS < at - since < TOO_EARLY_SECONDS for since in refused)
    ]
    print(f"{len(early)} of {len(ours)} requests of ours came too early after one of {len(refused)} refusals")
    assert len(early) <= len(ours) / 10  # on their way, or on a machine that is slow to tell of the refusal


class OnceEach:
    """A fault that each watch meets once."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._met: set[str] = set()

    def __call__(self, asked: Asked) -> Fault:
        if not asked.is_watch or asked.path in self._met:
            return NONE
        self._met.add(asked.path)
        return self._fault


@pytest.mark.parametrize(
    "fault", [trouble.GONE, trouble.GONE_EVENT, trouble.ERROR_EVENT], ids=lambda one: one.name
)
def test_what_was_deleted_while_no_watch_was_there_is_noticed(
    cluster: Cluster,
    fault: Fault,
    keeper: OperatorProcess,
    livekit: LiveKitView,
    proxy: Proxy,
) -> None:
    for name in ("kept", "dropped"):
        cluster.apply(cluster.room(name, roles=[{"name": "host"}]))
        eventually(f"{name} is Ready", lambda name=name: cluster.is_ready(name), within=2)
    before = cluster.get("secret", "kept.host")
    assert before
    proxy.break_again(trouble.of_watches(trouble.INTERNAL))
    proxy.cut()
    cluster.delete("secret", "kept.host")
    unhold = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    cluster.stack.kubectl("patch", "room", "dropped", "-n", cluster.namespace, *unhold)
    cluster.delete("room", "dropped", wait=True)
    proxy.break_again(OnceEach(fault))

    def is_issued_again() -> bool:
        now = cluster.get("secret", "kept.host")
        return now is not None and now["metadata"]["uid"] != before["metadata"]["uid"]

    eventually("the Secret is there again", is_issued_again, within=GAP_SECONDS)
    livekit.delete(f"{cluster.namespace}_dropped")
    resyncs(cluster.stack)
    assert livekit.room(f"{cluster.namespace}_dropped") is None, "kept for a Room that is gone"
    assert keeper.is_running


def test_an_api_server_that_refuses_everything_is_asked_slowly(
    cluster: Cluster, keeper: OperatorProcess, proxy: Proxy
) -> None:
    cluster.apply(*(cluster.room(f"room-{number}", roles=[{"name": "host"}]) for number in range(ROOMS)))
    proxy.break_again(lambda _: trouble.INTERNAL)
    proxy.cut()
    time.sleep(REFUSED_SECONDS)
    began = time.monotonic()
    time.sleep(REFUSED_SECONDS)
    ended = time.monotonic()
    proxy.heal()
    eventually(
        f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=RECOVERY_SECONDS
    )
    asked = [one for one, _ in proxy.seen if began < one.at < ended]
    ours = [one for one in asked if not one.is_kopf]
    seconds, kopf = ended - began, len(asked) - len(ours)
    print(f"{len(ours) / seconds:.1f} requests a second, and {kopf / seconds:.1f} of Kopf's")
    assert len(ours) <= PER_SECOND * seconds + 1
    assert kopf <= WATCHED_KINDS * (seconds / WATCH_SECONDS + 1)
    assert keeper.is_running
    cluster.delete_all("rooms")
    eventually("all Rooms are gone", lambda: not cluster.list("rooms"), within=10)
