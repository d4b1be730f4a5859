"""What was released, and that whoever has objects of it can go on with them."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
import yaml
from packaging.version import Version

from roomkeeper import __version__
from roomkeeper.api.crd import custom_resource_definition
from roomkeeper.api.generate import KINDS
from roomkeeper.chart import release
from roomkeeper.chart.generate import CHART, ROOT
from tests.unit.releases.compatibility import breaking_changes

if TYPE_CHECKING:
    from pathlib import Path

NOW = {f"{kind.plural}.roomkeeper.dev": custom_resource_definition(kind) for kind in KINDS}
FOLDERS = sorted(release.RELEASES.iterdir(), key=lambda folder: Version(folder.name))
RELEASES = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)

# Rules that are new to a place that was there before, as they are told below, and of which somebody has seen that they
# hold for every object that was let through before.
WIDER: frozenset[str] = frozenset()


def packed(folder: Path) -> dict[str, bytes]:
    """Return the files in the packed chart of a release."""
    with tarfile.open(folder / f"roomkeeper-{folder.name}.tgz") as archive:
        return {
            member.name.removeprefix("roomkeeper/"): archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
        }


def definition(crd: str) -> str:
    """Return what a CRD says, without the name and the labels that the chart writes above it."""
    _, found, spec = crd.partition("\nspec:\n")
    assert found
    return spec.replace('{{ "{{" }}', "{{").removesuffix("{{- end }}\n")


@RELEASES
@pytest.mark.parametrize("name", NOW)
def test_nothing_is_taken_away_that_a_release_had(folder: Path, name: str) -> None:
    old = yaml.safe_load((folder / "crds" / f"roomkeeper.dev_{name.partition('.')[0]}.yaml").read_text())
    told = {str(change) for change in breaking_changes(old, NOW[name])}
    assert sorted(told - WIDER) == []


@RELEASES
def test_a_release_has_every_kind_that_it_packed(folder: Path) -> None:
    crds = {path.name: definition(path.read_text()) for path in (folder / "crds").iterdir()}
    templates = {
        name.removeprefix("templates/crd-"): definition(content.decode())
        for name, content in packed(folder).items()
        if name.startswith("templates/crd-")
    }
    assert crds == templates
    assert len(crds) >= 5


@RELEASES
def test_a_release_is_of_the_version_that_it_says(folder: Path) -> None:
    chart = yaml.safe_load(packed(folder)["Chart.yaml"])
    assert chart["version"] == chart["appVersion"] == folder.name


def test_what_is_being_released_is_what_is_here() -> None:
    """Until the tag, `make release` follows what changes; after it, the next version has begun."""
    told = f"{__version__} has changed since `make release`: run it again, or begin the next version (docs/release.md)"
    for folder in FOLDERS:
        if folder.name != __version__:
            continue
        assert _files(folder / "crds") == _files(ROOT / "crds"), told
        chart, here = packed(folder), _files(CHART)
        assert yaml.safe_load(chart.pop("Chart.yaml")) == yaml.safe_load(here.pop("Chart.yaml")), told
        assert chart == {
            name: here[name] for name in here if not name.startswith(("tests/", ".helmignore"))
        }, told


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_version_at_hand_is_a_release_or_comes_after_all_of_them() -> None:
    newest = Version(FOLDERS[-1].name)
    assert Version(__version__) >= newest
    assert "dev" in __version__ or __version__ == FOLDERS[-1].name


def test_the_changelog_begins_with_what_is_not_released_or_with_the_newest() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    dated = [heading for heading in headings if heading != "## Unreleased"]
    assert [heading.split()[1] for heading in dated] == [folder.name for folder in reversed(FOLDERS)]
    assert "dev" in __version__ or headings == dated


def test_a_version_that_is_being_developed_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "__version__", "0.2.0.dev0")
    with pytest.raises(SystemExit, match=r"0\.2\.0\.dev0 is not to be released"):
        release.main()
