"""`roomkeeper remove`: take somebody out of a room, for good."""

from __future__ import annotations

from typing import Any

import click

from roomkeeper.api.role import Role
from roomkeeper.cli.cluster import namespace_option
from roomkeeper.cli.moderation import IN_GIT, moderate


@click.command()
@click.argument("room")
@click.argument("identity")
@click.option("--undo", is_flag=True, help="Let them in again.")
@namespace_option
def remove(room: str, identity: str, namespace: str, *, undo: bool) -> None:
    """Take somebody out of a room, and out again whenever they join.

    LiveKit cannot revoke a token: whoever has one gets in until it expires, and is removed each time, within moments.
    A role that has them among its identities loses them (one with a count becomes one with identities); --undo does not
    put them back there.
    """

    def change(spec: dict[str, Any]) -> dict[str, Any]:
        blocked = spec.get("moderation", {}).get("blockedIdentities", ())
        others = [one for one in blocked if one != identity]
        if undo:
            return {"moderation": {"blockedIdentities": others}}
        roles = [_without(role, identity) for role in spec.get("roles", ())]
        return {"moderation": {"blockedIdentities": [*others, identity]}, "roles": roles}

    moderate(namespace, room, change)
    click.echo(f"room/{room}: {identity} is {'no longer blocked' if undo else 'blocked'}. {IN_GIT}")


def _without(role: dict[str, Any], identity: str) -> dict[str, Any]:
    """Return a role whose Secret has no token for somebody; ClickException for a role that would be of nobody."""
    names = Role.model_validate(role).effective_identities
    if identity not in names:
        return role
    rest = [one for one in names if one != identity]
    if not rest:
        raise click.ClickException(
            f"{identity!r} is whom role {role['name']!r} is for: take the role out of spec.roles, then remove them"
        )
    counted = {key: value for key, value in role.items() if key != "count"}
    return {**counted, "identities": rest}
