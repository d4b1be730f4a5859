"""How commands write what they found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

output_option = click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json", "yaml"]),
    help="A table for people, or all of it for a program.",
)


def render(rows: Sequence[dict[str, Any]], output: str) -> str:
    """Write rows that have the same keys, as a table with those for its head, or as JSON or YAML."""
    if output == "json":
        return json.dumps(list(rows), indent=2)
    if output == "yaml":
        return yaml.safe_dump(list(rows), sort_keys=False).rstrip()
    if not rows:
        return "nothing found"
    table = [[name.upper().replace("_", " ") for name in rows[0]]]
    table += [["-" if value in (None, "") else str(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )
