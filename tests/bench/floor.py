"""The least that it costs: the calls that the operator makes for each Room, with the same concurrency, and nothing else.

python -m tests.bench.floor create|renew|delete N, with KUBECONFIG (of whoever declares Rooms), OPERATOR_KUBECONFIG and
LIVEKIT_*; it prints what it took as JSON. Nothing is watched, compared, planned or remembered here.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import fleet
from tests.bench.fleet import NAMESPACE, ROLES, Fleet
from tests.bench.measure import Process
from tests.bench.sessions import MERGE_PATCH, Kube, LiveKit

LIVEKIT_CALLS = 16
"""To LiveKit at a time, as the operator makes them (adapters/livekit/calls.py)."""
TOKEN_SECONDS = 3600
FINALIZER = "roomkeeper.dev/finalizer"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
_AGREED = "0123456789abcdef"
# As large as what the operator writes beside the tokens.
_ANNOTATIONS = {
    "roomkeeper.dev/attributes": "{}",
    "roomkeeper.dev/config-hash": _AGREED,
    "roomkeeper.dev/content-hash": _AGREED,
    "roomkeeper.dev/expires-at": "2026-01-01T00:00:00Z",
    "roomkeeper.dev/grants-hash": _AGREED,
    "roomkeeper.dev/identities": '{"viewer":""}',
    "roomkeeper.dev/identities-hash": _AGREED,
    "roomkeeper.dev/last-expires-at": "2026-01-01T00:00:00Z",
    "roomkeeper.dev/powers": "",
    "roomkeeper.dev/profile-hash": _AGREED,
    "roomkeeper.dev/renews-at": "2026-01-01T00:00:00Z",
    "roomkeeper.dev/revoked": "[]",
    "roomkeeper.dev/room-name": "bench_room-00000",
    "roomkeeper.dev/signing-key": f"01234567.{_AGREED}",
    "roomkeeper.dev/template": '{"labels":[],"annotations":[],"hash":"' + _AGREED + '"}',
    "roomkeeper.dev/url": "ws://127.0.0.1:7880",
}


class Floor:
    """The calls for one Room after another."""

    def __init__(self, people: Kube, operator: Kube, livekit: LiveKit) -> None:
        self._people, self._operator, self._livekit = people, operator, livekit
        self._slots = asyncio.Semaphore(LIVEKIT_CALLS)
        self._known: dict[str, dict[str, Any]] = {}  # metadata of Rooms by name

    async def look(self) -> None:
        """Take note of the Rooms that there are, as an operator has that watches them."""
        for room in await self._people.pages(fleet.path(NAMESPACE)):
            self._known[room["metadata"]["name"]] = room["metadata"]

    async def create(self, name: str) -> None:
        """Declare a Room and make it Ready: one finalizer, one room, two Secrets, one status."""
        room = await self._people.send("POST", fleet.path(NAMESPACE), fleet.manifest(NAMESPACE, name))
        meta = room["metadata"]
        room = await self._patch(
            name, {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": [FINALIZER]}}
        )
        async with self._slots:
            live = await self._livekit.call(
                "CreateRoom",
                {
                    "name": fleet.on_livekit(NAMESPACE, name),
                    "empty_timeout": 86400,
                    "metadata": f'{{"topic":"{name}"}}',
                },
                roomCreate=True,
            )
        for role in ROLES:
            await self._operator.send(
                "POST", f"{SECRETS}?fieldManager=roomkeeper", self._secret(name, role, meta["uid"])
            )
        await self._patch(name, _status(room, live), "status")

    async def renew(self, name: str) -> None:
        """Write the tokens of a Room anew, and say so in its status."""
        meta = self._known[name]
        for role in ROLES:
            secret = self._secret(name, role, meta["uid"])
            path = f"{SECRETS}/{secret['metadata']['name']}?fieldManager=roomkeeper&force=true"
            await self._operator.send("PATCH", path, secret, content_type="application/apply-patch+yaml")
        patch = {
            "metadata": {"resourceVersion": meta["resourceVersion"]},
            "status": {"tokens": _tokens(name)},
        }
        await self._patch(name, patch, "status")

    async def delete(self, name: str) -> None:
        """Delete a Room: its room, and its finalizer."""
        room = await self._people.send("DELETE", fleet.path(NAMESPACE, name))
        async with self._slots:
            await self._livekit.call(
                "DeleteRoom", {"room": fleet.on_livekit(NAMESPACE, name)}, roomCreate=True
            )
        version = room["metadata"]["resourceVersion"]
        await self._patch(name, {"metadata": {"resourceVersion": version, "finalizers": []}})

    async def _patch(self, name: str, patch: dict[str, Any], subresource: str = "") -> dict[str, Any]:
        path = fleet.path(NAMESPACE, name, subresource) + "?fieldManager=roomkeeper"
        return await self._operator.send("PATCH", path, patch, content_type=MERGE_PATCH)

    def _secret(self, name: str, role: dict[str, Any], uid: str) -> dict[str, Any]:
        identity, room = role["name"], fleet.on_livekit(NAMESPACE, name)
        token = self._livekit.sign(
            {
                "sub": identity,
                "exp": int(time.time()) + TOKEN_SECONDS,
                "video": {"roomJoin": True, "room": room, **role.get("grants", {})},
                "roomConfig": {"emptyTimeout": 86400, "departureTimeout": 20},
            }
        )
        data = {
            "LIVEKIT_URL": "ws://127.0.0.1:7880",
            "LIVEKIT_ROOM": room,
            "LIVEKIT_IDENTITY": identity,
            "LIVEKIT_TOKEN": token,
            "tokens.json": json.dumps({identity: token}),
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {
                "name": f"{name}.{identity}",
                "namespace": NAMESPACE,
                "labels": {
                    "app.kubernetes.io/managed-by": "floor",
                    "roomkeeper.dev/room": name,
                    "roomkeeper.dev/role": identity,
                },
                "annotations": _ANNOTATIONS,
                "ownerReferences": [
                    {
                        "apiVersion": "roomkeeper.dev/v1alpha1",
                        "kind": "Room",
                        "name": name,
                        "uid": uid,
                        "controller": True,
                    }
                ],
            },
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }


def _tokens(name: str) -> list[dict[str, Any]]:
    moment = _now()
    return [
        {
            "role": role["name"],
            "secretName": f"{name}.{role['name']}",
            "identities": 1,
            "expiresAt": moment,
            "renewsAt": moment,
        }
        for role in ROLES
    ]


def _status(room: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    meta, moment = room["metadata"], _now()
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": "Available",
            "message": f"room {live['name']!r} is live",
            "observedGeneration": meta["generation"],
            "lastTransitionTime": moment,
        }
        for kind in ("Ready", "RoomAvailable", "TokensIssued", "UpToDate")
    ]
    status = {
        "observedGeneration": meta["generation"],
        "roomName": live["name"],
        "url": "ws://127.0.0.1:7880",
        "sid": live["sid"],
        "createdAt": moment,
        "recreations": 0,
        "activeRecording": False,
        "numParticipants": 0,
        "numPublishers": 0,
        "metadataKeys": ["topic"],
        "tokens": _tokens(meta["name"]),
        "conditions": conditions,
    }
    return {"metadata": {"resourceVersion": meta["resourceVersion"]}, "status": status}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def main(what: str, number: int) -> None:
    """Do one thing to so many Rooms, and print what it took."""
    environment = os.environ
    livekit = LiveKit(
        environment["LIVEKIT_URL"], environment["LIVEKIT_API_KEY"], environment["LIVEKIT_API_SECRET"]
    )
    async with (
        Kube(Path(environment["KUBECONFIG"])) as people,
        Kube(Path(environment["OPERATOR_KUBECONFIG"])) as operator,
        livekit,
    ):
        floor = Floor(people, operator, livekit)
        await floor.look()
        work = getattr(floor, what)
        process = Process(os.getpid())
        began, used = time.monotonic(), process.cpu_seconds()
        await fleet.side_by_side(map(fleet.name_of, range(number)), work)
        took = {"seconds": time.monotonic() - began, "cpu_seconds": process.cpu_seconds() - used}
        left = await Fleet(people).unready()
    assert what == "delete" or not left, f"not Ready: {left[:3]}"
    print(json.dumps(took))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
