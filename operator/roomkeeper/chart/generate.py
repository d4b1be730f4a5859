"""Writes what the chart has from elsewhere; with `--check` it only says whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roomkeeper.api.generated import write_or_check
from roomkeeper.chart.readme import with_values
from roomkeeper.chart.templates import crd_template, rules_template
from roomkeeper.chart.values import documented

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[3]
CHART: Final = ROOT / "helm" / "roomkeeper"
_TEMPLATES: Final = CHART / "templates"
_RBAC: Final = ROOT / "operator" / "roomkeeper" / "localstack" / "rbac.yaml"


def files() -> dict[Path, str]:
    """Return every generated file of the chart with its content."""
    crds = {
        _TEMPLATES / f"crd-{path.name}": crd_template(_read(path), _source(path))
        for path in sorted((ROOT / "crds").glob("*.yaml"))
    }
    readme = CHART / "README.md"
    return {
        **crds,
        **{
            CHART / "files" / name: _read(ROOT / "monitoring" / name)
            for name in ("rules.yaml", "dashboard.json")
        },
        _TEMPLATES / "_rules.tpl": rules_template(_read(_RBAC), _source(_RBAC)),
        readme: with_values(_read(readme), documented(_read(CHART / "values.yaml"))),
    }


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _source(path: Path) -> str:
    return str(path.relative_to(ROOT))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` exit with 1 and a diff if one is out of date."""
    return write_or_check(files(), __doc__, "python -m roomkeeper.chart.generate", arguments)


if __name__ == "__main__":
    sys.exit(main())
