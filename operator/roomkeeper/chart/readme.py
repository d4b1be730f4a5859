"""Writes the table of values into the chart's README."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomkeeper.chart.values import Value

_BEGIN: Final = "<!-- Values: generated from values.yaml by `make generate` -->"
_END: Final = "<!-- End of values -->"


def with_values(readme: str, values: Iterable[Value]) -> str:
    """Return the README with its tables of values written anew; ValueError when it has no place for them."""
    tables = "".join(
        _table(section, of_section)
        for section, of_section in itertools.groupby(values, key=lambda value: value.section)
    )
    between = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    if not between.search(readme):
        raise ValueError(f"the README of the chart has no lines {_BEGIN} and {_END}")
    return between.sub(lambda _: f"{_BEGIN}\n{tables}\n{_END}", readme)


def _table(section: str, values: Iterable[Value]) -> str:
    rows = "".join(
        f"| `{value.path}` | `{_shown(value.default)}` | {_cell(value.description)} |\n" for value in values
    )
    return f"\n### {section}\n\n| value | default | meaning |\n|---|---|---|\n{rows}"


def _shown(default: object) -> str:
    return _cell(json.dumps(default))


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
