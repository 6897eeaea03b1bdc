"""`tocsin run` and `tocsin topics`."""

import argparse
import asyncio
import logging
import os
from importlib.metadata import version

from app.process.lifeline_worker import LifelineWorker
from app.process.lifeline_workers import LifelineWorkers
from app.process.settings import settled
from app.process.signals import heed_signals
from app.process.worker_options import WorkerOptions
from pipeline.snapshot.copy_buffer import SnapshotSlot
from runtime import failpoints
from runtime.exit_deadline import ExitDeadline
from runtime.queues import OneThread
from sinks.http.health import HealthServer

log = logging.getLogger("tocsin.run")


def give_way(nice: int) -> None:
    """Take the declared place in the order of overload; a nicer start, by hand, is kept."""
    os.nice(max(nice - os.nice(0), 0))


async def run_worker(arguments: argparse.Namespace) -> int:
    """Own lanes until SIGTERM or SIGINT, then drain; told twice, or too slow, it leaves at once."""
    for blow in failpoints.arm(os.environ.get(failpoints.VARIABLE)):
        log.warning("failpoint armed: %s", blow)
    configuration = settled(arguments)
    options_of = [
        WorkerOptions(lifeline=name, instance=arguments.instance) for name in arguments.lifeline
    ]
    slot = SnapshotSlot(OneThread("snapshot_file"))
    workers = LifelineWorkers(
        LifelineWorker(configuration, options, slot) for options in options_of
    )
    give_way(min(configuration.settings.lifelines[options.lifeline].nice for options in options_of))
    stopping, exit_ = asyncio.Event(), ExitDeadline()
    exit_.drained = lambda: workers.drained

    def hear() -> None:
        exit_.ask()
        stopping.set()

    heed_signals(hear)
    http = configuration.settings.http
    health = HealthServer(workers, http.host, http.port, version("tocsin"))
    await health.start()
    serving = asyncio.create_task(workers.serve(), name="services")
    stop = asyncio.create_task(stopping.wait(), name="stop")
    try:
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        serving.cancel()
        stop.cancel()
        ended, _ = await asyncio.gather(serving, stop, return_exceptions=True)
        await health.stop()
    if isinstance(ended, Exception):
        raise ended
    return 0
