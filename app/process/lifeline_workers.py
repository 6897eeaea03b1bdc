"""Some lifelines in one process: a worker of each, which answer as one."""

import asyncio
from collections.abc import Callable, Iterable

from app.process.lifeline_worker import LifelineWorker
from contracts.ports.status import LaneStatus, ProcessStatus, ReloadStatus, totals
from ingest.kafka.raw_fetch import warn_if_plain


class LifelineWorkers:
    """Services that start and stop together; itself the `WorkerStatus` of all of them.

    Parameters
    ----------
    services : iterable of LifelineWorker
    reloads : callable, optional
        How often their configuration was read again.
    """

    def __init__(
        self,
        services: Iterable[LifelineWorker],
        reloads: Callable[[], ReloadStatus | None] = lambda: None,
    ) -> None:
        self._services = list(services)
        self._reloads = reloads

    @property
    def drained(self) -> bool:
        """Whether every lane of every lifeline has been let go of."""
        return all(service.drained for service in self._services)

    def lanes(self) -> list[LaneStatus]:
        """Every lane that this process owns."""
        return [lane for service in self._services for lane in service.lanes()]

    def alive(self) -> bool:
        """Whether the event loop turns; does not depend on Kafka."""
        return all(service.alive() for service in self._services)

    def ready(self) -> bool:
        """Whether every owned lane is running and ownership of all lifelines is settled."""
        return all(service.ready() for service in self._services)

    def process_status(self) -> ProcessStatus:
        """How the process is."""
        pulses = [service.process_status() for service in self._services]
        shared_once = dict.fromkeys(q for service in self._services for q in service.queues())
        return ProcessStatus(
            max(p.lag_s for p in pulses),
            sum(p.rebuilds for p in pulses),
            pulses[0].fetch_path,
            totals(queue() for queue in shared_once),
            self._reloads(),
        )

    async def serve(self) -> None:
        """Own lanes until cancelled or until one lifeline cannot go on; leaving drains all."""
        warn_if_plain()  # once for the process, not for each client that is made
        try:
            async with asyncio.TaskGroup() as group:
                for service in self._services:
                    group.create_task(_serve(service))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed


async def _serve(service: LifelineWorker) -> None:
    async with service:
        await service.over()
