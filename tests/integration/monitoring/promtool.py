from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run(promtool: Path, *arguments: str | Path) -> str:
    """Return all that promtool says; what it says must be seen when it fails."""
    done = subprocess.run(
        [promtool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
