from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from roomkeeper.localstack.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ports() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.close()


def test_a_server_can_listen_on_a_port_again_and_again(ports: Ports) -> None:
    address = ("127.0.0.1", ports.tcp())
    for _ in range(2):
        with socket.create_server(address), socket.create_connection(address):
            pass


def test_nobody_answers_while_no_server_listens(ports: Ports) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports.tcp()))


def test_who_does_not_share_it_cannot_take_it(ports: Ports) -> None:
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", ports.tcp()))


def test_stacks_side_by_side_have_their_own_udp_ports(ports: Ports) -> None:
    other = Ports()
    mine, theirs = sorted([ports.udp_range(), other.udp_range()])
    other.close()
    assert mine.first < mine.last < theirs.first


def test_a_block_of_udp_ports_is_given_back() -> None:
    first = Ports()
    block = first.udp_range()
    first.close()
    second = Ports()
    again = second.udp_range()
    second.close()
    assert again.first <= block.first
