"""Writes what Argo CD needs from the scripts in gitops/argocd; with `--check` it only says whether that is up to date.

Argo CD wants a folder per kind (argo-cd: resource_customizations), and the same scripts as texts in its ConfigMap.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roomkeeper.api.common import GROUP
from roomkeeper.api.generate import KINDS
from roomkeeper.api.generated import write_or_check

if TYPE_CHECKING:
    from collections.abc import Sequence

ARGOCD: Final = Path(__file__).parents[2] / "gitops" / "argocd"
SCRIPTS: Final = ARGOCD / GROUP
SOURCE: Final = SCRIPTS / "Room"
"""Where a script is written that other kinds have a copy of."""

_COPIED: Final = ("health.lua", "actions/reconcile/action.lua")
_DISCOVERY: Final = "actions/discovery.lua"
_WITH_MORE_ACTIONS: Final = frozenset({"Recording"})

_HEAD: Final = """\
# Generated from gitops/argocd by `python -m roomkeeper.argocd`: change those scripts.
# kubectl patch configmap argocd-cm -n argocd --type merge --patch-file argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
"""


def files() -> dict[Path, str]:
    """Return every generated file with its content."""
    copies = {
        SCRIPTS / kind / name: _read(SOURCE / name)
        for kind in _kinds()
        for name in _copied(kind)
        if SCRIPTS / kind != SOURCE
    }
    return {**copies, ARGOCD / "argocd-cm.yaml": _HEAD + "".join(map(_customizations, _kinds()))}


def _kinds() -> list[str]:
    return sorted(kind.kind for kind in KINDS)


def _copied(kind: str) -> tuple[str, ...]:
    return _COPIED if kind in _WITH_MORE_ACTIONS else (*_COPIED, _DISCOVERY)


def _source(kind: str, name: str) -> str:
    """Return a script of a kind, also if its copy is yet to be written."""
    return _read((SOURCE if name in _copied(kind) else SCRIPTS / kind) / name)


def _customizations(kind: str) -> str:
    """Render a kind's entries of the ConfigMap."""
    written = {path.parent.name for path in SCRIPTS.glob(f"{kind}/actions/*/action.lua")}
    definitions = "".join(
        f"- name: {name}\n  action.lua: |\n{_indented(_source(kind, f'actions/{name}/action.lua'), 4)}"
        for name in sorted(written | {"reconcile"})
    )
    actions = f"discovery.lua: |\n{_indented(_source(kind, _DISCOVERY), 2)}definitions:\n{definitions}"
    return (
        f"  resource.customizations.health.{GROUP}_{kind}: |\n{_indented(_source(kind, 'health.lua'), 4)}"
        f"  resource.customizations.actions.{GROUP}_{kind}: |\n{_indented(actions, 4)}"
    )


def _indented(text: str, width: int) -> str:
    return textwrap.indent(text, " " * width)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` exit with 1 and a diff if one is out of date."""
    return write_or_check(files(), __doc__, "python -m roomkeeper.argocd", arguments)


if __name__ == "__main__":
    sys.exit(main())
