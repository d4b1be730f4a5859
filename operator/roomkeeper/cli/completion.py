"""`roomkeeper completion`: what makes a shell complete commands, options and files; and what kubectl asks for a plugin."""

from __future__ import annotations

import sys

import click
from click.shell_completion import ShellComplete, get_completion_class

SHELLS = ("bash", "fish", "zsh")
_VARIABLE = "_ROOMKEEPER_COMPLETE"  # click's name for it
# Cobra's words for what a shell is to do with the answer.
_FILES_TOO, _NOTHING_ELSE = ":0", ":4"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print a script that has a shell complete commands, options and their values.

    `kubectl roomkeeper` needs none: kubectl's own completion asks the program kubectl_complete-roomkeeper, which is
    installed beside roomkeeper.

    \b
    Examples:
      source <(roomkeeper completion bash)       # in ~/.bashrc
      source <(roomkeeper completion zsh)        # in ~/.zshrc, after compinit
      roomkeeper completion fish | source        # in ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if made is None:
        raise click.ClickException(f"click completes nothing in {shell}")
    click.echo(made(root, {}, "roomkeeper", _VARIABLE).source())


def for_kubectl() -> None:
    """Answer kubectl, which gives the words after the plugin's name, the last one unfinished (kubernetes: KEP-2551)."""
    from roomkeeper.cli import main  # noqa: PLC0415 - which imports a command only when it is wanted

    *words, unfinished = sys.argv[1:] or [""]
    found = ShellComplete(main, {}, "roomkeeper", _VARIABLE).get_completions(words, unfinished)
    for item in found:
        if item.type == "plain":
            click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    click.echo(_FILES_TOO if any(item.type == "file" for item in found) else _NOTHING_ELSE)
