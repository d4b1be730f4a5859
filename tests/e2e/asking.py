"""Backends that ask the operator for tokens, as ServiceAccounts of a namespace with what RBAC gives them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib import error, parse, request

if TYPE_CHECKING:
    from tests.e2e.support import Cluster


@dataclass(frozen=True)
class Answer:
    """What came back: a body of JSON for 200, else a line of text."""

    status: int
    text: str

    @property
    def secret(self) -> dict[str, str]:
        """The token as a role's Secret would have it."""
        said = json.loads(self.text)
        return {"LIVEKIT_URL": said["server_url"], "LIVEKIT_TOKEN": said["participant_token"]}


@dataclass
class Backend:
    """A ServiceAccount and the token it calls with."""

    cluster: Cluster
    name: str = "backend"
    audience: str = "roomkeeper"
    port: int = 0
    token: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Make the account, unless there is one, and get its token."""
        found = self.cluster.get("serviceaccount", self.name)
        if not found:
            self.cluster.stack.kubectl("create", "serviceaccount", self.name, "-n", self.cluster.namespace)
        self.port = self.port or self.cluster.stack.operator_port
        self.token = self.cluster.stack.kubectl(
            "create", "token", self.name, "-n", self.cluster.namespace, f"--audience={self.audience}"
        ).strip()

    def may_ask_for(self, *rooms: str) -> Backend:
        """Let it have tokens of Rooms, as a platform team would."""
        kubectl, namespace = self.cluster.stack.kubectl, self.cluster.namespace
        names = [f"--resource-name={room}" for room in rooms]
        kubectl("create", "role", f"{self.name}-tokens", "-n", namespace, "--verb=create",
                "--resource=rooms.roomkeeper.dev/token", *names)  # fmt: skip
        kubectl("create", "rolebinding", f"{self.name}-tokens", "-n", namespace, f"--role={self.name}-tokens",
                f"--serviceaccount={namespace}:{self.name}")  # fmt: skip
        return self

    def url(self, room: str, role: str, namespace: str = "") -> str:
        """Where tokens of a role are asked for."""
        where = {"namespace": namespace or self.cluster.namespace, "room": room, "role": role}
        return f"http://127.0.0.1:{self.port}/token?{parse.urlencode(where)}"

    def ask(
        self,
        room: str = "webinar",
        role: str = "viewer",
        *,
        namespace: str = "",
        query: str = "",
        **body: Any,
    ) -> Answer:
        """Ask for a token; `body` is what LiveKit's client sends."""
        url = f"{self.url(room, role, namespace)}{query}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        asked = request.Request(url, data=json.dumps(body).encode(), headers=headers)
        try:
            with request.urlopen(asked, timeout=10) as answer:
                return Answer(answer.status, answer.read().decode())
        except error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.read().decode())
