"""The part of Mermaid's language that the diagrams here are written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NODE = r"\w+(?:\[[^][]+\]|\([^()]+\)|\(\[[^][]+\]\)|\{[^{}]+\})?"
_FLOWCHART = re.compile(
    rf"{_NODE}(?: & {_NODE})*(?: (?:-->|---|-\.->)(?:\|[^|]+\|)? {_NODE}(?: & {_NODE})*)*|subgraph .+|end|direction \w+"
)
_STATE = re.compile(
    r"(?:\[\*\]|\w+) --> (?:\[\*\]|\w+)(?:: [^:;]+)?|\w+: [^:;]+|note (?:right|left) of \w+: [^:;]+|direction \w+"
)
_SEQUENCE = re.compile(
    r"(?:participant|actor) \w+(?: as .+)?|\w+(?:->>|-->>|-x|--x)\w+: [^;]+|[Nn]ote (?:over|right of|left of) [\w,]+: [^;]+"
    r"|(?:loop|alt|else|opt|par|and|rect) ?[^;]*|end"
)
_LANGUAGES = {
    "flowchart LR": _FLOWCHART,
    "flowchart TD": _FLOWCHART,
    "stateDiagram-v2": _STATE,
    "sequenceDiagram": _SEQUENCE,
}


def flaws(text: str) -> Iterator[str]:
    """Yield the lines of a diagram that are not known to be drawn as they are meant."""
    first, *rest = text.strip().splitlines()
    line = _LANGUAGES.get(first)
    if line is None:
        yield first
        return
    yield from (one for one in map(str.strip, rest) if one and not line.fullmatch(one))
