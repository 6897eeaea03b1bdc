"""`tocsin run` and `tocsin topics`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from importlib.metadata import version

import msgspec

from app import known_good
from app.carry import carry
from app.configuration import Configuration
from app.house import House
from app.last_exit import LastExit
from app.service import Service
from app.settings import Settings
from app.topics import TopicPlan, ensure, needed
from app.way import Way, one_thread
from contracts import failpoints
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from pipeline.room import Yard
from sinks.health import HealthServer

log = logging.getLogger("tocsin.run")


def settled(arguments: argparse.Namespace) -> Configuration:
    """The configuration with what the command line changes of the worker's own settings."""
    if "state" in arguments:
        wanted = _each_once(arguments.lifeline) if isinstance(arguments.lifeline, list) else None
        configuration = known_good.load(arguments.configs, arguments.state, lifelines=wanted)
    else:
        configuration = Configuration.load(arguments.configs)
    configuration = _at(configuration, arguments.bootstrap)
    settings: Settings = configuration.settings
    if getattr(arguments, "state", None):
        settings = msgspec.structs.replace(settings, state=arguments.state)
    if getattr(arguments, "port", None) is not None:
        http = msgspec.structs.replace(settings.http, port=arguments.port)
        settings = msgspec.structs.replace(settings, http=http)
    return configuration.with_settings(settings)


def _each_once(lifelines: list[str]) -> set[str]:
    """The lifelines of one process: two workers of one would own its lanes against each other."""
    if twice := sorted({name for name in lifelines if lifelines.count(name) > 1}):
        msg = f"--lifeline: expected each one once, got {', '.join(twice)} again; leave it out"
        raise ConfigError(msg)
    return set(lifelines)


def _at(configuration: Configuration, bootstrap: str | None) -> Configuration:
    """The configuration with other brokers, if any are named."""
    if not bootstrap:
        return configuration
    kafka = msgspec.structs.replace(configuration.settings.kafka, bootstrap=bootstrap)
    settings = msgspec.structs.replace(configuration.settings, kafka=kafka)
    return configuration.with_settings(settings)


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


async def settle_topics(arguments: argparse.Namespace) -> int:
    """List the topics that the configuration needs; with `--create` make and check them."""
    configuration = settled(arguments)
    plan = TopicPlan(replication=arguments.replication, append_time=not arguments.keep_stamps)
    topics = needed(configuration.partitions, TopicNames(configuration.settings.app), plan)
    if arguments.create:
        for line in await ensure(topics, configuration.settings.kafka.bootstrap):
            sys.stdout.write(line + "\n")
    if arguments.carry:
        old = _at(Configuration.load(arguments.carry), arguments.bootstrap)
        for line in await carry(old, configuration):
            sys.stdout.write(line + "\n")
    if arguments.create or arguments.carry:
        return 0
    for topic in topics:
        if arguments.json:
            sys.stdout.write(json.dumps(msgspec.to_builtins(topic)) + "\n")
            continue
        settings = ", ".join(f"{key}={value}" for key, value in sorted(topic.settings.items()))
        head = f"{topic.name}: {topic.partitions} partitions, {topic.replication} copies"
        sys.stdout.write(f"{head}, {settings}\n")
    return 0
