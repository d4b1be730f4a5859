"""What `kubectl describe` and `roomkeeper doctor` tell people who have made mistakes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.mistakes import Mistake
    from tests.e2e.tenancy import Namespace


class Trouble:
    """A provider and a tenant who have made every mistake, and what the doctor says of it."""

    def __init__(self, provider: Namespace, tenant: Namespace) -> None:
        self.provider = provider
        self.tenant = tenant

    def namespace_of(self, mistake: Mistake) -> str:
        """Return where the object of a mistake is."""
        theirs = mistake.name in {"forbidden", "unknown-server"}
        return (self.tenant if theirs else self.provider).namespace

    def described(self, mistake: Mistake) -> str:
        """Return what kubectl describe prints."""
        where = ("-n", self.namespace_of(mistake))
        return self.provider.stack.kubectl("describe", mistake.kind.lower(), mistake.name, *where)

    def diagnosed(self, mistake: Mistake) -> str:
        """Return what the doctor says of that object, the advice too."""
        subject = f"{mistake.kind} {self.namespace_of(mistake)}/{mistake.name}: "
        found = re.findall(rf"^\w+ +{re.escape(subject)}.*\n(?: +-> .*\n)?", self.doctor(), re.MULTILINE)
        return "".join(found)

    def doctor(self) -> str:
        """Return all that the doctor says."""
        where = ("-n", self.provider.namespace, "-n", self.tenant.namespace)
        return roomkeeper(self.provider.stack, "doctor", *where)


def roomkeeper(stack: LocalStack, *arguments: str) -> str:
    """Return what a command of ours prints, however it ends."""
    done = subprocess.run(
        [sys.executable, "-m", "roomkeeper", *arguments],
        env={**os.environ, "KUBECONFIG": str(stack.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout
