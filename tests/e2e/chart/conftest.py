"""A cluster without our CRDs, for the chart to bring them, and the chart as it is packed for a registry."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from roomkeeper.chart.generate import CHART
from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.stack import ALL_PARTS
from tests.e2e.chart.helm import NAMESPACE, Helm, Pod, Release
from tests.e2e.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A real API server and a real LiveKit, and a Secret with LiveKit's key."""
    parts = (*ALL_PARTS, "s3", "egress_standin")
    with LocalStack(directory=tmp_path_factory.mktemp("stack"), parts=parts) as running:
        running.kubectl("create", "namespace", NAMESPACE)
        running.kubectl(
            "create",
            "secret",
            "generic",
            "livekit-api",
            f"--namespace={NAMESPACE}",
            f"--from-literal=LIVEKIT_API_KEY={running.livekit.api_key}",
            f"--from-literal=LIVEKIT_API_SECRET={running.livekit.api_secret}",
        )
        yield running


@pytest.fixture(scope="session")
def helm(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm as the stack's administrator."""
    return Helm(stack, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def chart(helm: Helm) -> Path:
    """The packed chart."""
    return helm.package(CHART)


@pytest.fixture
def studio(stack: LocalStack) -> Studio:
    """A namespace of the test's own, in which nothing is yet."""
    here = Studio(stack, f"t-{uuid.uuid4().hex[:8]}")
    stack.kubectl("create", "namespace", here.namespace)
    return here


@pytest.fixture
def release(stack: LocalStack, helm: Helm, chart: Path) -> Iterator[Release]:
    """The release, for the test to install; it goes with the test and its Lease, the CRDs stay."""
    one = Release(helm, chart)
    yield one
    one.uninstall()
    stack.kubectl("delete", "leases", "--all", "-n", NAMESPACE)


@pytest.fixture
def start_pod(stack: LocalStack, tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    """Start a pod of what is installed, in the release's namespace or another; it ends with the test."""
    pods: list[Pod] = []

    def start(namespace: str = NAMESPACE) -> Pod:
        pods.append(Pod(stack, tmp_path, namespace))
        pods[-1].start()
        return pods[-1]

    yield start
    for pod in pods:
        pod.stop()
