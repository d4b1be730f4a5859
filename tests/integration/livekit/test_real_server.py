"""What only the real server can show: wrong credentials, real clients with our tokens, real webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit import webhooks
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.ports import LiveKitCredentialsError
from roomkeeper.domain.livekit import Credentials, ParticipantKind, RoomConfig

if TYPE_CHECKING:
    from tests.integration.livekit.servers import RealServer

pytestmark = pytest.mark.stack

CONFIG = RoomConfig(empty_timeout_seconds=600, departure_timeout_seconds=60)


@pytest.mark.parametrize("wrong", ["key", "secret"])
async def test_wrong_credentials_are_told_as_such(real: RealServer, wrong: str) -> None:
    right = real.credentials
    credentials = Credentials(
        "APInobody" if wrong == "key" else right.api_key,
        "another-secret-of-thirty-two-characters" if wrong == "secret" else right.api_secret,
    )
    client = LiveKitClient(real.url, credentials)
    try:
        with pytest.raises(LiveKitCredentialsError, match="check the API key"):
            await client.list_rooms()
        with pytest.raises(LiveKitCredentialsError):
            await client.create_room(real.room_name(), CONFIG)
    finally:
        await client.aclose()


async def test_a_minted_token_lets_a_real_client_join_and_publish(real: RealServer) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    client = await real.connect(name, "alice", real.token(name, "alice", canPublish=True))
    assert await client.publish()

    async def is_publisher() -> bool:
        return [p.is_publisher for p in await real.api.list_participants(name)] == [True]

    await real.until(is_publisher)
    (alice,) = await real.api.list_participants(name)
    assert (alice.identity, alice.kind) == ("alice", ParticipantKind.PERSON)


async def test_a_minted_token_without_the_grant_does_not_let_publish(real: RealServer) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    client = await real.connect(name, "bob", real.token(name, "bob", canPublish=False))
    assert not await client.publish()
    (bob,) = await real.api.list_participants(name)
    assert not bob.is_publisher


async def test_a_token_that_does_not_grant_joining_opens_no_room(
    real: RealServer, join_refused: type[Exception]
) -> None:
    name = real.room_name()
    with pytest.raises(join_refused):
        await real.connect(name, "eve", real.token(name, "eve", roomJoin=False))


async def test_a_real_webhook_is_verified_and_one_flipped_byte_makes_it_forged(real: RealServer) -> None:
    await real.api.create_room(real.room_name(), CONFIG)

    async def is_told() -> bool:
        return bool(real.webhooks)

    await real.until(is_told)
    body, authorization = real.webhooks[0]
    keys = {real.credentials.api_key: [real.credentials.api_secret]}
    assert not authorization.startswith("Bearer")
    assert webhooks.verify(body, authorization, keys).event.event == "room_started"
    flipped = bytearray(body)
    flipped[len(body) // 2] ^= 1
    with pytest.raises(webhooks.ForgedWebhookError):
        webhooks.verify(bytes(flipped), authorization, keys)
