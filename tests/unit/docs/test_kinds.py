"""The page of each kind tells of all its fields, conditions and reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api.crd import schema
from roomkeeper.api.generate import KINDS
from roomkeeper.domain.reasons import Reason
from tests.unit.docs.pages import ROOT, Page, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.api.kind import Kind

SOURCES = ROOT / "operator" / "roomkeeper"
# Where the conditions and Events of a kind are made.
MODULES = {
    "Room": "domain/checks domain/policy domain/room_plan domain/room_status domain/token_status engine/execute",
    "Recording": "domain/object_keys domain/recording_checks domain/recording_end domain/recording_events"
    " domain/recording_policy domain/recording_start domain/recording_status domain/recording_streams"
    " engine/recording_execute engine/storages",
    "RecordingSchedule": "domain/schedule_status domain/schedules engine/schedule_reconciler engine/sessions",
    "RecordingStorage": "domain/object_keys engine/storages",
    "LiveKitServer": "domain/servers engine/server_reconciler",
}
# Objects in a spec whose fields its page explains itself.
INNER = {
    "Room": ("roles[]", "moderation"),
    "Recording": ("source", "outputs"),
    "RecordingSchedule": (),
    "RecordingStorage": (),
    "LiveKitServer": ("policy", "policy.recordings", "webhook"),
}
ADVICE = re.compile(r'^\| <a id="([a-z]+)"></a>`([A-Za-z]+)` \| (.*) \|$', re.MULTILINE)


def page_of(kind: Kind) -> Page:
    [found] = [page for page in pages() if page.path == ROOT / "docs" / "kinds" / f"{kind.kind.lower()}.md"]
    return found


def source(kind: Kind) -> str:
    return "".join(
        (SOURCES / f"{name}.py").read_text(encoding="utf-8") for name in MODULES[kind.kind].split()
    )


def fields(kind: Kind) -> Iterator[str]:
    spec: dict[str, Any] = schema(kind)["properties"]["spec"]
    yield from spec["properties"]
    for path in INNER[kind.kind]:
        node = spec
        for step in path.split("."):
            node = node["properties"][step.removesuffix("[]")]
            node = node["items"] if step.endswith("[]") else node
        yield from node["properties"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_is_explained(kind: Kind) -> None:
    told = {word for code in page_of(kind).code for word in re.split(r"[^\w]+", code)}
    shown = {word for block in page_of(kind).blocks for word in re.split(r"[^\w]+", block.text)}
    assert set(fields(kind)) - told - shown == set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_condition_has_a_row(kind: Kind) -> None:
    made = set(re.findall(r'(?:Condition|_true)\(\s*"(\w+)"', source(kind))) | {"Ready", "Stalled"}
    if kind.kind == "Recording":
        made |= {"Complete", "Failed"}
    rows = set(re.findall(r"^\| `([A-Z]\w+)` \|", page_of(kind).text, re.MULTILINE))
    assert made <= rows


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_reason_is_linked(kind: Kind) -> None:
    made = {
        Reason[name]
        for name in re.findall(r"\bReason\.([A-Z_]+)\b", source(kind))
        if name in Reason.__members__
    }
    linked = set(re.findall(r"\.\./reasons\.md#(\w+)", page_of(kind).text))
    assert {str(reason) for reason in made if reason.lower() not in linked} == set()


def test_every_reason_is_of_some_kind() -> None:
    linked = {name for kind in KINDS for name in re.findall(r"\.\./reasons\.md#(\w+)", page_of(kind).text)}
    assert linked == {reason.lower() for reason in Reason}


def test_the_page_of_reasons_lists_exactly_those_there_are_with_their_advice() -> None:
    text = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    assert ADVICE.findall(text) == [(reason.lower(), str(reason), reason.advice) for reason in Reason]
