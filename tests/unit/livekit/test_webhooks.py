from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.adapters.livekit.webhooks import ForgedWebhookError, UnreadableWebhookError, verify
from roomkeeper.domain.livekit import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "a-secret-of-at-least-thirty-two-characters"
KEYS = {"APIkey": ["the-previous-secret-of-the-same-key-name", SECRET], "APIother": ["x" * 40]}
BODY = b"""{"event": "room_started",  "id":"EV_1", "createdAt": "1795344546", "unheardOf": {"a": 1},
 "room": {"sid": "RM_1", "name": "team-a_standup", "turnPassword": "hush"}}"""


def sign(body: bytes, *, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {
        "iss": "APIkey",
        "nbf": time.time(),
        "exp": time.time() + 3600,
        "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    claims.update(changes)
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm=algorithm)


def test_a_signed_event_is_read() -> None:
    event = verify(BODY, sign(BODY), KEYS).event
    assert event.id == "EV_1"
    assert event.event == "room_started"
    assert event.room_name == "team-a_standup"
    assert event.room_sid == "RM_1"
    assert event.api_key == "APIkey"
    assert event.created_at == datetime.fromtimestamp(1795344546, UTC)
    assert "hush" not in repr(event)


def test_the_word_bearer_is_tolerated() -> None:
    assert verify(BODY, f"Bearer {sign(BODY)}", KEYS).event.id == "EV_1"


@pytest.mark.parametrize("secret", KEYS["APIkey"])
def test_which_of_the_secrets_of_one_key_name_has_signed_is_told(secret: str) -> None:
    assert verify(BODY, sign(BODY, secret=secret), KEYS).credentials == Credentials("APIkey", secret)


@pytest.mark.parametrize("useless", ["", "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----"])
def test_a_secret_that_can_sign_nothing_hides_no_other_of_the_same_key_name(useless: str) -> None:
    assert verify(BODY, sign(BODY), {"APIkey": [useless, SECRET]}).credentials.api_secret == SECRET


def test_an_egress_event_without_a_room_names_the_room_of_the_egress() -> None:
    body = (
        b'{"event": "egress_ended", "egressInfo": '
        b'{"egressId": "EG_1", "roomName": "r", "roomId": "RM_2", "status": "BRAND_NEW"}}'
    )
    event = verify(body, sign(body), KEYS).event
    assert (event.egress_id, event.room_name, event.room_sid) == ("EG_1", "r", "RM_2")


def test_an_egress_event_of_a_web_page_names_no_room() -> None:
    body = b'{"event": "egress_started", "egressInfo": {"egressId": "EG_1", "web": {}}}'
    event = verify(body, sign(body), KEYS).event
    assert (event.egress_id, event.room_name, event.room_sid) == ("EG_1", "", "")


@pytest.mark.parametrize(
    "authorize",
    [
        pytest.param(lambda: "", id="nothing"),
        pytest.param(lambda: "Bearer", id="no-token"),
        pytest.param(lambda: "a.b.c", id="not-a-token"),
        pytest.param(lambda: sign(BODY, secret="y" * 40), id="another-secret"),
        pytest.param(lambda: sign(BODY, iss="APIother"), id="a-secret-of-another-key"),
        pytest.param(lambda: sign(BODY, iss="APInobody"), id="unknown-key"),
        pytest.param(lambda: sign(BODY, iss=None), id="no-key"),
        pytest.param(lambda: sign(BODY, exp=time.time() - 90), id="expired"),
        pytest.param(lambda: sign(BODY, exp=None), id="no-expiry"),
        pytest.param(lambda: sign(BODY, nbf=time.time() + 1800), id="not-yet-valid"),
        pytest.param(lambda: sign(BODY, sha256=None), id="no-hash"),
        pytest.param(lambda: sign(BODY, sha256=7), id="a-hash-that-is-no-text"),
        pytest.param(lambda: sign(BODY + b" "), id="for-another-body"),
        pytest.param(
            lambda: sign(BODY, secret="z" * 64, algorithm="HS512"), id="unknown-secret-and-algorithm"
        ),
        pytest.param(lambda: sign(BODY, secret="", algorithm="none"), id="no-algorithm"),
    ],
)
def test_whatever_is_not_signed_for_this_body_by_a_known_key_is_forged(authorize: Callable[[], str]) -> None:
    with pytest.raises(ForgedWebhookError):
        verify(BODY, authorize(), KEYS)


def test_the_right_secret_with_another_algorithm_is_forged() -> None:
    long_secret = "s" * 64
    keys = {"APIkey": [long_secret]}
    assert verify(BODY, sign(BODY, secret=long_secret), keys)
    with pytest.raises(ForgedWebhookError):
        verify(BODY, sign(BODY, secret=long_secret, algorithm="HS512"), keys)


def test_a_clock_that_differs_by_less_than_a_minute_is_tolerated() -> None:
    assert verify(BODY, sign(BODY, exp=time.time() - 30), KEYS)
    assert verify(BODY, sign(BODY, nbf=time.time() + 30), KEYS)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(BODY[:-1], id="truncated"),
        pytest.param(b"\xff\xfe", id="not-unicode"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no-event"),
        pytest.param(b'{"event": 1}', id="an-event-that-is-no-text"),
        pytest.param(b'{"event": "x", "room": 7}', id="a-room-that-is-no-object"),
        pytest.param(b'{"event": "x", "createdAt": "9223372036854775807"}', id="the-end-of-time"),
        pytest.param(b'{"event": "' + b"x" * 129 + b'"}', id="a-long-event"),
        pytest.param(b'{"event": "x", "id": "' + b"x" * 129 + b'"}', id="a-long-id"),
        pytest.param(
            b'{"event": "x", "egressInfo": {"egressId": "' + b"x" * 129 + b'"}}', id="a-long-egress"
        ),
        pytest.param(b'{"event": "x", "unheardOf": ' + b"[" * 100_000, id="deep"),
    ],
)
def test_a_signed_body_that_is_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableWebhookError):
        verify(body, sign(body), KEYS)


