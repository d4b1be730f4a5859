"""Every option of `roomkeeper run` and every variable that it reads is documented."""

from __future__ import annotations

import click
import pytest

from roomkeeper.cli import COMMANDS
from roomkeeper.cli.run import run
from tests.unit.docs.pages import ROOT, pages

OPTIONS = [option for option in run.params if isinstance(option, click.Option)]
README = next(page for page in pages() if page.path == ROOT / "README.md")
TABLE = [line.split("|")[1:3] for line in README.text.splitlines() if line.startswith("| `-")]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_is_in_the_readmes_table(option: click.Option) -> None:
    [row] = [options for options, _ in TABLE if f"`{option.opts[-1]}`" in options]
    assert all(f"`{name}`" in row for name in option.opts)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_variable_is_documented(option: click.Option) -> None:
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
    known = {code for page in pages() for code in page.code}
    assert set(variables) <= known


def test_the_table_has_no_option_that_there_is_not() -> None:
    named = {name.strip(" `") for options, _ in TABLE for name in options.split(",")}
    assert named == {name for option in OPTIONS for name in option.opts}


def test_every_command_is_in_the_page_of_the_command_line() -> None:
    page = next(page for page in pages() if page.path == ROOT / "docs" / "cli.md")
    rows = [line.split("|")[1] for line in page.text.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == set(COMMANDS)
