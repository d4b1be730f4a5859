"""Has a stream that runs sent to other addresses."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import LiveKitError, LiveKitNotFoundError, LiveKitRejectedError
from roomkeeper.api.recording_outputs import MAX_STREAM_URLS
from roomkeeper.domain.recording_streams import url_hash
from roomkeeper.domain.recordings import StreamChange
from roomkeeper.engine.failures import finding_of

if TYPE_CHECKING:
    from roomkeeper.domain.recordings import RecordingWorld, UpdateStream
    from roomkeeper.engine.connection import Connection

logger = logging.getLogger(__name__)


async def update(action: UpdateStream, world: RecordingWorld, server: Connection) -> RecordingWorld:
    """Add and remove one address after the other, and tell which are applied, also when not all could be.

    A worker does what it can of a request and complains of the rest, and one that is told an address again sends to it
    twice. New ones come first while there is room in status: a stream without any address ends.
    """
    uid, change = world.recording.uid, action.change
    applied, refused = set(change.applied), 0
    new, old = list(change.add), list(change.remove)
    try:
        while new or old:
            if new and (len(applied) < MAX_STREAM_URLS or not old):
                url = new.pop()
                refused += not await _add(action.egress_id, url, server)
                applied.add(url_hash(uid, url))
            else:
                url = old.pop()
                await _remove(action.egress_id, url, server)
                applied.discard(url_hash(uid, url))
    except LiveKitError as error:
        logger.warning("%s", error)
        server.suspect()
        world = replace(world, failure=finding_of(error))
    return replace(world, stream=StreamChange(applied=tuple(sorted(applied))), refused_streams=refused)


async def _add(egress_id: str, url: str, server: Connection) -> bool:
    """Tell whether LiveKit takes an address; one that it refuses is not tried again until it is another."""
    try:
        await server.api.update_stream(egress_id, add=(url,))
    except LiveKitRejectedError as error:
        logger.warning("egress %s: %s", egress_id, error)
        return False
    return True


async def _remove(egress_id: str, url: str, server: Connection) -> None:
    """Send to an address no longer; one that was refused, or broke off, is not sent to."""
    try:
        await server.api.update_stream(egress_id, remove=(url,))
    except (LiveKitNotFoundError, LiveKitRejectedError) as error:
        logger.info("egress %s: %s", egress_id, error)
