"""Every link inside the repository leads somewhere, and what is named in it is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.unit.docs.pages import ROOT, pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.docs.pages import Page

BY_PATH = {page.path: page for page in pages()}
# A path from the root of the repository, as prose names it.
NAMED = re.compile(
    r"(?:crds|deploy|docs|examples|gitops|helm|monitoring|operator|tests)/[\w./-]*|[\w-]+\.(?:md|toml|lock)"
)


def broken(page: Page) -> Iterator[str]:
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        where, _, anchor = link.partition("#")
        target = (page.path.parent / where).resolve() if where else page.path
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{link}: there is no such heading"


def anchors(target: Path) -> set[str]:
    return BY_PATH[target].anchors if target in BY_PATH else set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_link_inside_the_repository_leads_somewhere(page: Page) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_file_that_is_named_is_there(page: Page) -> None:
    named = {code for code in page.code if NAMED.fullmatch(code)}
    lacking = {
        code
        for code in named
        if not any((base / code.rstrip("/")).exists() for base in (ROOT, page.path.parent))
    }
    assert lacking == set()


def test_every_page_is_linked_from_another() -> None:
    linked = {
        _page((page.path.parent / link.partition("#")[0]).resolve())
        for page in pages()
        for link in page.links
        if not link.startswith("#")
    }
    alone = {page.name for page in pages() if page.path not in linked}
    assert alone - {"README.md"} == set()


def _page(target: Path) -> Path:
    """Return what a code host shows of a target."""
    return target / "README.md" if target.is_dir() else target
