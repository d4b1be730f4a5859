"""The command line: a file per command."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from roomkeeper import __version__

# By name, the module; the command in it is called like that.
COMMANDS: Final = {
    "completion": "completion",
    "dev": "dev",
    "doctor": "doctor",
    "get": "get",
    "import": "import_rooms",
    "mute": "mute",
    "plan": "plan",
    "record": "record",
    "remove": "remove",
    "run": "run",
    "stop": "stop",
    "token": "token",
    "validate": "validate",
}


class _Commands(click.Group):
    """Imports a command only when it is wanted: the operator must not hold the 30 MB that `validate` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name."""
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"roomkeeper.cli.{module}"), module)
        return command


@click.command(
    cls=_Commands,
    context_settings={"auto_envvar_prefix": "ROOMKEEPER", "help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="roomkeeper")
def main() -> None:
    """Keep LiveKit rooms and recordings as declared in Kubernetes."""


def kubectl_plugin() -> None:
    """Be `kubectl roomkeeper`."""
    main(prog_name="kubectl roomkeeper")
