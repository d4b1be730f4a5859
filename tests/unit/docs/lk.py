"""LiveKit's own command line, as far as the documentation uses it: livekit-cli 2.18.3, cmd/lk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GLOBAL = frozenset({"--url", "--api-key", "--api-secret", "--project", "--yes", "--curl"})
_OF = {
    "room create": "--min-playout-delay --max-playout-delay --sync-streams --empty-timeout --departure-timeout --agents-file"
    " --room-egress-file",
    "room list": "--json",
    "room update": "--metadata",
    "room delete": "",
    "room join": "--identity --publish-demo --publish --attribute --metadata",
    "room participants list": "",
    "room participants get": "--room --identity",
    "room participants remove": "--room --identity",
    "room participants update": "--room --identity --metadata --permissions",
    "room mute-track": "--room --identity --mute --unmute",
    "token create": "--room --identity --join --admin --egress --ingress --allow-update-metadata --allow-source --name"
    " --metadata --attribute --valid-for --grant --agent --token-only",
    "egress start": "--type",
    "egress list": "--id --room --active --json",
    "egress stop": "--id",
    "egress update-layout": "--id --layout",
    "egress update-stream": "--id --add-urls --remove-urls",
    "dispatch list": "",
    "dispatch create": "--room --agent-name --metadata",
    "dispatch delete": "",
}
COMMANDS = {tuple(name.split()): frozenset(options.split()) for name, options in _OF.items()}


def flaws(words: list[str]) -> Iterator[str]:
    """Yield what is wrong with a command, by its words after `lk`."""
    known = next((name for name in COMMANDS if tuple(words[: len(name)]) == name), None)
    if known is None:
        yield f"lk has no command {' '.join(words[:2])}, or none that is known here"
        return
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    yield from (f"lk {' '.join(known)} has no {one}" for one in options - COMMANDS[known] - GLOBAL)
