"""Who runs the operator on a machine with a wrong clock is told that, and not that the secret is wrong."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.mistakes import WRONG_CLOCK
from tests.e2e.support import OperatorProcess, eventually
from tests.e2e.tenancy import namespaces
from tests.e2e.told import Trouble

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack

PROGRAM = str(Path(__file__).parent / "wrong_clock.py")
# LiveKit tells whole seconds, and its answer may take some.
SAYS = re.compile(re.escape(WRONG_CLOCK.says).replace("600", r"(?:59|60)\d"))


def test_a_wrong_clock_is_told_from_a_wrong_secret(stack: LocalStack, tmp_path: Path) -> None:
    ahead = OperatorProcess(stack, tmp_path / "operator.log", command=[sys.executable, PROGRAM])
    with namespaces(stack) as make:
        trouble = Trouble(make(), make())
        ahead.start()
        try:
            trouble.provider.offer_livekit(WRONG_CLOCK.name, stack)
            eventually("it is told", lambda: SAYS.search(trouble.described(WRONG_CLOCK)), within=5)
            assert WRONG_CLOCK.to_do in trouble.described(WRONG_CLOCK)
            diagnosed = trouble.diagnosed(WRONG_CLOCK)
            assert f"{WRONG_CLOCK.reason}: LiveKit refuses the API key or its secret: " in diagnosed
            assert SAYS.search(diagnosed)
            assert WRONG_CLOCK.to_do in diagnosed
            eventually("so does its log", lambda: SAYS.search(ahead.output()), within=5)
        finally:
            ahead.stop()
