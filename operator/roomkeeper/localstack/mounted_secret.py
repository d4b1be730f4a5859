"""A Secret as a pod has it mounted: what the kubelet does, where there is none."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kubectl import Kubectl

_DATA = "..data"
"""As the kubelet names it: the one link through which all files are seen, so that they change together."""


class MountedSecret:
    """A folder with a file for each key of a Secret, brought up to date when it is asked for."""

    def __init__(self, folder: Path, *, kubectl: Kubectl, namespace: str, name: str) -> None:
        """Nothing is there before the first refresh."""
        self.folder = folder
        self._kubectl = kubectl
        self._namespace = namespace
        self._name = name
        self._version = ""

    def refresh(self) -> None:
        """Read the Secret, and put its files in place of the old ones if it is another."""
        found = self._kubectl("get", "secret", self._name, "-n", self._namespace, "-o", "json")
        secret = json.loads(found)
        version = secret["metadata"]["resourceVersion"]
        if version == self._version:
            return
        self._write({key: base64.b64decode(value) for key, value in secret["data"].items()})
        self._version = version

    def _write(self, files: dict[str, bytes]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        link = self.folder / _DATA
        old = link.resolve() if link.is_symlink() else None
        new = Path(tempfile.mkdtemp(dir=self.folder, prefix=".."))
        for name, content in files.items():
            (new / name).write_bytes(content)
            visible = self.folder / name
            if not visible.is_symlink():
                visible.symlink_to(Path(_DATA, name))
        ahead = self.folder / f"{_DATA}_tmp"
        ahead.symlink_to(new.name)
        ahead.replace(link)
        if old is not None:
            shutil.rmtree(old)
