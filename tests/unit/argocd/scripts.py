"""Argo CD's scripts, run as Argo CD runs them (argo-cd: util/lua/lua.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from lupa import lua51

from roomkeeper.argocd import ARGOCD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TESTDATA = sorted(ARGOCD.glob("*/*/testdata/*.yaml"))
# All that Argo CD gives a script, if it is not told to give it more; of the library os, only these two.
LIBRARIES = {"_G", "_VERSION", "package", "table", "assert", "collectgarbage", "dofile", "error", "getfenv",
             "getmetatable", "ipairs", "load", "loadfile", "loadstring", "module", "newproxy", "next", "pairs", "pcall",
             "print", "rawequal", "rawget", "rawset", "require", "select", "setfenv", "setmetatable", "tonumber",
             "tostring", "type", "unpack", "xpcall"}  # fmt: skip
SAFE_OS = "package.loaded.os = {date = os.date, time = os.time}"
STOPPED_CLOCK = "package.loaded.os.date = function() return '0001-01-01T00:00:00Z' end"


def run(script: Path, obj: Mapping[str, Any], *, at: str = "") -> Any:
    """Return what a script returns for an object; `at` is Lua that is run before."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.execute(SAFE_OS)
    lua.execute(at)
    names = lua.globals()
    for name in set(names) - LIBRARIES:
        names[name] = None
    names["obj"] = lua.table_from(obj, recursive=True)
    return _plain(lua.execute(script.read_text()), obj)


def health(script: Path, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a health script makes of an object."""
    return dict(run(script, obj))


def discovered(script: Path, obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which actions a discovery script offers, as Argo CD shows them."""
    return [{"name": name, **fields} for name, fields in sorted(run(script, obj).items())]


def load(path: Path) -> dict[str, Any]:
    """Read a manifest; the times in it are texts, as in JSON."""
    obj: dict[str, Any] = yaml.safe_load(path.read_text())
    return obj


def _plain(value: Any, like: Any) -> Any:
    """Return a table as JSON has it; whether an empty one is a list Argo CD tells by what it was (cleanReturnedObj)."""
    if lua51.lua_type(value) != "table":
        return value
    keys = list(value)
    if keys == list(range(1, len(keys) + 1)) and not (keys == [] and isinstance(like, dict)):
        before = like if isinstance(like, list) else []
        return [_plain(value[key], _at(before, key - 1)) for key in keys]
    before = like if isinstance(like, dict) else {}
    return {key: _plain(value[key], before.get(key)) for key in keys}


def _at(before: list[Any], index: int) -> Any:
    return before[index] if index < len(before) else None
