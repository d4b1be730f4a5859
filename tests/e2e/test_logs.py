"""The log of a running operator: what programs read of it, and that it says no more than happened."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import OperatorProcess, eventually, metric, settle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

ROOMS = 200
ROLES = [{"name": "host"}, {"name": "viewer"}]
A_HANDFUL = 5


@pytest.fixture
def logger(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(stack, tmp_path / "operator.log")
    yield process
    process.stop()


def lines(operator: OperatorProcess, since: int = 0) -> list[dict[str, Any]]:
    """Return the lines of the log from a place on; each is an object of its own."""
    return [json.loads(line) for line in operator.output()[since:].splitlines()]


def shape(line: dict[str, Any]) -> tuple[str, str, str]:
    """Return a line without what differs between objects."""
    return line["level"], line.get("kind", ""), re.sub(r"(t-[0-9a-f]{8}|RM_\w+|r\d+)", "…", line["message"])


def test_json_lines_say_what_happened_to_which_object_and_nothing_else(
    logger: OperatorProcess, cluster: Cluster, livekit: LiveKitView, stack: LocalStack
) -> None:
    logger.start(ROOMKEEPER_LOG_FORMAT="json")
    eventually("it is quiet", lambda: metric(stack, "roomkeeper_queue_depth") == 0, within=2)
    assert len(lines(logger)) <= A_HANDFUL
    began = len(logger.output())
    cluster.apply(*(cluster.room(f"r{number}", roles=ROLES) for number in range(ROOMS)))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=30)
    settle(stack)
    said = [line for line in lines(logger, began) if line.get("namespace") == cluster.namespace]
    assert Counter(map(shape, said)) == {
        ("INFO", "Room", "room …_… is created as …"): ROOMS,
        ("INFO", "Room", "tokens of role host are issued: the Secret is missing"): ROOMS,
        ("INFO", "Room", "tokens of role viewer are issued: the Secret is missing"): ROOMS,
    }
    shown = {room["metadata"]["name"]: room for room in cluster.list("rooms")}
    for line in said:
        assert line["uid"] == shown[line["name"]]["metadata"]["uid"]
        assert line["generation"] == shown[line["name"]]["metadata"]["generation"]
        assert line["logger"].startswith("roomkeeper.")
    sids = {line["message"].split(" as ")[1] for line in said if " as " in line["message"]}
    assert sids == {room.sid for room in livekit.rooms() if room.name.startswith(cluster.namespace)}

    # Nothing has changed: nothing to say.
    logger.stop()
    began = len(logger.output())
    logger.start(ROOMKEEPER_LOG_FORMAT="json")
    settle(stack)
    again = lines(logger, began)
    print([line["message"] for line in again])
    assert len(again) <= A_HANDFUL
    assert not [line for line in again if "kind" in line]


def test_plain_lines_name_the_object_and_levels_say_who_has_to_act(
    logger: OperatorProcess, cluster: Cluster, stack: LocalStack
) -> None:
    logger.start()
    cluster.apply(cluster.room("standup"), cluster.room("broken", roomName="somebody-elses"))
    eventually("it is Ready", lambda: cluster.is_ready("standup"), within=2)
    eventually("it is refused", lambda: cluster.condition("broken")["status"] == "False", within=2)
    room, broken = cluster.get("room", "standup"), cluster.get("room", "broken")
    assert room
    assert broken
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    here = cluster.namespace
    created = (
        rf"{when} INFO     Room {here}/standup: room {here}_standup is created as {room['status']['sid']} "
    )
    assert re.search(
        rf"^{created}\(uid={room['metadata']['uid']} generation=1\)$", logger.output(), re.MULTILINE
    )
    reason = cluster.condition("broken")["reason"]
    refused = rf"^{when} ERROR    Room {here}/broken: {reason}: .* \(uid={broken['metadata']['uid']} generation=1\)$"
    assert len(re.findall(refused, logger.output(), re.MULTILINE)) == 1


def test_a_livekit_that_is_away_is_told_of_once_whatever_has_its_room_there(
    logger: OperatorProcess, cluster: Cluster, stack: LocalStack
) -> None:
    logger.start(ROOMKEEPER_LOG_FORMAT="json")
    cluster.apply(*(cluster.room(f"r{number}") for number in range(20)))
    eventually("20 Rooms are Ready", lambda: len(cluster.ready_rooms()) == 20, within=10)
    settle(stack)
    began = len(logger.output())
    stack.livekit.kill()
    try:
        eventually("no Room is Ready", lambda: not cluster.ready_rooms(), within=20)
    finally:
        stack.livekit.start()
    eventually("20 Rooms are Ready", lambda: len(cluster.ready_rooms()) == 20, within=20)
    said = lines(logger, began)
    states = [
        line["message"].split(": ", 1)[1]
        for line in said
        if re.match(r"LiveKit at \S+: .*reach", line["message"])
    ]
    print(Counter(shape(line) for line in said))
    assert states == ["unreachable", "reachable, credentials accepted"]
    assert not [line for line in said if "ServerUnreachable" in line["message"]]
    assert {line["level"] for line in said if line.get("kind") == "Room"} <= {"INFO", "WARNING"}


def test_debug_lines_are_our_own_and_tell_no_secret(
    logger: OperatorProcess, cluster: Cluster, stack: LocalStack
) -> None:
    logger.start(ROOMKEEPER_LOG_FORMAT="json", ROOMKEEPER_LOG_LEVEL="debug")
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("it is Ready", lambda: cluster.is_ready("standup"), within=2)
    cluster.delete("room", "standup", wait=True)
    assert {line["logger"].split(".")[0] for line in lines(logger) if line["level"] == "DEBUG"} <= {
        "roomkeeper"
    }
    # What it says is looked through for secrets when it is stopped.
