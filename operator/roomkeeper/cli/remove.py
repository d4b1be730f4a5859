"""`roomkeeper remove`: take somebody out of a room, for good."""

from __future__ import annotations

from typing import Any

import click

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
    """

    def change(moderation: dict[str, Any]) -> dict[str, Any]:
        others = [one for one in moderation.get("blockedIdentities", ()) if one != identity]
        return {"blockedIdentities": others if undo else [*others, identity]}

    moderate(namespace, room, change)
    click.echo(f"room/{room}: {identity} is {'no longer blocked' if undo else 'blocked'}. {IN_GIT}")
