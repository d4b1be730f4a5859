"""What the end-to-end tests drive: the operator as a process, waiting by condition, LiveKit through its own SDK."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from livekit import api

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

T = TypeVar("T")

PATIENCE = 5  # a figure of the README is printed when it is missed, and fails at so many times it
POLL_SECONDS = 0.05
RESYNC_SECONDS = 5
SIGNED_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")


def eventually(what: str, check: Callable[[], T], *, within: float) -> T:
    """Wait until `check` returns something true; print how long it took, fail past PATIENCE times `within`."""
    started = time.monotonic()
    while True:
        try:
            found, seen = check(), ""
        except (AssertionError, LookupError) as error:
            found, seen = None, repr(error)
        took = time.monotonic() - started
        if found:
            late = " LATE" if took > within else ""
            print(f"[{took:6.2f} s of {within:g} s]{late} {what}")
            return found  # type: ignore[return-value]
        if took > within * PATIENCE:
            raise AssertionError(f"not within {within * PATIENCE:g} s: {what} {seen}")
        time.sleep(POLL_SECONDS)


class OperatorProcess:
    """`roomkeeper run` beside the stack, with its output in a file; `command` may be another entry point."""

    def __init__(
        self, stack: LocalStack, log: Path, *, command: list[str] | None = None, port: int = 0
    ) -> None:
        self.log = log
        self.port = port or stack.operator_port
        self._stack = stack
        self._command = command or [sys.executable, "-m", "roomkeeper", "run"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True, options: tuple[str, ...] = (), **environment: str) -> Self:
        """Start it; with `ready`, wait until its caches are filled and it works."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *self._command,
                    *options,
                ],
                env={**self.environment(), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if ready:
            eventually("the operator is ready", self.is_ready, within=10)
        return self

    def environment(self) -> dict[str, str]:
        """Return what it finds in its environment unless it is started otherwise."""
        stack = self._stack
        return {
            **os.environ,
            "KUBECONFIG": str(stack.operator_kubeconfig),
            "LIVEKIT_URL": stack.livekit.url,
            "LIVEKIT_API_KEY": stack.livekit.api_key,
            "LIVEKIT_API_SECRET": stack.livekit.api_secret,
            "ROOMKEEPER_HTTP_HOST": "127.0.0.1",
            "ROOMKEEPER_HTTP_PORT": str(self.port),
            "ROOMKEEPER_LEADER_ELECT": "false",
            "ROOMKEEPER_RESYNC_SECONDS": str(RESYNC_SECONDS),
            "PYTHONUNBUFFERED": "1",
        }

    def is_ready(self) -> bool:
        """Ask /readyz."""
        assert self.is_running, self.output()[-2000:]
        return http_status(f"http://127.0.0.1:{self.port}/readyz") == 200

    @property
    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def output(self) -> str:
        """Everything it printed so far."""
        return self.log.read_text(errors="replace")

    def send(self, sig: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, sig)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal and return its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(sig)
        code = self._process.wait(30)
        self._process = None
        assert_tells_no_secret(self._stack, "the operator's log", self.output())
        return code

    def ended(self, within: float) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        eventually("the operator has ended", lambda: not self.is_running, within=within)
        return self.stop()

    @contextmanager
    def started_with(self, *options: str) -> Iterator[None]:
        """Have it run with other options for a while; those who come after find it as it was."""
        self.stop()
        try:
            self.start(options=options)
            yield
        finally:
            self.stop()
            self.start()

    def pause(self) -> None:
        """Stop it in its tracks, as a machine does that has too much to do."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it was."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self.stop(signal.SIGKILL)


def metric(stack: LocalStack, name: str, **labels: str) -> float:
    """Sum a metric of the operator over the labels that are not given; 0 while it has none."""
    from urllib import request  # noqa: PLC0415

    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    with request.urlopen(f"http://127.0.0.1:{stack.operator_port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def settle(stack: LocalStack) -> None:
    """Wait until the operator has looked at LiveKit twice more and has nothing left to do."""
    looked = metric(stack, "roomkeeper_livekit_requests_total")

    def is_settled() -> bool:
        looks = metric(stack, "roomkeeper_livekit_requests_total") - looked
        return looks >= 2 and metric(stack, "roomkeeper_queue_depth") == 0

    eventually("the operator has settled", is_settled, within=2 * RESYNC_SECONDS + 1)


def assert_tells_no_secret(stack: LocalStack, where: str, text: str, *secrets: str) -> None:
    """Fail when a text holds any token, the API secret or one of the given secrets; the message holds none."""
    found = SIGNED_TOKEN.search(text)
    assert not found, f"{where} holds a token, after: {text[: found.start()][-200:]}"
    for number, secret in enumerate((stack.livekit.api_secret, *secrets)):
        assert secret, "an empty secret is in every text"
        before, there, _ = text.partition(secret)
        assert not there, f"{where} holds secret {number}, after: {before[-200:]}"


def http_status(url: str, *, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> int:
    """Return the status of one HTTP request; 0 when nobody answers."""
    from urllib import error, request  # noqa: PLC0415

    try:
        with request.urlopen(
            request.Request(url, data=data, headers=dict(headers or {})), timeout=10
        ) as answer:
            return int(answer.status)
    except error.HTTPError as answered:
        answered.close()
        return answered.code
    except (error.URLError, ConnectionError, TimeoutError):
        return 0


class Cluster:
    """kubectl in one namespace, with JSON in and out."""

    def __init__(self, stack: LocalStack, namespace: str) -> None:
        self.stack = stack
        self.namespace = namespace

    def apply(self, *bodies: Mapping[str, Any]) -> None:
        """Apply manifests."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(bodies)}
        self.stack.kubectl("apply", "-n", self.namespace, "-f", "-", input=json.dumps(items))

    def room(self, name: str, **spec: Any) -> dict[str, Any]:
        """Return the manifest of a Room."""
        return {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "Room",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """Read an object; None when it is not there."""
        found = self.stack.kubectl(
            "get", kind, name, "-n", self.namespace, "-o", "json", "--ignore-not-found"
        )
        return json.loads(found) if found.strip() else None

    def list(self, kind: str) -> list[dict[str, Any]]:
        """Read all objects of a kind."""
        items: list[dict[str, Any]] = json.loads(
            self.stack.kubectl("get", kind, "-n", self.namespace, "-o", "json")
        )["items"]
        return items

    def delete(self, kind: str, name: str, *, wait: bool = False) -> None:
        """Delete an object."""
        self.stack.kubectl("delete", kind, name, "-n", self.namespace, f"--wait={str(wait).lower()}")

    def clear(self, *secrets: str) -> None:
        """Delete everything, once it is certain that no Event and no status tells a secret."""
        kinds = "recordingschedules,recordings,rooms"
        told = self.stack.kubectl("get", f"{kinds},events", "-n", self.namespace, "-o", "json")
        assert_tells_no_secret(self.stack, "an Event or a status", told, *secrets)
        self.stack.kubectl(
            "delete", "recordingschedules,recordings", "--all", "-n", self.namespace, "--wait=false"
        )
        if self.stack.kubectl("get", "rooms", "-n", self.namespace, "-o", "name").split():
            self.delete_all("rooms")
        held = self.stack.kubectl("get", kinds, "-n", self.namespace, "-o", "name").split()
        if held:
            unhold = '{"metadata":{"finalizers":null}}'
            self.stack.kubectl(
                "patch", *held, "-n", self.namespace, "--type=merge", "-p", unhold, check=False
            )
        self.stack.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def delete_all(self, plural: str) -> None:
        """Delete all objects of one of our kinds by one request; kubectl alone sends two for each, five a second."""
        path = f"/apis/roomkeeper.dev/v1alpha1/namespaces/{self.namespace}/{plural}"
        self.stack.kubectl("delete", "--raw", path)

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        """Return a condition of a Room; LookupError while it has none."""
        room = self.get("room", name)
        conditions = room["status"].get("conditions", []) if room else []
        found: dict[str, Any] = next((condition for condition in conditions if condition["type"] == kind), {})
        if not found:
            raise LookupError(f"{name} has no condition {kind}")
        return found

    def is_ready(self, name: str) -> bool:
        """Tell whether a Room is Ready and that was said of its present generation."""
        room = self.get("room", name)
        ready = self.condition(name)
        return bool(
            room
            and ready["status"] == "True"
            and ready["observedGeneration"] == room["metadata"]["generation"]
        )

    def ready_rooms(self) -> list[str]:
        """Return the names of all Rooms that are Ready."""
        return [
            room["metadata"]["name"]
            for room in self.list("rooms")
            for condition in room.get("status", {}).get("conditions", ())
            if (condition["type"], condition["status"]) == ("Ready", "True")
        ]

    def secret(self, name: str) -> dict[str, str] | None:
        """Read a Secret's data, decoded."""
        found = self.get("secret", name)
        if found is None:
            return None
        return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}


async def with_livekit(stack: LocalStack, ask: Callable[[api.LiveKitAPI], Awaitable[T]]) -> T:
    """Ask LiveKit something through its own SDK."""
    async with api.LiveKitAPI(
        stack.livekit.http_url, stack.livekit.api_key, stack.livekit.api_secret, failover=False
    ) as client:
        return await ask(client)
