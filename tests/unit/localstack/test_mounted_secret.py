from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.mounted_secret import MountedSecret

if TYPE_CHECKING:
    from pathlib import Path


class FakeKubectl:
    """Answers with one Secret."""

    def __init__(self) -> None:
        self.version = 0
        self.data: dict[str, str] = {}

    def holds(self, **data: str) -> None:
        self.version += 1
        self.data = data

    def __call__(self, *arguments: str) -> str:
        assert arguments[:5] == ("get", "secret", "standup.host", "-n", "team-a")
        data = {key: base64.b64encode(value.encode()).decode() for key, value in self.data.items()}
        return json.dumps({"metadata": {"resourceVersion": str(self.version)}, "data": data})


@pytest.fixture
def kubectl() -> FakeKubectl:
    return FakeKubectl()


@pytest.fixture
def secret(kubectl: Any, tmp_path: Path) -> MountedSecret:
    return MountedSecret(tmp_path / "role", kubectl=kubectl, namespace="team-a", name="standup.host")


def test_each_key_is_a_file_whose_content_follows(kubectl: FakeKubectl, secret: MountedSecret) -> None:
    kubectl.holds(LIVEKIT_URL="ws://one", LIVEKIT_TOKEN="first")
    secret.refresh()
    assert (secret.folder / "LIVEKIT_URL").read_text() == "ws://one"
    kubectl.holds(LIVEKIT_URL="ws://one", LIVEKIT_TOKEN="second")
    secret.refresh()
    assert (secret.folder / "LIVEKIT_TOKEN").read_text() == "second"
    assert len(list(secret.folder.iterdir())) == 4  # two keys, the link to their folder, and the folder


def test_all_files_change_at_once(kubectl: FakeKubectl, secret: MountedSecret) -> None:
    kubectl.holds(a="1", b="1")
    secret.refresh()
    old = (secret.folder / "..data").resolve()
    kubectl.holds(a="2", b="2")
    secret.refresh()
    assert not old.exists()
    assert {(secret.folder / name).resolve().parent for name in ("a", "b")} == {
        (secret.folder / "..data").resolve()
    }


def test_nothing_is_written_for_a_secret_that_is_the_same(
    kubectl: FakeKubectl, secret: MountedSecret
) -> None:
    kubectl.holds(a="1")
    secret.refresh()
    before = (secret.folder / "..data").resolve()
    secret.refresh()
    assert (secret.folder / "..data").resolve() == before
