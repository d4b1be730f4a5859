"""The examples in the help of the command line are commands that there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest

from roomkeeper.cli import COMMANDS, main
from tests.unit.docs import programs, shell

if TYPE_CHECKING:
    from collections.abc import Iterator


def examples() -> Iterator[tuple[str, str]]:
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command
        found = re.search(r"Examples:\n(.*?)(?:\n\n|\Z)", command.help or "", re.DOTALL)
        if found:
            yield name, found[1]


@pytest.mark.parametrize(("command", "shown"), list(examples()))
def test_an_example_in_the_help_is_a_command_that_there_is(command: str, shown: str) -> None:
    called = shell.commands(shown)
    assert command in {words[1] for words in called if words[0] == "roomkeeper"}
    assert [(words, flaw) for words in called for flaw in programs.flaws(words)] == []
