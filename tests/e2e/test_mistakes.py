"""Who has made a mistake reads from `kubectl describe` or `roomkeeper doctor` alone what is wrong and what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e import mistakes
from tests.e2e.mistakes import MISSPELT, MISTAKES, WRONG_CLOCK, Mistake
from tests.e2e.support import RESYNC_SECONDS, OperatorProcess, eventually
from tests.e2e.tenancy import Namespace, another_livekit, namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack

CLOCK_PROGRAM = str(Path(__file__).parent / "wrong_clock.py")


class Trouble:
    """A provider and a tenant who have made every mistake, and what the doctor says of it."""

    def __init__(self, provider: Namespace, tenant: Namespace) -> None:
        self.provider = provider
        self.tenant = tenant

    def namespace_of(self, mistake: Mistake) -> str:
        """Return where the object of a mistake is."""
        theirs = mistake.name in {"forbidden", "unknown-server"}
        return (self.tenant if theirs else self.provider).namespace

    def described(self, mistake: Mistake) -> str:
        """Return what kubectl describe prints."""
        where = ("-n", self.namespace_of(mistake))
        return self.provider.stack.kubectl("describe", mistake.kind.lower(), mistake.name, *where)

    def diagnosed(self, mistake: Mistake) -> str:
        """Return what the doctor says of that object, the advice too."""
        subject = f"{mistake.kind} {self.namespace_of(mistake)}/{mistake.name}: "
        found = re.findall(rf"^\w+ +{re.escape(subject)}.*\n(?: +-> .*\n)?", self.doctor(), re.MULTILINE)
        return "".join(found)

    def doctor(self) -> str:
        """Return all that the doctor says."""
        where = ("-n", self.provider.namespace, "-n", self.tenant.namespace)
        return roomkeeper(self.provider.stack, "doctor", *where)


def roomkeeper(stack: LocalStack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "roomkeeper", *arguments],
        env={**os.environ, "KUBECONFIG": str(stack.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bare(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A LiveKit without Redis, whose webhook goes where nobody listens."""
    nowhere = {"parts": ("livekit",), "webhook_url": "http://127.0.0.1:9/livekit/webhook"}
    with another_livekit(stack, tmp_path_factory.mktemp("bare"), **nowhere) as running:
        yield running


@pytest.fixture(scope="module")
def trouble(stack: LocalStack, operator: OperatorProcess, bare: LocalStack) -> Iterator[Trouble]:
    with namespaces(stack) as make:
        here = Trouble(make(), make())
        mistakes.servers(here.provider, stack, bare)
        mistakes.rooms(here.provider, here.tenant)
        mistakes.recordings(here.provider)
        eventually("a Room is there", lambda: here.provider.is_ready("noticed"), within=5)
        bare.livekit.restart()  # it loses the room, and its webhook reaches nobody
        yield here
        everything = "recordingschedules,recordings,recordingstorages"
        stack.kubectl("delete", everything, "--all", "-n", here.provider.namespace)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_mistake_is_told_with_what_to_do_about_it(trouble: Trouble, mistake: Mistake) -> None:
    within = 3 * RESYNC_SECONDS + 2 if mistake.reason == "NoneSeenWhileRoomsActive" else 5
    eventually("it is seen", lambda: mistake.reason in trouble.described(mistake), within=within)
    described, diagnosed = trouble.described(mistake), trouble.diagnosed(mistake)
    assert mistake.says in described
    assert f"{mistake.reason}: " in diagnosed
    assert mistake.says in diagnosed
    assert mistake.to_do in diagnosed
    assert (mistake.to_do in described) is (mistake.where == "kubectl describe")


def test_a_misspelt_field_is_refused_and_validate_says_what_was_meant(
    trouble: Trouble, tmp_path: Path
) -> None:
    path = tmp_path / "room.yaml"
    path.write_text(
        "apiVersion: roomkeeper.dev/v1alpha1\n"
        "kind: Room\n"
        f"metadata: {{name: {MISSPELT.name}, namespace: {trouble.provider.namespace}}}\n"
        "spec: {maxParticipant: 5}\n"
    )
    with pytest.raises(KubectlError) as refused:
        trouble.provider.stack.kubectl("apply", "-f", str(path))
    assert MISSPELT.says in str(refused.value)
    told = roomkeeper(trouble.provider.stack, "validate", str(path))
    assert f"{path}:4: error: " in told
    assert MISSPELT.says in told
    assert MISSPELT.to_do in told


def test_a_wrong_clock_is_told_from_a_wrong_secret(
    trouble: Trouble, stack: LocalStack, operator: OperatorProcess, tmp_path: Path
) -> None:
    operator.stop()
    ahead = OperatorProcess(stack, tmp_path / "operator.log", command=[sys.executable, CLOCK_PROGRAM])
    try:
        ahead.start()
        trouble.provider.offer_livekit(WRONG_CLOCK.name, stack)
        eventually("it is told", lambda: WRONG_CLOCK.says in trouble.described(WRONG_CLOCK), within=5)
        assert WRONG_CLOCK.to_do in trouble.described(WRONG_CLOCK)
        diagnosed = trouble.diagnosed(WRONG_CLOCK)
        assert (
            f"{WRONG_CLOCK.reason}: LiveKit refuses the API key or its secret: {WRONG_CLOCK.says}"
            in diagnosed
        )
        assert WRONG_CLOCK.to_do in diagnosed
        eventually("so does its log", lambda: WRONG_CLOCK.says in ahead.output(), within=5)
    finally:
        ahead.stop()
        operator.start()
