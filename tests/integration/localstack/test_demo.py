"""`make demo`, as somebody runs it who has just cloned the repository."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.docs.tutorial import same
from tests.integration.localstack.recorded import skip_where_egress_cannot_run
from tests.unit.docs.pages import blocks

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[3]


def lines_of_demo(**environment: str) -> list[str]:
    outcome = subprocess.run(
        ["make", "--no-print-directory", "demo", "ONCE=1"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-3000:]
    print(outcome.stdout)
    lines = outcome.stdout.splitlines()
    assert lines[-1] == "==> all of it was seen"
    assert any("people=" in line and "alice" in line for line in lines)
    states = [line.split()[2] for line in lines if line.startswith("standup   team-a_standup ")]
    assert states == ["Active", "Stopped"]
    return lines


def told(lines: list[str]) -> list[str]:
    """Return what is done and what has happened; what tables show depends on the moment."""
    done = re.compile(r"[$=] ?.*|.* (?:created|patched|condition met)|codec_name=.*")
    return [same(line) for line in lines if done.fullmatch(line) and not line.startswith("==> starting")]


def test_it_shows_a_room_and_records_it_with_the_real_egress() -> None:
    skip_where_egress_cannot_run()
    lines = lines_of_demo()
    [readme] = [one for one in blocks("console") if one.page == ROOT / "README.md"]
    assert told(lines)[:-1] == told(readme.text.splitlines())
    (recorded,) = [line for line in lines if line.startswith("==> recorded: ")]
    key = recorded.removeprefix("==> recorded: s3://").partition(",")[0]
    assert key.startswith("recordings/team-a/standup/team-a_standup-")
    assert lines[lines.index(recorded) + 1].endswith(f"/{key}")
    assert {line.partition("|")[0] for line in lines if line.startswith("codec_name=")} == {
        "codec_name=h264",
        "codec_name=opus",
    }


def test_without_debians_packages_it_says_what_to_install_and_shows_the_rest(tmp_path: Path) -> None:
    program = tmp_path / "dpkg-query"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    lines = lines_of_demo(PATH=f"{tmp_path}:{os.environ['PATH']}", CI="")
    (missing,) = [line for line in lines if "apt-get install --no-install-recommends" in line]
    assert "stand-in" in missing
    assert not [line for line in lines if line.startswith("codec_name=")]
