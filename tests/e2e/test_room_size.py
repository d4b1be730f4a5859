"""How large a Room can be: what etcd takes with a full status, and what is refused before anything is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.moderation import MAX_BLOCKED, MAX_DENIED
from roomkeeper.api.role import MAX_ATTRIBUTE, MAX_ATTRIBUTES, MAX_IDENTITIES, MAX_IDENTITY
from roomkeeper.api.room import MAX_METADATA_BYTES, MAX_ROLES
from roomkeeper.api.secret_template import MAX_ANNOTATIONS
from roomkeeper.localstack import KubectlError
from tests.e2e.manifests.base import JSON, room, spec, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

NAME = "largest"
SOURCES = ["camera", "microphone", "screen_share", "screen_share_audio"]
ATTRIBUTES_OF_A_TOKEN = 4  # a token is at most 6 kB: a role with more of them never gets one


def _role(number: int, attributes: int, annotations: int) -> JSON:
    return {
        "name": f"{number:02}".ljust(63, "r"),
        "identities": [f"{number}-{person}-".ljust(MAX_IDENTITY, "i") for person in range(MAX_IDENTITIES)],
        "displayName": "d" * 256,
        "attributes": {f"key-{key}": "v" * MAX_ATTRIBUTE for key in range(attributes)},
        "grants": {"canPublish": True, "canPublishSources": SOURCES},
        "secretTemplate": {"annotations": {f"key-{key}": "n" * 1024 for key in range(annotations)}},
    }


def largest(*, attributes: int, annotations: int = 0) -> JSON:
    """Every list and string as long as it can be, for roles with so many attributes and annotations."""
    roles = [_role(number, attributes, annotations) for number in range(MAX_ROLES)]
    moderation = {
        "blockedIdentities": [f"b{number}-".ljust(MAX_IDENTITY, "b") for number in range(MAX_BLOCKED)],
        "deniedSources": [
            {"identity": f"d{number}-".ljust(MAX_IDENTITY, "d"), "sources": SOURCES}
            for number in range(MAX_DENIED)
        ],
    }
    agents = [{"agentName": f"{number}-".ljust(256, "a"), "metadata": {}} for number in range(10)]
    raw = "m" * MAX_METADATA_BYTES
    return room(
        {
            "metadata": {"name": NAME},
            **spec(metadata=None, rawMetadata=raw, roles=roles, moderation=moderation, agents=agents),
        }
    )


@pytest.fixture
def nothing_stays(stack: LocalStack) -> Iterator[None]:
    yield
    stack.kubectl("--namespace=default", "delete", "room", NAME, "--ignore-not-found")


def test_the_largest_room_is_stored_with_a_full_status(
    stack: LocalStack, nothing_stays: None, tmp_path: Path
) -> None:
    sent = largest(attributes=ATTRIBUTES_OF_A_TOKEN)
    stack.kubectl("create", "-f", "-", input=text(sent))
    status = {
        "tokens": [
            {
                "role": role["name"],
                "secretName": "s" * 253,
                "identities": MAX_IDENTITIES,
                "expiresAt": "2026-01-02T03:04:05Z",
                "renewsAt": "2026-01-02T03:04:05Z",
            }
            for role in sent["spec"]["roles"]
        ],
        "revokedIdentities": [
            {"identity": f"x{number}-".ljust(MAX_IDENTITY, "x"), "until": "2026-01-02T03:04:05Z"}
            for number in range(MAX_IDENTITIES)
        ],
    }
    patch = tmp_path / "status.json"
    patch.write_text(json.dumps({"status": status}), encoding="utf-8")
    how = ("--subresource=status", "--type=merge", "--patch-file", str(patch))
    stack.kubectl("--namespace=default", "patch", "room", NAME, *how)
    stored = json.loads(stack.kubectl("--namespace=default", "get", "room", NAME, "-o", "json"))
    assert stored["spec"]["roles"] == sent["spec"]["roles"]
    assert {key: stored["status"][key] for key in status} == status


def test_a_room_that_etcd_cannot_take_is_refused_whole(stack: LocalStack, nothing_stays: None) -> None:
    too_large = text(largest(attributes=MAX_ATTRIBUTES, annotations=MAX_ANNOTATIONS))
    with pytest.raises(KubectlError, match="request is too large"):
        stack.kubectl("create", "-f", "-", input=too_large)
    assert stack.kubectl("--namespace=default", "get", "room", NAME, "--ignore-not-found", "-o", "name") == ""

    stack.kubectl("create", "-f", "-", input=text(room({"metadata": {"name": NAME}})))
    with pytest.raises(KubectlError, match="request is too large"):
        stack.kubectl("replace", "-f", "-", input=too_large)
    stored = json.loads(stack.kubectl("--namespace=default", "get", "room", NAME, "-o", "json"))
    assert stored["spec"]["roles"] == room({})["spec"]["roles"]
