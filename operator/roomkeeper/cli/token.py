"""`roomkeeper token`: the token of a role, or what it says."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.cli.asking import ask
from roomkeeper.cli.cluster import in_cluster, namespace_option

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body
    from roomkeeper.cli.cluster import Cluster


@click.command()
@click.argument("room")
@click.option("--role", required=True, help="The role, as spec.roles names it.")
@click.option(
    "--identity",
    default="",
    help="One of the role's identities; of a dynamic role, what stands behind its prefix. [default: the first; something "
    "random]",
)
@click.option("--decode", is_flag=True, help="Show what the token says instead of the token.")
@click.option(
    "--endpoint",
    default="http://127.0.0.1:8080",
    show_default=True,
    help="Where the operator serves /token, for a dynamic role.",
)
@click.option(
    "--account",
    default="default",
    show_default=True,
    help="The ServiceAccount that asks for one of a dynamic role.",
)
@namespace_option
def token(
    room: str, *, role: str, identity: str, namespace: str, endpoint: str, account: str, decode: bool
) -> None:
    """Print a token with which somebody of a role can join.

    Whoever has it is that identity in that room until it expires, and nobody can revoke it: do not paste it anywhere. It
    is read from the role's Secret, which you must be allowed to read. One of a dynamic role is signed by the operator, for
    a ServiceAccount that may create rooms/token and whose tokens you may create.

    \b
    Examples:
      roomkeeper token standup --role host
      roomkeeper token standup --role host --decode
      # of a dynamic role:
      kubectl -n roomkeeper port-forward service/roomkeeper 8080 &
      roomkeeper token webinar --role viewer --identity vera --account backend
      # to join with LiveKit's demo page:
      url=$(kubectl get room standup -o jsonpath='{.status.url}')
      echo "https://meet.livekit.io/custom?liveKitUrl=$url&token=$(roomkeeper token standup --role host)"
    """

    async def get(cluster: Cluster) -> str:
        found = await cluster.get(ROOMS, room)
        if role in {one["role"] for one in found.get("status", {}).get("dynamicTokens", ())}:
            return await ask(cluster, endpoint, account, room=room, role=role, identity=identity)
        return _choose(await _read(cluster, found, role), role, identity)

    given = in_cluster(namespace, get)
    click.echo(json.dumps(_claims(given), indent=2) if decode else given)


async def _read(cluster: Cluster, room: Body, role: str) -> dict[str, str]:
    """Return the tokens in a role's Secret, by identity."""
    issued = {one["role"]: one["secretName"] for one in room.get("status", {}).get("tokens", ())}
    if role not in issued:
        name = room["metadata"]["name"]
        has = f"it has {', '.join(sorted(issued))}" if issued else "it has none yet"
        raise click.ClickException(
            f"room {name!r} has no token for role {role!r}: {has}. Why: kubectl describe room {name}"
        )
    secret = await cluster.get(SECRETS, issued[role])
    tokens: dict[str, str] = json.loads(base64.b64decode(secret["data"]["tokens.json"]))
    return tokens


def _choose(tokens: dict[str, str], role: str, identity: str) -> str:
    chosen = identity or next(iter(tokens))
    if chosen not in tokens:
        raise click.ClickException(f"role {role!r} has no identity {identity!r}: it has {', '.join(tokens)}")
    return tokens[chosen]


def _claims(jwt: str) -> dict[str, Any]:
    """Return what a token says, with its times as people read them; the signature is LiveKit's to check."""
    payload = jwt.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    for name in ("nbf", "exp"):
        if name in claims:
            claims[name] = datetime.fromtimestamp(claims[name], UTC).isoformat()
    return claims
