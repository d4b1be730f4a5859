"""What a text shows of a shell: its `console` blocks, run as they stand, and compared with what they print.

In such a block `$ ` begins a command and `> ` goes on with it; what follows is what it prints. `…` stands for anything in
a line, and for any lines where it is alone; columns may be wider or narrower, and an age is any age.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATIENCE_SECONDS = 120
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)
_AGE = re.compile(r"\d+[smhd]")


@dataclass(frozen=True)
class Step:
    """A command, and the lines that it is said to print, standard error among them."""

    command: str
    printed: tuple[str, ...]

    def run(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Run it, and fail if it does, or if it prints something else."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.command],
            cwd=directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"$ {self.command}\n{done.stdout}"
        wanted = "\n".join(self.printed)
        assert self.is_said(done.stdout), f"$ {self.command}\n{done.stdout}--- instead of ---\n{wanted}"

    def is_said(self, output: str) -> bool:
        """Tell whether an output is the one of the text."""
        ended = output if output.endswith("\n") or not output else f"{output}\n"
        return re.fullmatch("".join(map(_pattern, self.printed)), ended) is not None


def sections(text: str) -> dict[str, tuple[Step, ...]]:
    """Return the commands of each section, in their order."""
    return {title: tuple(steps(body)) for title, body in _SECTION.findall(text)}


def steps(text: str) -> Iterator[Step]:
    """Yield the commands of a text, in their order."""
    for block in _BLOCK.findall(text):
        first, *rest = re.split(r"^\$ ", block, flags=re.MULTILINE)
        assert not first, f"a block begins without a command: {first}"
        for one in rest:
            lines = one.splitlines()
            end = next((at for at, line in enumerate(lines) if at and not line.startswith("> ")), len(lines))
            command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:end])])
            yield Step(command, tuple(lines[end:]))


def _pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:[^\n]*\n)*"
    words = [
        r"\d+[smhd](?:\d+[smhd])?" if _AGE.fullmatch(word) else re.escape(word).replace("…", r"[^\n]*")
        for word in line.split()
    ]
    return r"[ \t]*" + r"[ \t]+".join(words) + r"[ \t]*\n"
