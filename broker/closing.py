"""Stops a Kafka client in bounded time, with nothing of it left running."""

import asyncio
import logging
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient

_LOG = logging.getLogger(__name__)

CLOSE_S: Final = 5.0
END_S: Final = 1.0

# Where clients keep what they run in the background.
_TASKS: Final = {
    "client": ("_sync_task",),
    "_client": ("_sync_task",),
    "_sender": ("_sender_task",),
    "_fetcher": ("_fetch_task",),
    "_coordinator": (
        "_coordination_task",
        "_heartbeat_task",
        "_commit_refresh_task",
        "_reset_committed_task",
    ),
}


async def close_client(client: Any, deadline_s: float | None = None) -> None:
    """Stop a Kafka client; bounded in time, raises only a real cancel.

    `stop` gives up at the first part that hangs: with a broker that stands still that is the rule.
    What is left would hold its sockets and ask for metadata for ever, once for each recovery, so
    it is ended here. It runs in a task of its own: where it waits for what it has cancelled it
    swallows a cancel of ours, and a consumer stopped in the step it was started in lets out the
    cancellation of its own tasks.

    Parameters
    ----------
    client : AIOKafkaProducer, AIOKafkaConsumer or AIOKafkaAdminClient
        Started or not.
    deadline_s : float, optional
        Bound on `stop`, `CLOSE_S` by default.
    """
    stop = client.close if isinstance(client, AIOKafkaAdminClient) else client.stop
    stopping = asyncio.create_task(stop(), name="stop client")
    try:
        await asyncio.wait({stopping}, timeout=CLOSE_S if deadline_s is None else deadline_s)
    finally:
        await asyncio.sleep(0)  # cancelled on entry, it has not even begun
        stopping.add_done_callback(lambda task: task.cancelled() or task.exception())
        if not stopping.done() or stopping.cancelled():
            await _end(client, stopping)
        elif (error := stopping.exception()) is not None:  # must not hide why it is closed
            _LOG.info("%s: closing failed: %r", type(client).__name__, error)
            await _end(client, stopping)


async def _end(client: Any, stopping: asyncio.Task[None]) -> None:
    """Close sockets first, so that what waits for an answer fails and its task can end."""
    tasks = {stopping, *_tasks(client)}
    for _ in range(2):  # the sender waits for its requests at the first cancel, not at the second
        for task in tasks:
            task.cancel()
        _disconnect(client)
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=END_S / 2)
    _disconnect(client)


def _tasks(client: Any) -> set[asyncio.Task[Any]]:
    found: set[asyncio.Task[Any]] = set()
    for part, names in _TASKS.items():
        owner = getattr(client, part, None)
        found.update(filter(None, (getattr(owner, name, None) for name in names)))
    found.update(getattr(getattr(client, "_fetcher", None), "_pending_tasks", ()))
    return found


def _disconnect(client: Any) -> None:
    accumulator = getattr(client, "_message_accumulator", None)
    batches = [batch for queue in getattr(accumulator, "_batches", {}).values() for batch in queue]
    for batch in [*batches, *getattr(accumulator, "_pending_batches", ())]:
        batch.future.cancel()  # `stop` left a task behind that waits for it
    inner = getattr(client, "client", None) or getattr(client, "_client", None)
    for connection in list(getattr(inner, "_conns", {}).values()):
        connection.close()
