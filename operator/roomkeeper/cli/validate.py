"""`roomkeeper validate`: manifests, checked without a cluster."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from roomkeeper.cli import reports
from roomkeeper.validation import manifests
from roomkeeper.validation.check import Problem, Severity, is_ours, problems
from roomkeeper.validation.manifests import Manifest, ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "-o",
    "--output",
    default="text",
    show_default=True,
    type=click.Choice(list(reports.FORMATS)),
    help="How problems are written: for people, or for a program (JUnit and SARIF are what CI systems and code hosts read).",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Take warnings for errors: about what only the operator or other objects can refuse.",
)
def validate(paths: tuple[str, ...], output: str, *, strict: bool) -> None:
    """Check manifests as the API server would, without a cluster.

    PATH is a file of YAML or JSON, a folder of them, or - for standard input. Each problem comes with its file, its
    line and its field, in the words of the API server. A warning is about something that the API server takes and the
    operator may refuse: a time zone that there is not, an identity in two roles, a Room that is not among these
    manifests. Objects of other groups are counted and left alone.

    \b
    Exit codes:
      0  nothing is wrong, or there are only warnings
      1  there are errors (with --strict: or warnings)
      2  the command was called wrongly

    \b
    Examples:
      roomkeeper validate examples
      roomkeeper validate --strict -o sarif deploy > roomkeeper.sarif
      helm template . | roomkeeper validate -
    """
    checked, _ = look_at(paths, strict=strict)
    click.echo(reports.FORMATS[output](checked))
    sys.exit(any(problem.severity is Severity.ERROR for problem in checked.problems))


def look_at(paths: Sequence[str], *, strict: bool = False) -> tuple[reports.Checked, list[Manifest]]:
    """Check the manifests in files and folders; return them too, those of other groups with them."""
    read = list(manifests.read(paths))
    objects = [one for one in read if not isinstance(one, ManifestError)]
    ours = [one for one in objects if is_ours(one)]
    found = [_unreadable(one) for one in read if isinstance(one, ManifestError)]
    found += [problem for one in ours for problem in problems(one, ours)]
    if strict:
        found = [replace(problem, severity=Severity.ERROR) for problem in found]
    checked = reports.Checked(
        objects=tuple((one.path, one.name) for one in ours),
        others=len(objects) - len(ours),
        problems=tuple(found),
    )
    return checked, objects


def _unreadable(error: ManifestError) -> Problem:
    return Problem(error.path, error.line, "", Severity.ERROR, "", str(error))
