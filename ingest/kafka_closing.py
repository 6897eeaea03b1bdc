"""Lets go of a Kafka consumer in bounded time, with nothing of it left running."""

import asyncio
import logging
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

_LOG = logging.getLogger(__name__)

# Where the client keeps its background tasks.
_TASKS: Final = {
    "_client": ("_sync_task",),
    "_fetcher": ("_fetch_task",),
    "_coordinator": (
        "_coordination_task",
        "_heartbeat_task",
        "_commit_refresh_task",
        "_reset_committed_task",
    ),
}


async def stop_consumer(consumer: AIOKafkaConsumer, where: str, deadline_s: float) -> None:
    """Stop a consumer; bounded in time, raises only a real cancel.

    `stop` gives up at the first part that hangs or, by a cancellation of its own that it lets
    out, at the first task that it cancels: with a dead broker that is the rule. What is left would
    ask for metadata, connect and log for ever, so it is ended here. It runs in a task of its own:
    where it waits for what it has cancelled it swallows a cancel of ours.

    Parameters
    ----------
    consumer : AIOKafkaConsumer
        Consumer, started or not.
    where : str
        Topic, for the log.
    deadline_s : float
        Bound on `stop`.
    """
    stopping = asyncio.create_task(consumer.stop(), name="stop consumer")
    try:
        await asyncio.wait({stopping}, timeout=deadline_s)
    finally:
        await asyncio.sleep(0)  # cancelled on entry, it has not even begun
        stopping.add_done_callback(lambda task: task.cancelled() or task.exception())
        if not stopping.done() or stopping.cancelled():
            await _end(consumer, stopping)
        elif (error := stopping.exception()) is not None:  # must not hide why we close
            _LOG.warning("%s: closing failed: %r", where, error)
            await _end(consumer, stopping)


async def _end(consumer: AIOKafkaConsumer, stopping: asyncio.Task[None]) -> None:
    """Cancel what a consumer runs in the background, and close its sockets."""
    tasks: set[asyncio.Task[Any]] = {stopping}
    for part, names in _TASKS.items():
        owner = getattr(consumer, part, None)
        tasks.update(filter(None, (getattr(owner, name, None) for name in names)))
    tasks.update(getattr(getattr(consumer, "_fetcher", None), "_pending_tasks", ()))
    connections = getattr(getattr(consumer, "_client", None), "_conns", {})
    for connection in list(connections.values()):
        connection.close()
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1.0)
