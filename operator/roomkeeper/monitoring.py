"""Writes the alert rules as a PrometheusRule; with `--check` it only says whether that is up to date."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roomkeeper.api.generated import write_or_check

if TYPE_CHECKING:
    from collections.abc import Sequence

MONITORING: Final = Path(__file__).parents[2] / "monitoring"
RULES: Final = MONITORING / "rules.yaml"
"""The one source, as Prometheus itself reads it."""

_HEAD: Final = """\
# Generated from monitoring/rules.yaml by `python -m roomkeeper.monitoring`: change that.
# Give it the labels that your Prometheus selects rules by.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: roomkeeper
  labels:
    app.kubernetes.io/name: roomkeeper
spec:
"""


def files() -> dict[Path, str]:
    """Return every generated file with its content. The rules are taken as text, so that they read as they were written."""
    spec = textwrap.indent(RULES.read_text(encoding="utf-8"), "  ")
    return {MONITORING / "prometheusrule.yaml": _HEAD + spec}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` exit with 1 and a diff if one is out of date."""
    return write_or_check(files(), __doc__, "python -m roomkeeper.monitoring", arguments)


if __name__ == "__main__":
    sys.exit(main())
