from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api import generate, room

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_committed_crds_are_the_generated_ones() -> None:
    assert "".join(generate.drift(kind) for kind in generate.KINDS) == ""


def test_nothing_but_generated_crds_is_committed() -> None:
    assert {path.name for path in generate.CRDS.iterdir()} == {
        generate.path_of(kind).name for kind in generate.KINDS
    }


def test_check_reports_drift_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "CRDS", tmp_path / "crds")
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path / "schemas")
    assert generate.main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0

    stale = generate.path_of(room.KIND)
    stale.write_text(
        stale.read_text(encoding="utf-8").replace("maximum: 10000", "maximum: 9"), encoding="utf-8"
    )
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    difference = capsys.readouterr().out
    assert "-                maximum: 9\n" in difference
    assert "+                maximum: 10000\n" in difference
