"""The sources lie in operator/, which must never become a package: it would shadow the standard library's operator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_operator_is_no_package() -> None:
    assert (ROOT / "operator" / "roomkeeper" / "__init__.py").is_file()
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_import_operator_in_the_repository_is_the_standard_library() -> None:
    program = "import operator, sysconfig; print(operator.__file__.startswith(sysconfig.get_path('stdlib')))"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "True"
