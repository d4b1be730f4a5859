from __future__ import annotations

import pytest

from roomkeeper.localstack import LocalStackError, demo_recording


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def lacks(monkeypatch: pytest.MonkeyPatch, sentence: str) -> None:
    monkeypatch.setattr(demo_recording, "missing", lambda: sentence)


def test_the_real_egress_records_where_it_can(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacks(monkeypatch, "")
    assert demo_recording.choose_worker() == "egress"
    assert capsys.readouterr().out == ""


def test_where_it_cannot_the_stand_in_does_and_what_to_install_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacks(monkeypatch, "It needs xvfb")
    assert demo_recording.choose_worker() == "egress_standin"
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("==> It needs xvfb")


def test_under_ci_nothing_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks(monkeypatch, "It needs xvfb")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(LocalStackError, match="It needs xvfb"):
        demo_recording.choose_worker()
