"""Runs what docs/install.md tells people to type."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack

PAGE = Path(__file__).parents[3] / "docs" / "install.md"


def commands(title: str) -> str:
    """Return the block of commands that the page marks as tested under a title."""
    (found,) = re.findall(rf"<!-- tested: {title} -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def run(stack: LocalStack, script: str) -> str:
    """Run commands as the administrator, and return what they print; they fail together."""
    path = f"{stack.kubectl_path.parent}:{os.environ['PATH']}"
    outcome = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": path, "KUBECONFIG": str(stack.kubeconfig)},
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout
