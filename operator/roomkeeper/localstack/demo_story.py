"""What `make demo` prints: the commands that it runs, what they answer, and what it has seen."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import LocalStackError, last_lines
from .kubectl import KubectlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stack import LocalStack

ROOT: Final = Path(__file__).parents[3]
PATIENCE_SECONDS: Final = 60.0
_LOGS: Final = ("operator", "egress", "egress-standin")


def say(text: str) -> None:
    """Print one line of the story."""
    print(f"==> {text}", flush=True)


class Story:
    """Tells what is done on a stack; whatever is not seen in time ends it, with what the logs say."""

    def __init__(self, stack: LocalStack) -> None:
        """Take a stack that runs."""
        self._stack = stack

    def kubectl(self, *arguments: str) -> None:
        """Run kubectl for all to see."""
        print(f"$ {shlex.join(['kubectl', *arguments])}".replace(f"{ROOT}/", ""))
        try:
            print(self._stack.kubectl(*arguments), flush=True)
        except KubectlError as error:
            raise LocalStackError(f"{error}\n{self._logs()}") from error

    def wait(self, what: str, condition: str, namespace: str) -> None:
        """Have kubectl wait for objects, as a pipeline would."""
        timeout = f"--timeout={PATIENCE_SECONDS:.0f}s"
        self.kubectl("wait", "-n", namespace, f"--for={condition}", *what.split(), timeout)

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Return when something is so that kubectl does not tell, and say how long that took."""
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > PATIENCE_SECONDS:
                raise LocalStackError(f"not seen within {PATIENCE_SECONDS:.0f} s: {what}\n{self._logs()}")
            time.sleep(0.1)
        say(f"{what} ({time.monotonic() - started:.1f} s)")

    def _logs(self) -> str:
        logs = [self._stack.directory / f"{name}.log" for name in _LOGS]
        return "\n".join(f"{log.name} says:\n{last_lines(log)}" for log in logs if log.exists())
