from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.monitoring.queries import DASHBOARD, PANELS

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def test_the_rows_are_those_that_people_look_for() -> None:
    assert [panel["title"] for panel in PANELS if panel["type"] == "row"] == [
        "Overview", "Work", "LiveKit", "Kubernetes", "Webhooks", "Tokens", "Recordings", "Process",
    ]  # fmt: skip


def test_no_two_panels_have_one_id_and_none_lies_on_another() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in cells) < 24
        assert taken.isdisjoint(cells)
        taken |= cells


@pytest.mark.parametrize(
    "panel", [panel for panel in PANELS if panel["type"] != "row"], ids=lambda panel: str(panel["title"])
)
def test_a_panel_says_what_it_shows_of_the_chosen_data_source(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == DATA_SOURCE
    assert {target["refId"] for target in panel["targets"]} == set("ABCDEFGH"[: len(panel["targets"])])
    assert all(target["datasource"] == DATA_SOURCE for target in panel["targets"])


def test_every_variable_that_is_used_is_declared() -> None:
    declared = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", str(DASHBOARD)))
    assert used == declared == {"datasource", "job"}
