"""The token endpoint, asked as a ServiceAccount whose tokens one may have."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import click

from roomkeeper.adapters.ports import Resource
from roomkeeper.engine.reviews import AUDIENCE

if TYPE_CHECKING:
    from roomkeeper.cli.cluster import Cluster

SHORTEST_SECONDS = 600  # that the API server signs for


async def ask(cluster: Cluster, endpoint: str, account: str, *, room: str, role: str, identity: str) -> str:
    """Return a token of a dynamic role; a ClickException says why there is none."""
    where = {"namespace": cluster.namespace, "room": room, "role": role}
    headers = {"Authorization": f"Bearer {await _account_token(cluster, account)}"}
    body = {"participant_identity": identity} if identity else {}
    url = f"{endpoint.rstrip('/')}/token"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(url, params=where, headers=headers, json=body) as response,
        ):
            if response.status == HTTPStatus.OK:
                token: str = (await response.json())["participant_token"]
                return token
            told = (await response.text()).strip()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise click.ClickException(
            f"{url}: no answer ({type(error).__name__}). The endpoint is in the cluster: "
            "kubectl -n roomkeeper port-forward service/roomkeeper 8080"
        ) from None
    raise click.ClickException(f"{url} as ServiceAccount {account!r}: {response.status} {told}")


async def _account_token(cluster: Cluster, account: str) -> str:
    """Have the API server sign a token of a ServiceAccount; it needs `create` on serviceaccounts/token."""
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"namespace": cluster.namespace},
        "spec": {"audiences": [AUDIENCE], "expirationSeconds": SHORTEST_SECONDS},
    }
    path = Resource("", "v1", f"serviceaccounts/{account}/token")
    token: str = (await cluster.kubernetes.create(path, request))["status"]["token"]
    return token
