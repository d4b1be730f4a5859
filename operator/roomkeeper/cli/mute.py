"""`roomkeeper mute`: take somebody's microphone, or another source."""

from __future__ import annotations

from typing import Any

import click

from roomkeeper.cli.cluster import namespace_option
from roomkeeper.cli.moderation import IN_GIT, moderate

SOURCES = ("camera", "microphone", "screen_share", "screen_share_audio")


@click.command()
@click.argument("room")
@click.argument("identity")
@click.option(
    "--source",
    "sources",
    multiple=True,
    default=("microphone",),
    show_default=True,
    type=click.Choice(SOURCES),
    help="What they may not publish; may be repeated.",
)
@click.option("--undo", is_flag=True, help="Give it back; they may unmute themselves then.")
@namespace_option
def mute(room: str, identity: str, sources: tuple[str, ...], namespace: str, *, undo: bool) -> None:
    """Take somebody's microphone, so that they cannot take it back.

    A mute by LiveKit's own API lasts until the client unmutes itself. This takes the source out of their permissions and
    their tokens, and out again whenever they join.
    """

    def change(spec: dict[str, Any]) -> dict[str, Any]:
        denied = spec.get("moderation", {}).get("deniedSources", [])
        others = [one for one in denied if one["identity"] != identity]
        before = {source for one in denied if one["identity"] == identity for source in one["sources"]}
        after = sorted(before - set(sources) if undo else before | set(sources))
        wanted = [*others, {"identity": identity, "sources": after}] if after else others
        return {"moderation": {"deniedSources": wanted}}

    moderate(namespace, room, change)
    done = "may publish again" if undo else "can no longer publish"
    click.echo(f"room/{room}: {identity} {done} {', '.join(sources)}. {IN_GIT}")
