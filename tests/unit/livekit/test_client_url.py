from __future__ import annotations

import pytest

from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.domain.livekit import Credentials

CREDENTIALS = Credentials("APIkey", "a-secret-of-at-least-thirty-two-characters")


@pytest.mark.parametrize(
    "url",
    [
        "http://livekit:7880",
        "https://livekit.example.com/",
        "ws://127.0.0.1:7880",
        "WSS://livekit.example.com/base",
        "http://[::1]:7880",
    ],
)
async def test_a_usable_url_is_accepted(url: str) -> None:
    await LiveKitClient(url, CREDENTIALS).aclose()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "malformed"),
        ("livekit.example.com", "malformed"),
        ("livekit.example.com:7880", "malformed"),
        ("ftp://livekit.example.com", "malformed"),
        ("wss://", "malformed"),
        ("wss://:7880", "malformed"),
        ("wss://livekit:port", "malformed"),
        ("wss://livekit:99999", "malformed"),
        ("wss://[::1", "malformed"),
        ("wss://live kit", "malformed"),
        ("wss://livekit\n", "malformed"),
        ("wss://user:hush@livekit", "user name"),
        ("wss://livekit?token=hush", "query"),
        ("wss://livekit#hush", "query"),
    ],
)
async def test_a_malformed_url_is_told_and_not_repeated(url: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as refused:
        LiveKitClient(url, CREDENTIALS)
    assert "hush" not in str(refused.value)
    assert CREDENTIALS.api_secret not in str(refused.value)
