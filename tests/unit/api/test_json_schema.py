"""The JSON Schemas for editors: committed as generated, named in each example, and telling of mistakes."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from roomkeeper.api import generate
from roomkeeper.api.common import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
# As the YAML language server reads it: a comment in the document, relative to the file.
MODELINE = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)


def documents() -> Iterator[tuple[Path, str]]:
    """Yield every document of ours in the examples, with its comments."""
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for text in re.split(r"^---\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if (yaml.safe_load(text) or {}).get("apiVersion") == API_VERSION:
                yield path, text


DOCUMENTS = [pytest.param(*one, id=f"{one[0].relative_to(ROOT)}") for one in documents()]


def schema_of(path: Path, text: str) -> Any:
    (name,) = MODELINE.findall(text)
    return json.loads((path.parent / name).read_text(encoding="utf-8"))


def example(kind: str) -> tuple[Any, Any]:
    """Return the first example of a kind, and its schema."""
    path, text = next((path, text) for path, text in documents() if f"\nkind: {kind}\n" in text)
    return yaml.safe_load(text), schema_of(path, text)


def test_the_committed_schemas_are_the_generated_ones() -> None:
    assert {path.relative_to(generate.SCHEMAS) for path in generate.SCHEMAS.rglob("*.json")} == {
        generate.schema_path_of(kind).relative_to(generate.SCHEMAS) for kind in generate.KINDS
    }
    for kind in generate.KINDS:
        committed = generate.schema_path_of(kind).read_text(encoding="utf-8")
        assert committed == generate.render_schema(kind)
        jsonschema.Draft7Validator.check_schema(json.loads(committed))


@pytest.mark.parametrize(("path", "text"), DOCUMENTS)
def test_an_example_names_the_schema_that_it_fits(path: Path, text: str) -> None:
    schema, body = schema_of(path, text), yaml.safe_load(text)
    assert schema["title"] == body["kind"]
    jsonschema.validate(body, schema)


MISTAKES: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "misspelt": (
        "Room",
        lambda room: room["spec"].update(maxParticipant=3),
        "'maxParticipant' was unexpected",
    ),
    "misspelt below": (
        "Room",
        lambda room: room["spec"]["roles"][0].update(ident=[]),
        "'ident' was unexpected",
    ),
    "wrong type": (
        "Room",
        lambda room: room["spec"].update(maxParticipants="3"),
        "'3' is not of type 'integer'",
    ),
    "too much": ("Room", lambda room: room["spec"].update(maxParticipants=10**9), "greater than the maximum"),
    "no such value": ("Room", lambda room: room["spec"].update(lifecycle="Twice"), "'Twice' is not one of"),
    "twice": (
        "Room",
        lambda room: room["spec"].update(moderation={"blockedIdentities": ["eve", "eve"]}),
        "has non-unique elements",
    ),
    "another version": ("Room", lambda room: room.update(apiVersion="roomkeeper.dev/v1"), "was expected"),
    "no spec": ("Room", lambda room: room.pop("spec"), "'spec' is a required property"),
    "missing": ("Recording", lambda one: one["spec"].pop("outputs"), "'outputs' is a required property"),
    "deep": (
        "RecordingSchedule",
        lambda one: one["spec"]["recordingTemplate"]["spec"]["outputs"].update(fil={}),
        "'fil' was unexpected",
    ),
    "label": (
        "LiveKitServer",
        lambda one: one["metadata"].update(labels={"a": True}),
        "True is not of type 'string'",
    ),
    "of another cloud": ("RecordingStorage", lambda one: one["spec"].update(s4={}), "'s4' was unexpected"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_seen(mistake: str) -> None:
    kind, make, told = MISTAKES[mistake]
    body, schema = example(kind)
    wrong = copy.deepcopy(body)
    make(wrong)
    with pytest.raises(jsonschema.ValidationError, match=re.escape(told)):
        jsonschema.validate(wrong, schema)


def test_what_is_free_is_free() -> None:
    room, schema = example("Room")
    room["spec"]["metadata"] = {"any": {"thing": [1, None]}}
    room["metadata"]["finalizers"] = ["example.com/mine"]
    jsonschema.validate(room, schema)
