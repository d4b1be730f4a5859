"""LiveKit's own view, for commands that show it beside the declared one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from roomkeeper.adapters.kubernetes.resources import LIVEKIT_SERVERS
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.ports import KubernetesError, NotFoundError
from roomkeeper.api.server import ServerSpec
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.livekit import Credentials
from roomkeeper.engine.secrets import read_secret
from roomkeeper.engine.settings import SettingsError, livekit_server

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Kubernetes, LiveKit

OWN = ("", "")


class NoViewError(Exception):
    """LiveKit cannot be asked; the message says why, and what to do."""


@dataclass(slots=True)
class LiveServers:
    """The LiveKit servers that objects are on, each opened when it is first asked for."""

    kubernetes: Kubernetes
    _open: dict[tuple[str, str], LiveKit | NoViewError] = field(default_factory=dict)

    async def of(self, status: dict[str, Any]) -> LiveKit:
        """Return the server of an object with this status; NoViewError where it cannot be asked."""
        reference = status.get("serverRef") or {}
        return await self.named(str(reference.get("namespace", "")), str(reference.get("name", "")))

    async def named(self, namespace: str, name: str) -> LiveKit:
        """Return a server by its LiveKitServer, or that of the environment; NoViewError where it cannot be asked."""
        key = (namespace, name)
        if key not in self._open:
            try:
                self._open[key] = LiveKitClient(*(await self.access(namespace, name)))
            except NoViewError as error:
                self._open[key] = error
        opened = self._open[key]
        if isinstance(opened, NoViewError):
            raise opened
        return opened

    async def aclose(self) -> None:
        """Close the connections."""
        for opened in self._open.values():
            if not isinstance(opened, NoViewError):
                await opened.aclose()

    async def access(self, namespace: str, name: str) -> tuple[str, Credentials]:
        """Return what a server is called at, and its key; NoViewError where they cannot be read."""
        if (namespace, name) == OWN:
            return _own()
        try:
            found = await self.kubernetes.get(LIVEKIT_SERVERS, namespace=namespace, name=name)
            spec = ServerSpec.model_validate(found["spec"])
            data = await read_secret(
                self.kubernetes, namespace=namespace, name=spec.credentials_secret_ref.name
            )
        except NotFoundError:
            raise NoViewError(f"there is no LiveKitServer {namespace}/{name}") from None
        except (KubernetesError, ValidationError) as error:
            raise NoViewError(f"LiveKitServer {namespace}/{name} cannot be asked: {error}") from None
        if isinstance(data, Finding):
            raise NoViewError(f"LiveKitServer {namespace}/{name} cannot be asked: {data.message}")
        credentials = Credentials(data.get("LIVEKIT_API_KEY", ""), data.get("LIVEKIT_API_SECRET", ""))
        return spec.api_url or spec.url, credentials


def _own() -> tuple[str, Credentials]:
    try:
        url, credentials = livekit_server(os.environ)
    except SettingsError as error:
        raise NoViewError(str(error)) from None
    if credentials is None:
        raise NoViewError(
            "the operator's own server cannot be asked: set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET"
        )
    return url, credentials
