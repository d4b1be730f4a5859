"""Who has made a mistake reads from `kubectl describe` or `roomkeeper doctor` alone what is wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e import mistakes
from tests.e2e.mistakes import MISSPELT, MISTAKES, Mistake
from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import another_livekit, namespaces
from tests.e2e.told import Trouble, roomkeeper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess


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
