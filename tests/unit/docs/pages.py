"""The Markdown of the repository: its pages, their headings, links and blocks of code."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]

_FENCE = re.compile(r"^( *)(`{3,})(.*)$")
_HEADING = re.compile(r"^#{1,6} (.*)$")
_ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)">')
_LINK = re.compile(r"\[(?:[^][]|\[[^][]*\])*\]\(([^()\s]+)\)")
_CODE = re.compile(r"(`+)(.+?)\1")
_MARK = re.compile(r"^<!-- (.*) -->$")
# What others put into a checkout.
_FOREIGN = frozenset({"node_modules", "dist", "build"})


@dataclass(frozen=True)
class Block:
    """A block of code. `mark` is what the comment right before it says, "" without one."""

    page: Path
    line: int
    language: str
    text: str
    mark: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass
class Page:
    """A page: text is without blocks of code, with their lines left empty."""

    path: Path
    text: str = ""
    blocks: list[Block] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def prose(self) -> str:
        """The text without code of any kind."""
        return _CODE.sub("", self.text)

    @property
    def code(self) -> list[str]:
        """What stands in backquotes."""
        return [found[2].strip() for found in _CODE.finditer(self.text)]

    @property
    def links(self) -> list[str]:
        """Where its links lead; what is in backquotes is the text of a link at most."""
        return _LINK.findall(_CODE.sub("code", self.text))

    @property
    def anchors(self) -> set[str]:
        """What a link to this page may name, as GitHub makes it of headings."""
        seen: Counter[str] = Counter()
        found = set(_ANCHOR.findall(self.text))
        for line in self.text.splitlines():
            if heading := _HEADING.match(line):
                base = slug(heading[1])
                found.add(f"{base}-{seen[base]}" if seen[base] else base)
                seen[base] += 1
        return found


def slug(heading: str) -> str:
    """Return the anchor of a heading: lower case, without punctuation, spaces as dashes."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def parse(path: Path, markdown: str) -> Page:
    """Read a page."""
    page, kept, mark = Page(path), [], ""
    lines = iter(enumerate(markdown.splitlines(), 1))
    for number, line in lines:
        fence = _FENCE.match(line)
        if not fence:
            kept.append(line)
            mark = _marked(line, mark)
            continue
        indent, ticks, language = fence.groups()
        inside: list[str] = []
        for _, within in lines:
            if within.strip() == ticks:
                break
            inside.append(within.removeprefix(indent))
        else:
            raise AssertionError(f"{path}:{number}: the block is not closed")
        page.blocks.append(Block(path, number, language.strip(), "\n".join(inside) + "\n", mark))
        kept += [""] * (len(inside) + 2)
        mark = ""
    page.text = "\n".join(kept)
    return page


def _marked(line: str, before: str) -> str:
    """Return what marks a block that comes next."""
    found = _MARK.match(line.strip())
    if found:
        return found[1]
    return "" if line.strip() else before


@cache
def pages() -> tuple[Page, ...]:
    """Return all pages of the repository."""
    found = [
        path
        for path in ROOT.rglob("*.md")
        if not any(part.startswith(".") or part in _FOREIGN for part in path.relative_to(ROOT).parts)
    ]
    return tuple(parse(path, path.read_text(encoding="utf-8")) for path in sorted(found))


def blocks(*languages: str) -> list[Block]:
    """Return all blocks in these languages."""
    return [block for page in pages() for block in page.blocks if block.language in languages]
