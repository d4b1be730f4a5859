"""docs/api.md has every field of the committed CRDs, with what its description says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper.api import generate, reference
from roomkeeper.api.reference import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = reference.PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
SHARED = {"RecordingSchedule.spec.recordingTemplate.spec"}


def fields(path: str, node: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every field of a schema: the object that it is in, its name, its schema; of lists the items too."""
    for name, child in node.get("properties", {}).items():
        yield path, name, {**child, "required": name in node.get("required", ())}
        within = f"{path}.{name}"
        if "items" in child:
            within, child = f"{within}[]", child["items"]  # noqa: PLW2901
        if not within.endswith(".conditions[]") and within not in SHARED:
            yield from fields(within, child)


def committed() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for kind in generate.KINDS:
        crd = yaml.safe_load(generate.path_of(kind).read_text(encoding="utf-8"))
        root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        for part in ("spec", "status"):
            yield from fields(f"{kind.kind}.{part}", root[part])


FIELDS = list(committed())


def rows(section: str) -> dict[str, list[str]]:
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def test_the_committed_page_is_the_generated_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check"]) == 0, capsys.readouterr().out


def test_every_field_has_a_row_and_no_other_has() -> None:
    expected: dict[str, list[str]] = {}
    for path, name, _ in FIELDS:
        expected.setdefault(path, []).append(name)
    assert {path: list(rows(section)) for path, section in SECTIONS.items()} == expected
    assert len(FIELDS) > 250


@pytest.mark.parametrize(
    ("path", "name", "schema"), [(path, name, node) for path, name, node in FIELDS if ".spec" in path]
)
def test_a_description_says_what_it_is_and_what_holds_without_it(
    path: str, name: str, schema: dict[str, Any]
) -> None:
    found = DESCRIPTION.fullmatch(schema["description"])
    assert found
    assert found["meaning"].endswith((".", ")")), found
    assert schema["required"] or found["default"]
    kind, default, *_ = rows(SECTIONS[path])[name]
    assert kind
    assert (default == "required") is schema["required"]
    if "default" in schema:
        assert default.strip("`").startswith(json.dumps(schema["default"]).strip('"'))


def test_bounds_enumerations_and_rules_are_told() -> None:
    assert rows(SECTIONS["Room.spec"])["maxParticipants"][0] == "integer, 1 to 10000"
    assert rows(SECTIONS["Room.spec"])["lifecycle"][0] == "string: `Persistent`, `OnDemand`, `Once`"
    assert rows(SECTIONS["Room.spec"])["roles"][0] == (
        "list of [object](#roomspecroles), one per `name`, at most 20 items"
    )
    rules = [line for line in SECTIONS["Room.spec"].splitlines() if line.startswith("- ")]
    assert "- rawMetadata stands instead of metadata: remove one of them" in rules
    assert '- roomName must not contain "\\|", "/" or ".."' in rules
