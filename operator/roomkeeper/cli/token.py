"""`roomkeeper token`: the token of a role, or what it says."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.cli.cluster import in_cluster, namespace_option

if TYPE_CHECKING:
    from roomkeeper.cli.cluster import Cluster


@click.command()
@click.argument("room")
@click.option("--role", required=True, help="The role, as spec.roles names it.")
@click.option("--identity", default="", help="One of the role's identities. [default: the first]")
@click.option("--decode", is_flag=True, help="Show what the token says instead of the token.")
@namespace_option
def token(room: str, role: str, identity: str, namespace: str, *, decode: bool) -> None:
    """Print a token with which somebody of a role can join.

    Whoever has it is that identity in that room until it expires, and nobody can revoke it: do not paste it anywhere. It
    is read from the role's Secret, which you must be allowed to read.

    \b
    Examples:
      roomkeeper token standup --role host
      roomkeeper token standup --role host --decode
      # to join with LiveKit's demo page:
      url=$(kubectl get room standup -o jsonpath='{.status.url}')
      echo "https://meet.livekit.io/custom?liveKitUrl=$url&token=$(roomkeeper token standup --role host)"
    """

    async def read(cluster: Cluster) -> dict[str, str]:
        status = (await cluster.get(ROOMS, room)).get("status", {})
        issued = {one["role"]: one["secretName"] for one in status.get("tokens", ())}
        if role not in issued:
            has = f"it has {', '.join(sorted(issued))}" if issued else "it has none yet"
            raise click.ClickException(
                f"room {room!r} has no token for role {role!r}: {has}. Why: kubectl describe room {room}"
            )
        secret = await cluster.get(SECRETS, issued[role])
        tokens: dict[str, str] = json.loads(base64.b64decode(secret["data"]["tokens.json"]))
        return tokens

    tokens = in_cluster(namespace, read)
    chosen = identity or next(iter(tokens))
    if chosen not in tokens:
        raise click.ClickException(f"role {role!r} has no identity {identity!r}: it has {', '.join(tokens)}")
    click.echo(json.dumps(_claims(tokens[chosen]), indent=2) if decode else tokens[chosen])


def _claims(jwt: str) -> dict[str, Any]:
    """Return what a token says, with its times as people read them; the signature is LiveKit's to check."""
    payload = jwt.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    for name in ("nbf", "exp"):
        if name in claims:
            claims[name] = datetime.fromtimestamp(claims[name], UTC).isoformat()
    return claims
