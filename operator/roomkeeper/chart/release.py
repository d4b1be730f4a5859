"""Keeps the version at hand in tests/releases, as it is released: its CRDs and its packed chart.

Later versions are held against those, and upgrades are tested from them. So this is run to make a release, before it is
tagged, and not again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from roomkeeper import __version__
from roomkeeper.chart.generate import CHART, ROOT
from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

RELEASES: Final = ROOT / "tests" / "releases"
"""A folder for each release, with `crds/` and `roomkeeper-<version>.tgz`."""

# Helm packs each file with the time of its last change, which a checkout does not keep.
_PACKED_AT: Final = 1_000_000_000


def keep_release() -> None:
    """Write the folder of this version; what was there is replaced."""
    folder = RELEASES / __version__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "crds", folder / "crds")
    with tempfile.TemporaryDirectory() as scratch:
        chart = Path(scratch) / CHART.name
        shutil.copytree(CHART, chart)
        for path in chart.rglob("*"):
            os.utime(path, (_PACKED_AT, _PACKED_AT))
        command = [str(find(PROGRAMS["helm"])), "package", str(chart), "--destination", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the program that was found


def main() -> None:
    """Keep this version; it exits with 1 if it is one that nobody releases."""
    if "dev" in __version__:
        sys.exit(f"{__version__} is not to be released: docs/release.md says what comes first.")
    keep_release()


if __name__ == "__main__":
    main()
