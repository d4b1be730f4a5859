from __future__ import annotations

import pytest

from roomkeeper.api.common import LABEL_SHARD
from roomkeeper.domain.objects import ROOM, CustomObject
from roomkeeper.domain.shards import Shard, ShardError, inherited_labels

KEY = LABEL_SHARD


def labelled(value: str | None) -> CustomObject:
    labels = {"app.kubernetes.io/name": "any"} | ({} if value is None else {KEY: value})
    meta = {
        "namespace": "team-a",
        "name": "standup",
        "uid": "uid",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
    }
    return CustomObject.from_body(ROOM, {"metadata": meta, "spec": {}})


def taken(selector: str) -> list[str | None]:
    """Return which of some labels a shard with this selector works on."""
    shard = Shard.of("x", selector)
    return [value for value in ("a", "b", "c", "", None) if shard.takes(labelled(value))]


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        (f"{KEY}=a", ["a"]),
        (f"{KEY}==a", ["a"]),
        (f" {KEY} = a ", ["a"]),
        (f"{KEY}!=a", ["b", "c", "", None]),
        (f"{KEY} in (a,b)", ["a", "b"]),
        (f"{KEY} in ( a , b )", ["a", "b"]),
        (f"{KEY} notin (a, b)", ["c", "", None]),
        (f"!{KEY}", [None]),
        (f"! {KEY}", [None]),
        (KEY, ["a", "b", "c", ""]),
        (f"{KEY},{KEY}!=a,{KEY} notin (b,d)", ["c", ""]),
    ],
)
def test_a_selector_takes_what_the_api_server_selects_by_it(selector: str, labels: list[str | None]) -> None:
    assert taken(selector) == labels
    assert Shard.of("x", selector).selector == selector  # the API server reads it itself


def test_a_shard_takes_what_has_its_name_for_a_label() -> None:
    shard = Shard.of("a")
    assert shard.selector == f"{KEY}=a"
    assert [shard.takes(labelled(value)) for value in ("a", "b", None)] == [True, False, False]


def test_without_shards_everything_is_taken() -> None:
    shard = Shard.of("")
    assert (shard, shard.selector) == (Shard(), "")
    assert all(shard.takes(labelled(value)) for value in ("a", None))


@pytest.mark.parametrize("name", ["A", "-a", "a-", "a.b", "a_b", "a" * 41, "a b", "a\n"])
def test_a_name_that_could_name_no_lease_is_refused(name: str) -> None:
    with pytest.raises(ShardError, match=r"^--shard must be a DNS label of at most 40 characters"):
        Shard.of(name)


@pytest.mark.parametrize(
    "selector",
    [
        "team=a",
        f"{KEY}=a,team=b",
        f"{KEY}=",
        f"{KEY}=-a",
        f"{KEY}=a b",
        f"{KEY}=" + "a" * 64,
        f"{KEY} in ()",
        f"{KEY} in (a",
        f"{KEY} in a",
        f"{KEY} In (a)",
        f"{KEY} > 1",
        f"!{KEY}=a",
        f"{KEY}=a,",
        f"x{KEY}=a",
        f"{KEY}2",
        "roomkeeperxdev/shard=a",
    ],
)
def test_a_selector_of_anything_else_is_refused(selector: str) -> None:
    with pytest.raises(
        ShardError, match=r"^--shard-selector must be a label selector of roomkeeper\.dev/shard"
    ):
        Shard.of("a", selector)


def test_a_selector_alone_is_no_shard() -> None:
    with pytest.raises(ShardError, match="--shard-selector needs --shard"):
        Shard.of("", f"{KEY}=a")


def test_every_shard_holds_a_server_by_a_finalizer_of_its_own() -> None:
    assert Shard().in_use_finalizer == "roomkeeper.dev/in-use"
    assert Shard.of("a").in_use_finalizer == "roomkeeper.dev/in-use-a"
    assert len(Shard.of("a" * 40).in_use_finalizer.partition("/")[2]) <= 63  # what a qualified name may have


def test_what_another_division_of_the_work_left_is_known() -> None:
    finalizers = (
        "example.com/x",
        "roomkeeper.dev/in-use",
        "roomkeeper.dev/in-use-a",
        "roomkeeper.dev/finalizer",
    )
    assert Shard().left_over(finalizers) == ["roomkeeper.dev/in-use-a"]
    assert Shard.of("a").left_over(finalizers) == ["roomkeeper.dev/in-use"]


def test_what_is_made_for_an_object_has_its_label() -> None:
    assert inherited_labels(labelled("a")) == {KEY: "a"}
    assert inherited_labels(labelled("")) == {KEY: ""}
    assert inherited_labels(labelled(None)) == {}
