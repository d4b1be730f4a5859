from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import KubectlError
from roomkeeper.localstack.kubectl import Kubectl

if TYPE_CHECKING:
    from .conftest import Executable


@pytest.fixture
def kubectl(tmp_path: Path, executable: Executable) -> Kubectl:
    """Prints its environment and its input; fails when asked to `fail`."""
    script = (
        '#!/bin/sh\nif [ "$1" = fail ]; then echo no such kind >&2; exit 1; fi\necho $KUBECONFIG $*; cat\n'
    )
    return Kubectl(
        program=executable(tmp_path, "kubectl", script),
        kubeconfig=Path("/a/config"),
        cache=tmp_path / "cache",
    )


def test_it_returns_what_kubectl_prints(kubectl: Kubectl) -> None:
    assert kubectl("get", "rooms") == "/a/config get rooms\n"


def test_input_is_passed_on(kubectl: Kubectl) -> None:
    assert kubectl("apply", input="kind: Room") == "/a/config apply\nkind: Room"


def test_a_failure_says_what_kubectl_said(kubectl: Kubectl) -> None:
    with pytest.raises(KubectlError, match=r"kubectl fail now failed:\nno such kind"):
        kubectl("fail", "now")


def test_a_failure_may_be_expected(kubectl: Kubectl) -> None:
    assert kubectl("fail", check=False) == ""
