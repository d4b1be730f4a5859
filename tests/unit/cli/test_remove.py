from __future__ import annotations

import click
import pytest

from roomkeeper.cli.remove import _without

COUNTED = {"name": "seat", "count": 3, "ttlSeconds": 7200}


def test_who_is_one_of_a_number_goes_and_the_others_keep_their_names() -> None:
    assert _without(COUNTED, "seat-1") == {
        "name": "seat",
        "identities": ["seat-0", "seat-2"],
        "ttlSeconds": 7200,
    }


def test_who_is_in_no_role_changes_none() -> None:
    assert _without(COUNTED, "mallory") == COUNTED


@pytest.mark.parametrize("role", [{"name": "host"}, {"name": "host", "count": 1}])
def test_a_role_of_nobody_is_none(role: dict[str, object]) -> None:
    identity = "host-0" if "count" in role else "host"
    with pytest.raises(click.ClickException, match=r"take the role out of spec\.roles"):
        _without(role, identity)
