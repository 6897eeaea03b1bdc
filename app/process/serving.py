"""Runs a service until a signal: metrics, probes, and the way out."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any, Protocol

from prometheus_client.registry import Collector

from app.process.signals import heed_signals
from configuration.settings import Http
from contracts.ports.status import WorkerStatus
from runtime import failpoints, supervision
from runtime.exit_deadline import ExitDeadline
from sinks.http.health import HealthServer

log = logging.getLogger("tocsin.run")


class Service(WorkerStatus, Protocol):
    """What runs until it is cancelled."""

    @property
    def drained(self) -> bool:
        """Whether everything has been let go of."""

    async def serve(self) -> None:
        """Run until cancelled, or until it cannot go on."""


async def serve(
    service: Service,
    http: Http,
    collector_of: Callable[[WorkerStatus, str], Collector],
    reload: Callable[[], Coroutine[Any, Any, object]] | None = None,
) -> int:
    """Run a service, with its metrics and health, until a signal or until it cannot go on."""
    for blow in failpoints.arm(os.environ.get(failpoints.VARIABLE)):
        log.warning("failpoint armed: %s", blow)
    stopping, exit_ = asyncio.Event(), ExitDeadline()
    exit_.drained = lambda: service.drained

    def hear() -> None:
        exit_.ask()
        stopping.set()

    reloading: set[asyncio.Task[object]] = set()

    def read_again() -> None:
        if reload is not None:
            reloading.add(task := asyncio.create_task(reload()))
            task.add_done_callback(reloading.discard)

    heed_signals(hear, read_again if reload is not None else None)
    health = HealthServer(service, http.host, http.port, version("tocsin"), collector_of)
    await health.start()
    serving = asyncio.create_task(service.serve(), name="services")
    living = asyncio.create_task(supervision.live(service.alive), name="service-manager")
    stop = asyncio.create_task(stopping.wait(), name="stop")
    try:
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (living, serving, stop):
            task.cancel()
        ended, *_ = await asyncio.gather(serving, living, stop, return_exceptions=True)
        await health.stop()
    if isinstance(ended, Exception):
        raise ended
    return 0
