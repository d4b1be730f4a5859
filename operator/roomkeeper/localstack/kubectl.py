from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from .errors import LocalStackError

if TYPE_CHECKING:
    from pathlib import Path


class KubectlError(LocalStackError):
    """kubectl refused; the message is what it printed."""


class Kubectl:
    """kubectl with one kubeconfig, and a cache of its own.

    kubectl remembers what kinds a server has by its address; another stack may have had this address before.
    """

    def __init__(self, *, program: Path, kubeconfig: Path, cache: Path) -> None:
        self.program = program
        self._kubeconfig = kubeconfig
        self._cache = cache

    def __call__(self, *arguments: str, input: str | None = None, check: bool = True) -> str:  # noqa: A002
        """What kubectl prints to standard output; a KubectlError if it fails and check is set."""
        outcome = subprocess.run(
            [str(self.program), *arguments],
            check=False,
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "KUBECONFIG": str(self._kubeconfig), "KUBECACHEDIR": str(self._cache)},
        )
        if check and outcome.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)} failed:\n{outcome.stderr.strip()}")
        return outcome.stdout
