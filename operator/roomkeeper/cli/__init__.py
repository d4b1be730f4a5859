"""The command line: a file per command."""

from __future__ import annotations

import click

from roomkeeper import __version__
from roomkeeper.cli.run import run


@click.group(context_settings={"auto_envvar_prefix": "ROOMKEEPER", "help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="roomkeeper")
def main() -> None:
    """Keep LiveKit rooms and recordings as declared in Kubernetes."""


main.add_command(run)
