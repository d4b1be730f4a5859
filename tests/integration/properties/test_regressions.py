"""Sequences that did not end as declared once, each with what was wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.properties.convergence import run
from tests.integration.properties.steps import Declare, PassTime, RestartLiveKit, RotateKey, SpoilSecret, Step

SPEC: dict[str, Any] = {
    "lifecycle": "Persistent",
    "updatePolicy": "WhenEmpty",
    "metadataPolicy": "Merge",
    "departureTimeoutSeconds": 30,
}
HOST = {"name": "host", "ttlSeconds": 3600}
NOTETAKER = {"agentName": "notetaker", "dispatch": "WithRoom"}

SEQUENCES: dict[str, list[Step]] = {
    # The server took the new key and woke no Room, so tokens of the old one stayed until their renewal.
    "a key that LiveKit has later than Kubernetes": [
        Declare("one", {**SPEC, "roles": [HOST]}),
        RotateKey(is_new_key=True, is_livekit_first=False, between=0.0),
    ],
    # The room keeps its SID, so status said that the agent had been sent; its dispatch had died with the node.
    "an agent in a room that is created again after a crash": [
        Declare("one", {**SPEC, "agents": [NOTETAKER]}),
        PassTime(1.0),
        RestartLiveKit(is_wiped=False),
    ],
    # Nothing woke a finished Room, so status named those whose tokens had ended for ever.
    "a Room that is finished while a token of its works": [
        Declare("one", {**SPEC, "lifecycle": "Once", "roles": [HOST], "emptyTimeoutSeconds": 300}),
        PassTime(1.0),
        SpoilSecret(0, "strip"),
        PassTime(5000.0),
    ],
}


@pytest.mark.parametrize("steps", SEQUENCES.values(), ids=SEQUENCES.keys())
async def test_what_went_wrong_once_ends_as_declared(steps: list[Step]) -> None:
    await run(steps)
