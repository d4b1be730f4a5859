from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack import ALL_PARTS, LocalStack, LocalStackError
from roomkeeper.localstack.livekit import _merged

if TYPE_CHECKING:
    from pathlib import Path


def test_an_unknown_part_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"unknown parts mail; there are etcd, .*livekit, s3, egress_standin, egress"
    ):
        LocalStack(directory=tmp_path, parts=("mail", "redis"))


@pytest.mark.parametrize(
    ("parts", "lacks"),
    [
        (("apiserver",), "etcd"),
        (("controller_manager", "etcd"), "apiserver"),
        (("egress_standin", "livekit"), "redis"),
        (("egress_standin", "redis"), "livekit"),
        (("egress", "redis"), "livekit"),
    ],
)
def test_a_part_without_the_one_it_needs_is_refused(
    tmp_path: Path, parts: tuple[str, ...], lacks: str
) -> None:
    with pytest.raises(ValueError, match=f"needs the part {lacks}"):
        LocalStack(directory=tmp_path, parts=parts)


def test_a_stack_says_which_parts_it_has(tmp_path: Path) -> None:
    with LocalStack(directory=tmp_path, parts=()) as stack:
        with pytest.raises(LocalStackError, match="has no livekit"):
            _ = stack.livekit
        with pytest.raises(LocalStackError, match="has no cluster"):
            stack.kubectl("get", "rooms")


def test_a_stack_has_one_worker(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one of egress and egress_standin"):
        LocalStack(directory=tmp_path, parts=("redis", "livekit", "egress", "egress_standin"))


def test_what_recordings_need_has_to_be_asked_for(tmp_path: Path) -> None:
    stack = LocalStack(directory=tmp_path)
    try:
        assert stack._names == ALL_PARTS == ("etcd", "apiserver", "controller_manager", "redis", "livekit")
    finally:
        stack.stop()


def test_a_given_cluster_is_used_as_it_is(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "theirs"
    stack = LocalStack(directory=tmp_path, kubeconfig=kubeconfig)
    try:
        assert stack._names == ("redis", "livekit")
        assert stack.kubeconfig == stack.operator_kubeconfig == kubeconfig
        with pytest.raises(LocalStackError, match="audit log of a given cluster is not ours"):
            _ = stack.audit
    finally:
        stack.stop()


def test_a_given_configuration_is_merged_key_by_key() -> None:
    base = {"port": 1, "rtc": {"tcp_port": 0, "node_ip": "127.0.0.1"}}
    over = {"room": {"auto_create": False}, "rtc": {"tcp_port": 7}}
    assert _merged(base, over) == {
        "port": 1,
        "rtc": {"tcp_port": 7, "node_ip": "127.0.0.1"},
        "room": {"auto_create": False},
    }
