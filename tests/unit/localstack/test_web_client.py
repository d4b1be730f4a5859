from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import LocalStackError, web_client
from roomkeeper.localstack.build import cache_directory
from roomkeeper.localstack.web_client import EXAMPLE, find_livekit_client, find_web_client

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Executable

NPM = """#!/bin/sh
echo "$*" >> "{log}"
if [ -e "{folder}/broken" ]; then exit 1; fi
if [ "$1" = ci ]; then
  {mkdir} -p node_modules/livekit-client/dist && echo client > node_modules/livekit-client/dist/livekit-client.umd.js
else
  {mkdir} dist && {cp} src/main.tsx dist/main.tsx && {cp} node_modules/livekit-client/dist/* dist
fi
"""


class Npm:
    """An npm on PATH that notes what it is asked for."""

    def __init__(self, folder: Path, executable: Executable, tools: dict[str, str]) -> None:
        self._folder = folder
        self._log = folder / "calls"
        executable(folder, "node", "#!/bin/sh\necho v24.1.0\n")
        executable(folder, "npm", NPM.format(log=self._log, folder=folder, **tools))

    def breaks(self) -> None:
        (self._folder / "broken").touch()

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines()


@pytest.fixture
def tools() -> dict[str, str]:
    """Where the shell finds its commands on this machine."""
    return {name: shutil.which(name) or name for name in ("mkdir", "cp")}


@pytest.fixture
def npm(tools: dict[str, str], machine: Path, executable: Executable) -> Npm:
    return Npm(machine, executable, tools)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example that can be changed."""
    copy = tmp_path / "example"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    monkeypatch.setattr(web_client, "EXAMPLE", copy)
    return copy


def test_packages_and_page_are_made_once(npm: Npm, example: Path) -> None:
    built = find_web_client()
    assert find_web_client() == built
    assert (built / "main.tsx").read_text() == (example / "src" / "main.tsx").read_text()
    assert find_livekit_client().read_text() == "client\n"
    assert npm.calls == ["ci --ignore-scripts", "run build"]
    assert not list(cache_directory().glob("*-*/source"))


def test_a_changed_page_is_built_again_with_the_same_packages(npm: Npm, example: Path) -> None:
    before = find_web_client()
    (example / "src" / "main.tsx").write_text("// another")
    assert find_web_client() != before
    assert npm.calls == ["ci --ignore-scripts", "run build", "run build"]


def test_changed_pins_are_other_packages(npm: Npm, example: Path) -> None:
    before = find_livekit_client()
    lock = json.loads((example / "package-lock.json").read_text())
    lock["packages"]["node_modules/react"]["version"] = "0.0.1"
    (example / "package-lock.json").write_text(json.dumps(lock))
    assert find_livekit_client() != before


def test_what_a_person_has_built_beside_it_does_not_count(npm: Npm, example: Path) -> None:
    before = find_web_client()
    for folder in ("dist", "node_modules"):
        (example / folder).mkdir()
        (example / folder / "file.js").touch()
    assert find_web_client() == before


def test_a_failure_leaves_nothing_behind(npm: Npm, example: Path) -> None:
    npm.breaks()
    with pytest.raises(LocalStackError, match="npm ci --ignore-scripts failed"):
        find_web_client()
    assert not [path for path in cache_directory().iterdir() if path.is_dir()]


def test_no_registry_is_named_by_the_pins() -> None:
    packages = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    pinned = [one for name, one in packages.items() if name]
    assert pinned
    assert not [one for one in pinned if "resolved" in one]
    assert all(one["integrity"].startswith("sha512-") for one in pinned)


def test_every_dependency_is_pinned_to_one_version() -> None:
    package = json.loads((EXAMPLE / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}.values()
    assert [version for version in versions if not version[0].isdigit()] == []
