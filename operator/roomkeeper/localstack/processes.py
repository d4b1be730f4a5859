"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import abc
import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

from .errors import LocalStackError, last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02

# `read` returns when the pipe closes, and the kernel closes it when the process that holds the other end is gone,
# even after kill -9. The group is the shell's own, so the last command ends the shell too.
_GUARD = 'trap "" INT TERM HUP; read -r _; kill -s KILL 0'


class Guard:
    """A process group for the parts of one stack, and the shell in it that ends the group when we are gone.

    A group of its own also keeps a terminal's Ctrl-C away from the parts: they are stopped in order instead. The
    kernel's parent-death signal would not do: it comes when the *thread* that started a child ends.
    """

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def group(self) -> int:
        """The process group that parts are started in."""
        return self._shell.pid

    def close(self) -> None:
        """End whatever is left in the group, and the shell."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()


class Part(abc.ABC):
    """One server of the stack: started, awaited until it answers, stopped, started again on the same port."""

    def __init__(self, *, name: str, program: Path, directory: Path, guard: Guard) -> None:
        self.name = name
        self.program = program
        self.directory = directory
        self.log = directory / f"{name}.log"
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None

    @abc.abstractmethod
    def arguments(self) -> list[str]:
        """The command line after the program; also the place to write configuration files."""

    def environment(self) -> Mapping[str, str]:
        """What is added to the environment; secrets go here, a command line is for all to read."""
        return {}

    @abc.abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers. May raise OSError while it does not."""

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id; an error if it was never started."""
        if self._process is None:
            raise LocalStackError(f"{self.name} was not started.")
        return self._process.pid

    def start(self) -> None:
        """Start it and return when it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it without waiting, so that several can come up side by side."""
        if self.running:
            raise LocalStackError(f"{self.name} runs already (pid {self.pid}).")
        command = [str(self.program), *self.arguments()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=self._guard.group,
            )

    def wait_ready(self) -> None:
        """Return when it answers; an error with the end of its log when it ends instead, or does not in time."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            if not self.running:
                status = self._process.returncode if self._process else None
                raise LocalStackError(self._trouble(f"ended with {status} while starting"))
            with contextlib.suppress(OSError):
                if self.is_ready():
                    return
            if time.monotonic() > deadline:
                raise LocalStackError(self._trouble(f"did not answer within {_READY_SECONDS:.0f} s"))
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end, and end it if it does not. Nothing happens if it does not run."""
        if self._process is None:
            return
        self.request_stop(self._process)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def request_stop(self, process: subprocess.Popen[bytes]) -> None:
        """Send what this program takes as the wish to end."""
        process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop and start it: same port, same state."""
        self.stop()
        self.start()

    def _trouble(self, what: str) -> str:
        return (
            f"{self.name} {what}. The last lines of {self.log}:\n{last_lines(self.log)}\n"
            f"The program is {self.program}: if that is not the pinned one, take it off PATH (and out of "
            "KUBEBUILDER_ASSETS) to have the pinned one built."
        )