def test_an_event_and_id_of_the_greatest_length_are_read() -> None:
    body = json.dumps({"event": "e" * 128, "id": "i" * 128, "egressInfo": {"egressId": "g" * 128}}).encode()
    event = verify(body, sign(body), KEYS).event
    assert (event.event, event.id, event.egress_id) == ("e" * 128, "i" * 128, "g" * 128)


def test_a_deep_header_or_an_infinite_expiry_does_no_harm() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    head, _, tail = sign(BODY).split(".")
    for token in (f"{deep}..", f"{deep}.{deep}.", f"{head}.{deep}.{tail}", sign(BODY, exp=float("inf"))):
        with pytest.raises(ForgedWebhookError):
            verify(BODY, token, KEYS)


@given(
    st.binary(),
    st.one_of(st.text(st.characters()), st.binary().map(lambda b: b.decode("utf-8", "surrogateescape"))),
)
def test_no_input_raises_anything_but_forged(body: bytes, authorization: str) -> None:
    with pytest.raises(ForgedWebhookError):
        verify(body, authorization, KEYS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("event", "id", "createdAt", "room", "egressInfo", "participant"), json_values
        ),
    )
    | json_values,
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("exp", "nbf", "iat", "aud", "sub", "jti"), json_values)
    ),
)
def test_no_signed_json_raises_anything_but_forged_or_unreadable(
    value: object, claims: dict[str, Any]
) -> None:
    body = json.dumps(value).encode()
    encoded = sign(body, **{k: v for k, v in claims.items() if k in {"sub", "jti"} and isinstance(v, str)})
    payload = {**jwt.decode(encoded, options={"verify_signature": False}), **claims}
    raw = jwt.api_jws.encode(json.dumps(payload).encode(), SECRET, algorithm="HS256")
    with contextlib.suppress(ForgedWebhookError, UnreadableWebhookError):
        verify(body, raw, KEYS)
