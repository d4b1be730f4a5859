from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from roomkeeper.localstack import KubectlError, LocalStack
from tests.integration.localstack.sockets import LOOPBACK, addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

THING = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.org"},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(directory=tmp_path_factory.mktemp("stack")) as stack:
        yield stack


def apply(stack: LocalStack, manifest: dict[str, Any]) -> None:
    stack.kubectl("apply", "-f", "-", input=json.dumps(manifest))


def kubectl_as_operator(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(stack.kubectl_path), "--kubeconfig", str(stack.operator_kubeconfig), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


async def rooms(stack: LocalStack, secret: str) -> api.ListRoomsResponse:
    async with api.LiveKitAPI(stack.livekit.http_url, stack.livekit.api_key, secret) as livekit:
        return await livekit.room.list_rooms(api.ListRoomsRequest())


def test_owned_objects_of_a_new_kind_are_collected(stack: LocalStack, tmp_path: Path) -> None:
    crd = tmp_path / "thing.json"
    crd.write_text(json.dumps(THING))
    stack.apply_crds(crd)
    apply(stack, {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "owner"}})
    uid = stack.kubectl("get", "thing", "owner", "-o", "jsonpath={.metadata.uid}")
    owner = {"apiVersion": "example.org/v1", "kind": "Thing", "name": "owner", "uid": uid}
    owned = {"name": "owned", "ownerReferences": [owner]}
    apply(stack, {"apiVersion": "v1", "kind": "Secret", "metadata": owned})
    stack.kubectl("delete", "thing", "owner")
    stack.kubectl("wait", "--for=delete", "secret/owned", "--timeout=20s")


def test_the_operator_may_do_what_its_rules_say_and_no_more(stack: LocalStack) -> None:
    mark = stack.audit.mark()
    assert kubectl_as_operator(stack, "create", "secret", "generic", "mine").returncode == 0
    refused = kubectl_as_operator(stack, "get", "pods")
    assert 'User "roomkeeper" cannot list resource "pods"' in refused.stderr
    assert stack.audit.writes(since=mark) == {("create", "secrets"): 1}
    calls = stack.audit.calls(since=mark)
    assert ("create", "secrets", "", "default", "mine", 201, "") in calls
    assert ("list", "pods", "", "default", "", 403, "") in calls


def test_what_was_stored_outlives_a_crash_of_the_api_server_and_its_store(stack: LocalStack) -> None:
    stack.kubectl("create", "configmap", "kept")
    stack.apiserver.kill()
    stack.etcd.kill()
    with pytest.raises(KubectlError, match="refused"):
        stack.kubectl("get", "configmap", "kept")
    stack.etcd.start()
    stack.apiserver.start()
    assert "kept" in stack.kubectl("get", "configmap", "kept")


async def test_livekit_takes_another_secret_on_the_same_address(stack: LocalStack) -> None:
    url, old = stack.livekit.http_url, stack.livekit.api_secret
    assert len(old) >= 32
    await rooms(stack, old)
    stack.livekit.restart(api_secret="another-secret-of-at-least-32-characters")
    assert stack.livekit.http_url == url
    await rooms(stack, stack.livekit.api_secret)
    with pytest.raises(api.TwirpError) as caught:
        await rooms(stack, old)
    assert caught.value.status == 401


def test_nothing_listens_beyond_loopback(stack: LocalStack) -> None:
    for part in (stack.etcd, stack.apiserver, stack.controller_manager, stack.redis, stack.livekit):
        assert addresses_of(part.pid) == {LOOPBACK}


HOLDER = """
import json, signal, sys, time
from pathlib import Path
from roomkeeper.localstack import LocalStack
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
with LocalStack(directory=Path(sys.argv[1])) as stack:
    pids = [part.pid for part in (stack.etcd, stack.apiserver, stack.controller_manager, stack.redis, stack.livekit)]
    print(json.dumps(pids), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_all_parts_end_with_the_process_that_holds_the_stack(tmp_path: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0
    ) as holder:
        assert holder.stdout is not None
        descriptors = [os.pidfd_open(pid) for pid in json.loads(holder.stdout.readline())]
        os.killpg(holder.pid, end)  # as a terminal does: to the whole group
    for descriptor in descriptors:
        # A pidfd becomes readable when its process has ended, whether or not somebody has collected it.
        readable, _, _ = select.select([descriptor], [], [], 20)
        os.close(descriptor)
        assert readable
