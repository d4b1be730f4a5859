from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.docs.pages import parse, slug

PAGE = """\
# What `status` says: 2 things
See [one](a.md#x), [`two`](b.md) and ![three](c.png), not `[four](d.md)`.
## Again
## Again

<!-- tested: it -->
```sh
# no heading
[no link](e.md)
```
- in a list
  ```yaml
  a:
    b: 1
  ```
<a id="own"></a>
"""


def test_a_page_is_taken_apart() -> None:
    page = parse(Path("page.md"), PAGE)
    assert page.links == ["a.md#x", "b.md", "c.png"]
    assert page.anchors == {"what-status-says-2-things", "again", "again-1", "own"}
    assert [(block.line, block.language, block.mark, block.text) for block in page.blocks] == [
        (7, "sh", "tested: it", "# no heading\n[no link](e.md)\n"),
        (12, "yaml", "", "a:\n  b: 1\n"),
    ]
    assert page.code == ["status", "two", "[four](d.md)"]


def test_a_block_that_is_not_closed_is_no_page() -> None:
    with pytest.raises(AssertionError, match=r"page\.md:2: the block is not closed"):
        parse(Path("page.md"), "text\n```sh\nls\n")


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("LiveKitServers and RecordingStorages", "livekitservers-and-recordingstorages"),
        ("… an access token is stolen", "-an-access-token-is-stolen"),
        ("[0.1.0](x) - today", "010---today"),
        ("spec.roles[].name", "specrolesname"),
    ],
)
def test_an_anchor_is_made_as_github_makes_it(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor
