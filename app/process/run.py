"""`tocsin run` and `tocsin topics`."""

import argparse
import asyncio
import logging
import os
import signal
from importlib.metadata import version

from app.process.lifeline_worker import Service
from app.process.lifeline_workers import House
from app.process.settings import settled
from app.process.worker_options import Way, one_thread
from pipeline.snapshot.copy_buffer import Yard
from runtime import failpoints
from runtime.exit_deadline import LastExit
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
    ways = [Way(lifeline=name, instance=arguments.instance) for name in arguments.lifeline]
    yard = Yard(one_thread("filing"))
    house = House(Service(configuration, way, yard) for way in ways)
    give_way(min(configuration.settings.lifelines[way.lifeline].nice for way in ways))
    stopping, exit_ = asyncio.Event(), LastExit()
    exit_.drained = lambda: house.drained

    def hear() -> None:
        exit_.ask()
        stopping.set()

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, hear)
    http = configuration.settings.http
    health = HealthServer(house, http.host, http.port, version("tocsin"))
    await health.start()
    serving = asyncio.create_task(house.serve(), name="services")
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
