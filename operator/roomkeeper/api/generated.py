"""Files that are generated and committed: written by a command, and compared by the same with `--check`."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def drift(path: Path, content: str) -> str:
    """Compare a committed file with what is generated now: a unified diff, "" if they agree."""
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(
        committed.splitlines(keepends=True),
        content.splitlines(keepends=True),
        fromfile=f"{path.name} (committed)",
        tofile=f"{path.name} (generated)",
    )
    return "".join(lines)


def write_or_check(
    files: Mapping[Path, str], description: str | None, program: str, arguments: Sequence[str] | None
) -> int:
    """Run the command line of a generator: write the files, or with `--check` exit with 1 and a diff on drift."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 and a diff on drift"
    )
    if parser.parse_args(arguments).check:
        differences = "".join(drift(path, content) for path, content in files.items())
        sys.stdout.write(differences)
        return 1 if differences else 0
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0
