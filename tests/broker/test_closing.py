"""Letting go of Kafka's clients: in bounded time, and with no cancel of ours lost on the way."""

import asyncio
import contextlib
from typing import Any

from broker.closing import close_client

LONG_S = 60.0


class Client:
    """Stops as the real one does: it waits for the task it has cancelled, and swallows that."""

    def __init__(self, ending_s: float) -> None:
        self._client = self
        self._ending_s = ending_s
        self._conns: dict[Any, Any] = {}
        self._sync_task = asyncio.create_task(self._synchronise())
        self.waits = asyncio.Event()
        self.stopped = False

    async def _synchronise(self) -> None:
        try:
            await asyncio.sleep(LONG_S)
        finally:
            await asyncio.sleep(self._ending_s)

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self._sync_task.cancel()
        self.waits.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sync_task
        self.stopped = True


async def test_a_cancel_that_comes_while_a_client_stops_is_not_lost() -> None:
    client = Client(ending_s=0.05)

    async def whole() -> None:
        await close_client(client, LONG_S)
        await asyncio.sleep(LONG_S)

    task = asyncio.create_task(whole())
    await client.waits.wait()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    assert done
    assert task.cancelled()
    assert client._sync_task.done()


async def test_a_client_that_stops_is_waited_for() -> None:
    client = Client(ending_s=0.01)
    await close_client(client, LONG_S)
    assert client.stopped
    assert client._sync_task.done()


async def test_a_client_that_hangs_is_ended() -> None:
    client = Client(ending_s=LONG_S)
    async with asyncio.timeout(5):
        await close_client(client, 0.05)
    assert client._sync_task.done()
