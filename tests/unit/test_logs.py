"""Log lines as people and programs read them, and how much is said at which level."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper import logs
from roomkeeper.domain.objects import Key
from roomkeeper.engine import current
from tests.unit.engine.fleet import MAIN, URL, a_fleet
from tests.unit.engine.harness import NAME, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.engine.fleet import Fleet

RUN = current.Run(Key("Room", "team-a", "standup"), "8d1c", 3)
PLAIN, JSON = logs.PlainFormatter(), logs.JSONFormatter()
ROLES = [{"name": "host"}, {"name": "viewer"}]


def line(message: str = "room %s is deleted", *args: object, **more: Any) -> logging.LogRecord:
    record = logging.makeLogRecord(
        {"name": "roomkeeper.engine.execute", "levelno": logging.INFO, "levelname": "INFO", "msg": message}
        | {"args": args or ("team-a_standup",), "created": 1767355200.25, "msecs": 250.0, **more}
    )
    assert logs.calm(record)
    return record


def test_a_line_tells_what_it_is_about() -> None:
    with current.running(RUN):
        assert PLAIN.format(line()) == (
            "2026-01-02T12:00:00.250Z INFO     Room team-a/standup: room team-a_standup is deleted"
            " (uid=8d1c generation=3)"
        )
        assert json.loads(JSON.format(line())) == {
            "time": "2026-01-02T12:00:00.250Z",
            "level": "INFO",
            "logger": "roomkeeper.engine.execute",
            "message": "room team-a_standup is deleted",
            "kind": "Room",
            "namespace": "team-a",
            "name": "standup",
            "uid": "8d1c",
            "generation": 3,
        }


def test_a_line_outside_of_reconciles_is_about_nothing_or_what_it_says() -> None:
    assert PLAIN.format(line()) == "2026-01-02T12:00:00.250Z INFO     room team-a_standup is deleted"
    assert "kind" not in json.loads(JSON.format(line()))
    about = {"kind": "Room", "namespace": "team-a", "name": "standup", "uid": "8d1c"}
    assert PLAIN.format(line(about=about)).endswith(
        "Room team-a/standup: room team-a_standup is deleted (uid=8d1c)"
    )
    assert about.items() <= json.loads(JSON.format(line(about=about))).items()


def test_a_traceback_stays_in_its_json_line() -> None:
    try:
        raise ValueError("x\ny")  # noqa: TRY301
    except ValueError:
        record = line(exc_info=sys.exc_info())
    text = JSON.format(record)
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("ValueError: x\ny")
    assert PLAIN.format(record).splitlines()[-1] == "y"


@pytest.mark.parametrize(
    ("level", "left"), [("ERROR", "WARNING"), ("CRITICAL", "CRITICAL"), ("WARNING", "WARNING")]
)
def test_what_kopf_tries_again_is_no_error(level: str, left: str) -> None:
    levels = logging.getLevelNamesMapping()
    watching = line(name="kopf._cogs.clients.api", levelno=levels[level], levelname=level)
    assert (watching.levelno, watching.levelname) == (levels[left], left)
    assert line(name="kopfling", levelno=levels[level], levelname=level).levelname == level


@pytest.fixture
def untouched() -> Iterator[None]:
    """Leave logging as it was found."""
    root, names = logging.getLogger(), (logs.OWN, logs.KOPF)
    before = (root.handlers[:], root.level, [logging.getLogger(name).level for name in names])
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    for name, level in zip(names, before[2], strict=True):
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("level", "ours", "of_others"),
    [("DEBUG", "DEBUG", "INFO"), ("INFO", "INFO", "INFO"), ("ERROR", "ERROR", "ERROR")],
)
def test_a_level_is_for_our_own_lines(level: str, ours: str, of_others: str) -> None:
    logs.configure("json", level)
    shown = {
        name: logging.getLevelName(logging.getLogger(name).getEffectiveLevel())
        for name in ("roomkeeper.engine.execute", "aiohttp.access", "kopf.objects")
    }
    assert shown == {
        "roomkeeper.engine.execute": ours,
        "aiohttp.access": of_others,
        "kopf.objects": "WARNING",
    }


def told(caplog: pytest.LogCaptureFixture, lowest: int = logging.INFO) -> list[tuple[str, str]]:
    """Return and forget what was said at that level or a higher one."""
    records = [
        (record.levelname, record.getMessage()) for record in caplog.records if record.levelno >= lowest
    ]
    caplog.clear()
    return records


@pytest.fixture
async def engine(caplog: pytest.LogCaptureFixture) -> Engine:
    caplog.set_level(logging.DEBUG, "roomkeeper")
    one = Engine()
    await one.probe()
    told(caplog)
    return one


async def test_a_new_room_is_a_line_and_so_is_each_of_its_secrets(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.declare(roles=ROLES)
    await engine.settle()
    lines = told(caplog)
    assert [level for level, _ in lines] == ["INFO"] * 3
    assert sorted(text.split(" as ")[0] for _, text in lines) == [
        f"room {NAME} is created",
        "tokens of role host are issued: the Secret is missing",
        "tokens of role viewer are issued: the Secret is missing",
    ]


async def test_renewals_events_and_resyncs_are_no_news(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    key = engine.declare(roles=ROLES)
    await engine.settle()
    told(caplog)
    engine.clock.advance(3000)
    await engine.reconcile(key)
    assert {call for call in engine.asked() if "secrets" in call} >= {"apply secrets standup.host"}
    for name in ("alice", "bob"):
        engine.livekit.join(NAME, name)
        await engine.settle()
        await engine.probe()
        await engine.settle()
    assert told(caplog) == []


async def test_who_has_to_act_is_told_by_an_error_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    twice = [{"name": "a", "identities": ["x"]}, {"name": "b", "identities": ["x"]}]
    key = engine.declare(roles=twice)
    await engine.settle()
    [(level, text)] = [one for one in told(caplog) if "DuplicateIdentity" in one[1]]
    assert level == "ERROR"
    assert text.startswith("DuplicateIdentity: ")
    await engine.reconcile(key)
    assert told(caplog) == []
    engine.edit(key, roles=ROLES)
    await engine.settle()
    [last] = [(level, text) for level, text in told(caplog) if "recovered" in text]
    assert last == ("INFO", f"Available: recovered from DuplicateIdentity: room {NAME!r} is live")


async def test_a_room_that_is_back_is_one_line(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    engine.declare()
    await engine.settle()
    told(caplog)
    await engine.livekit.client(engine.server.keys.current).delete_room(NAME)
    await engine.settle()
    [(level, text)] = told(caplog)
    assert (level, text.split(" as ")[0]) == ("INFO", f"room {NAME} is created")


async def test_a_livekit_that_refuses_the_key_is_told_once_not_by_each_of_its_rooms(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "roomkeeper")
    fleet: Fleet = await a_fleet()
    for number in range(20):
        fleet.declare(f"r{number}", serverRef={"namespace": MAIN.namespace, "name": MAIN.name})
    await fleet.settle()
    told(caplog)
    accepted, fleet.livekits[URL].accepted = fleet.livekits[URL].accepted, set()
    for _ in range(2):
        await fleet.reconcile(MAIN)
    assert [(level, text.split(": ")[0]) for level, text in told(caplog)] == [("ERROR", "InvalidCredentials")]
    fleet.livekits[URL].accepted = accepted
    await fleet.reconcile(MAIN)
    [(level, text)] = told(caplog)
    assert (level, text.split(": ")[:2]) == ("INFO", ["Connected", "recovered from InvalidCredentials"])


async def test_a_restart_with_nothing_changed_says_as_good_as_nothing(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    keys = [engine.declare(f"r{number}", roles=ROLES) for number in range(50)]
    await engine.settle()
    told(caplog)
    for key in keys:
        engine.queue.add(key)
    await engine.settle()
    assert told(caplog) == []
