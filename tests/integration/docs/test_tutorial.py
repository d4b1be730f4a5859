"""The tutorial is true: its commands, one after another, print what it shows."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS
from tests.integration.docs.tutorial import Lines, Terminal, differences, steps
from tests.unit.docs.pages import ROOT, pages

pytestmark = pytest.mark.stack

PAGE = next(page for page in pages() if page.path == ROOT / "docs" / "tutorial.md")
STEPS = [step for block in PAGE.blocks if block.language == "console" for step in steps(block)]


def test_the_tutorials_commands_print_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "meetings").mkdir()
    programs = Path(sys.executable).parent
    kubectl = find(PROGRAMS["kubectl"]).parent  # which another version may hide
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    started = time.monotonic()
    dev = Lines([str(programs / "roomkeeper"), "dev", "meetings"], tmp_path, environment)
    with dev, Terminal(tmp_path) as terminal:
        printed = dev.until(lambda line: "0 objects checked" in line, 120)
        terminal.run("\n".join(line for line in printed if line.startswith("  export ")))
        terminal.run(f"export PATH={programs}:{kubectl}:$PATH")
        wrong: list[str] = []
        for step in STEPS:
            began = time.monotonic()
            lines = terminal.run(step.command)
            print(f"[{time.monotonic() - began:5.1f} s] {step.command.splitlines()[0]}")
            if differences(step.expected, lines):
                wrong.append("\n".join([step.place, step.command, *lines]))
        assert not wrong, "\n\n".join(wrong)
    print(f"{len(STEPS)} commands in {time.monotonic() - started:.0f} s")
