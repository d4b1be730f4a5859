"""A terminal whose commands are run, and drawn as SVG with what they print."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = 110
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # it would be fetched from elsewhere by whoever looks


class Terminal:
    """Runs commands in a folder, in bash."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._console = Console()

    @contextmanager
    def recorded(self, target: Path, title: str) -> Iterator[None]:
        """Draw what is typed meanwhile."""
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            self._console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
            yield
        drawn = self._console.export_svg(title=title, unique_id=target.stem)
        target.write_text(_FONT.sub("", drawn).replace("Fira Code", "monospace"))

    def type(self, command: str, *, show: str | None = None, fails: bool = False) -> None:
        """Run a command; `show` is typed instead of it, "" nothing. It must fail, or must not."""
        shown = command if show is None else show
        if shown:
            self._console.print(Text.assemble(("$ ", "green"), (shown, "bold")))
        done = subprocess.run(
            ["bash", "-c", command], cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        printed = done.stdout + done.stderr
        if (done.returncode != 0) != fails:
            raise RuntimeError(f"$ {command}\n{printed}")
        if shown and printed:
            self._console.print(Text.from_ansi(printed.rstrip("\n")))
