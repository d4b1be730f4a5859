from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.transcripts import Step, sections, steps

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# Title

## First

```console
$ echo one \\
>   two
one two
$ true
```

```sh
not me
```

## Second

Text.
"""


def test_commands_are_found_by_section_with_what_they_print() -> None:
    assert sections(TEXT) == {
        "First": (Step("echo one \\\n  two", ("one two",)), Step("true", ())),
        "Second": (),
    }


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("a …", "a b c\n"),
        ("a   b", "a b\n"),
        ("age 5s", "age 2m10s"),
        ("…", ""),
        ("…", "a\nb\n"),
    ],
)
def test_what_may_differ_may(line: str, output: str) -> None:
    assert Step("", (line,)).is_said(output)


@pytest.mark.parametrize(
    ("line", "output"),
    [("a", "a\nb\n"), ("a", ""), ("a …", "b c\n"), ("a b", "ab\n"), ("age 5s", "age old\n")],
)
def test_what_may_not_differ_may_not(line: str, output: str) -> None:
    assert not Step("", (line,)).is_said(output)


def test_a_command_that_fails_or_says_something_else_is_told(tmp_path: Path) -> None:
    for step in steps(TEXT):
        step.run(tmp_path, {})
    with pytest.raises(AssertionError, match="no such thing"):
        Step("echo no such thing; false", ()).run(tmp_path, {})
    with pytest.raises(AssertionError, match="instead of"):
        Step("echo one", ("two",)).run(tmp_path, {})
