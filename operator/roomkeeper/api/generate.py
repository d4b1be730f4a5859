"""Writes `crds/` and, for editors, `schemas/`; with `--check` it only says whether they are up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from roomkeeper.api import generated, recording, recording_schedule, recording_storage, room, server
from roomkeeper.api.common import GROUP
from roomkeeper.api.crd import custom_resource_definition
from roomkeeper.api.json_schema import file_name, json_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.api.kind import Kind

KINDS: Final = (server.KIND, room.KIND, recording.KIND, recording_storage.KIND, recording_schedule.KIND)
CRDS: Final = Path(__file__).parents[3] / "crds"
SCHEMAS: Final = CRDS.parent / "schemas"

_HEADER: Final = (
    "# Generated from the models in roomkeeper.api by `python -m roomkeeper.api.generate`: change those.\n"
)


class _NoAliases(yaml.SafeDumper):
    """Writes a value that occurs twice twice: anchors confuse people and some tools."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def path_of(kind: Kind) -> Path:
    """Where the CustomResourceDefinition of a kind is committed."""
    return CRDS / f"{GROUP}_{kind.plural}.yaml"


def schema_path_of(kind: Kind) -> Path:
    """Where the JSON Schema of a kind is committed."""
    return SCHEMAS / file_name(kind)


def render_schema(kind: Kind) -> str:
    """Render the JSON Schema of a kind."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def render(kind: Kind) -> str:
    """Render the file of a kind."""
    return _HEADER + yaml.dump(
        custom_resource_definition(kind),
        Dumper=_NoAliases,
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )


def drift(kind: Kind) -> str:
    """Compare the committed file of a kind with its models: a unified diff, "" if they agree."""
    return generated.drift(path_of(kind), render(kind))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` exit with 1 and a diff if one is out of date."""
    files = {path_of(kind): render(kind) for kind in KINDS}
    files |= {schema_path_of(kind): render_schema(kind) for kind in KINDS}
    return generated.write_or_check(files, __doc__, "python -m roomkeeper.api.generate", arguments)


if __name__ == "__main__":
    sys.exit(main())
