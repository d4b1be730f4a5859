"""Which keys are believed on a webhook, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from roomkeeper.domain.livekit import Credentials
from roomkeeper.engine.keyring import PREVIOUS_KEY_LIFETIME, Keyring
from tests.unit.engine.clock import HandClock

FIRST = Credentials("APIone", "the-first-secret-of-forty-characters-ok")
SECOND = Credentials("APItwo", "the-second-secret-of-forty-characters-k")
RENEWED = Credentials("APIone", "a-new-secret-under-the-first-key-s-name")
FURTHER = Credentials("APIhooks", "only-signs-webhooks-with-forty-characte")
DAY = timedelta(hours=24).total_seconds()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def keys(clock: HandClock) -> Keyring:
    return Keyring(FIRST, clock)


def test_a_new_ring_has_one_key_that_nobody_has_accepted(keys: Keyring) -> None:
    assert list(keys.believed()) == [FIRST]
    assert (keys.current, keys.since, keys.was_accepted) == (FIRST, None, False)


@pytest.mark.parametrize("new", [SECOND, RENEWED])
def test_the_previous_key_is_believed_for_a_day(keys: Keyring, clock: HandClock, new: Credentials) -> None:
    before = keys.fingerprint
    clock.advance(5)
    keys.replace(new)
    assert (keys.current, keys.since, keys.was_accepted) == (new, clock.now(), True)
    assert keys.fingerprint != before
    assert list(keys.believed()) == [new, FIRST]
    assert PREVIOUS_KEY_LIFETIME.total_seconds() == DAY
    clock.advance(DAY - 1)
    assert list(keys.believed()) == [new, FIRST]
    clock.advance(1)
    assert list(keys.believed()) == [new]


def test_several_previous_keys_each_have_their_day(keys: Keyring, clock: HandClock) -> None:
    keys.replace(SECOND)
    clock.advance(DAY / 2)
    keys.replace(RENEWED)
    assert list(keys.believed()) == [RENEWED, FIRST, SECOND]
    clock.advance(DAY / 2)
    assert list(keys.believed()) == [RENEWED, SECOND]


def test_the_same_key_again_is_no_change(keys: Keyring) -> None:
    keys.replace(Credentials(FIRST.api_key, FIRST.api_secret))
    assert list(keys.believed()) == [FIRST]
    assert keys.since is None


def test_further_keys_sign_webhooks_and_nothing_else(keys: Keyring) -> None:
    before = keys.fingerprint
    keys.further = (FURTHER,)
    assert list(keys.believed()) == [FIRST, FURTHER]
    assert (keys.current, keys.fingerprint) == (FIRST, before)
    keys.further = ()
    assert list(keys.believed()) == [FIRST]
