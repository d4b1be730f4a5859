"""Two engines that divide the objects of one API server, each with the watches that its shard has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import LABEL_SHARD
from roomkeeper.domain.objects import SERVER, STORAGE, Key
from roomkeeper.domain.shards import Shard
from roomkeeper.engine.kinds import KINDS
from tests.unit.engine.fleet import MAIN
from tests.unit.engine.recordings import Recorder
from tests.unit.engine.warehouse import KEYS, PROVIDER, TENANT

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Resource
    from roomkeeper.domain.outcomes import Outcome

SHARED = (KINDS[SERVER], KINDS[STORAGE])


class Half(Recorder):
    """One of the two. What the other sees of an object that leaves is, as the API server has it, its end."""

    def __init__(self, name: str, beside: Half | None = None, **settings: Any) -> None:
        super().__init__(beside=beside, shard=Shard.of(name), **settings)
        self.name = name
        self._selected: dict[str, Body] = {}

    def watched(self, resource: Resource, event: str, body: Body) -> None:
        """Tell of what the labels of the shard select, before or after the event."""
        if resource in SHARED:
            super().watched(resource, event, body)
            return
        meta = body["metadata"]
        before = self._selected.pop(meta["uid"], None)
        is_selected = (meta.get("labels") or {}).get(LABEL_SHARD) == self.name and event != "DELETED"
        if is_selected:
            self._selected[meta["uid"]] = body
            super().watched(resource, "MODIFIED" if before else "ADDED", body)
        elif before:
            version = {"resourceVersion": meta["resourceVersion"]}
            super().watched(resource, "DELETED", {**before, "metadata": {**before["metadata"], **version}})

    async def settle(self) -> list[Outcome]:
        """Look at the server too, if an object of it has gone."""
        outcomes = await super().settle()
        await self.soon()
        return outcomes

    def label(self, key: Key, shard: str | None) -> None:
        """Label an object as `kubectl label --overwrite` does."""
        self.patch(key, metadata={"labels": {LABEL_SHARD: shard}})


class Pair:
    """The shards a and b. The server of the provider is in shard a, its Rooms and Recordings are where a test has them."""

    def __init__(self) -> None:
        self.a = Half("a")
        self.b = Half("b", self.a)

    async def settle(self) -> None:
        """Have both do what they have to, until neither has anything left."""
        for half in (self.a, self.b, self.a, self.b):
            await half.settle()

    async def asked(self, half: Half) -> list[str]:
        """Return what one of the two asks for from now on until it has settled."""
        half.asked()
        await half.settle()
        return half.asked()


async def a_pair() -> Pair:
    """Return two shards that use one server and one storage of a provider; nobody works on anything yet."""
    pair = Pair()
    pair.a.keep_data(KEYS, namespace=PROVIDER, name="keys")
    pair.a.keep(namespace=MAIN.namespace)
    livekit = pair.a.add_livekit()
    livekit.on_event = lambda event: (pair.a.hear(event), pair.b.hear(event))
    everybody = {"allowedNamespaces": {"from": "All"}}
    pair.a.add_server(**everybody)
    pair.a.add_storage(**everybody, allowedServers=[{"namespace": MAIN.namespace, "name": MAIN.name}])
    pair.a.label(MAIN, "a")
    livekit.join(f"{TENANT}_standup", "alice", is_publisher=True)
    await pair.settle()
    assert pair.a.server_reason() == "Connected"
    pair.a.asked()
    return pair
