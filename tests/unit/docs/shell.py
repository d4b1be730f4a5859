"""What a documented script would call: bash runs it, with something in place of every program that notes its words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.docs.pages import ROOT

if TYPE_CHECKING:
    from tests.unit.docs.pages import Block

# What bash would do by itself and should not. A noted command succeeds, and prints something to go on with.
_NOTING = r"""
noted() { printf '%s\0' "$@" > "$NOTES/$EPOCHREALTIME-$BASHPID"; echo noted; }
command_not_found_handle() { noted "$@"; }
cd() { noted cd "$@"; }
export() { noted export "$@"; builtin export "$@"; }
kill() { noted kill "$@"; }
source() { noted source "$@"; }
"""


def typed(block: Block) -> str:
    """Return what a person types of a block: all of it, or what follows the prompts of a console."""
    if block.language != "console":
        return block.text
    lines, goes_on = [], False
    for line in block.text.splitlines():
        goes_on = line.startswith("$ ") or (goes_on and line.startswith("> "))
        if goes_on:
            lines.append(line[2:])
    return "\n".join(lines) + "\n"


def commands(script: str) -> list[list[str]]:
    """Return the words of each command that a script would call, in the root of the repository; it must call all."""
    bash = shutil.which("bash")
    assert bash
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory, "here")
        here.mkdir()
        for entry in ROOT.iterdir():
            if not entry.name.startswith("."):
                (here / entry.name).symlink_to(entry)
        for folder in re.findall(r">\s*([\w-]+)/", script):  # an earlier block may have made it
            (here / folder).mkdir(exist_ok=True)
        notes = Path(directory, "notes")
        notes.mkdir()
        done = subprocess.run(
            [bash, "-c", f"{_NOTING}\n{script}"],
            cwd=here,
            env={"PATH": os.devnull, "NOTES": str(notes)},
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert not done.stderr, f"{script}\n{done.stderr}"
        return [note.read_text().split("\0")[:-1] for note in sorted(notes.iterdir())]
