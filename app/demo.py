"""`tocsin demo`: five lifelines in compressed time, on a broker inside this process."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from app.configuration import Configuration
from app.demo_act import Act
from app.demo_ear import Ear
from app.demo_report import Told, report, summary
from app.embedded import EmbeddedBroker
from contracts.vitals import LaneVitals
from lab.feeds import elevator, metro, power, subsidence, water
from lab.feeds.feed import Feed
from sinks.health import HealthServer

DATA: Final = Path(__file__).resolve().parent.parent / "data"
SECONDS: Final = 40.0
SHARE: Final = 0.8  # of the time is for playing, the rest for starting and settling


class Several:
    """The workers of all lifelines as one, for probes and Prometheus."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._acts = acts

    def lanes(self) -> list[LaneVitals]:
        """Every lane of every lifeline."""
        return [lane for act in self._acts for lane in act.service.lanes()]

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return all(act.service.alive() for act in self._acts)

    def ready(self) -> bool:
        """Whether all lanes run."""
        return all(act.service.ready() for act in self._acts)


def feeds(configuration: Configuration) -> list[Feed]:
    """Telemetry of every lifeline of the demo that the configuration has channels for."""
    every = [
        water.feed(DATA),
        power.feed(DATA),
        metro.feed(DATA),
        subsidence.feed(),
        elevator.feed(),
    ]
    return [feed for feed in every if feed.channels() <= configuration.catalogue.row_of.keys()]


async def run_demo(arguments: argparse.Namespace) -> int:
    """Play, ring, report; exit code 0 when every known event rang."""
    seconds = arguments.seconds
    if seconds is None:
        seconds = float(os.environ.get("DEMO_SECONDS", SECONDS))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    configuration = Configuration.load(arguments.configs)
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory(prefix="tocsin-demo-") as state:
        configuration = _settled(configuration, broker.bootstrap, state)
        acts = [
            Act(feed, configuration, SHARE * (seconds or SECONDS)) for feed in feeds(configuration)
        ]
        for topic in {name for act in acts for name in act.topics()}:
            broker.create(topic)
        ear = Ear(acts)
        elapsed = await _play(acts, ear, stopping, forever=not seconds)
    played = [act.feed for act in acts]
    result = summary(played, Told(ear.told, _accounts(acts)), elapsed)
    result["interrupted"] = stopping.is_set()
    report(arguments.report, played, ear, result)
    missed = [event["name"] for event in result["known_events"] if event["rung_at"] is None]
    return 1 if missed and not stopping.is_set() else 0


def _settled(configuration: Configuration, bootstrap: str, state: str) -> Configuration:
    """The configuration on the embedded broker."""
    settings = configuration.settings
    kafka = msgspec.structs.replace(settings.kafka, bootstrap=bootstrap)
    settings = msgspec.structs.replace(settings, kafka=kafka, state=state)
    return replace(configuration, settings=settings)


async def _play(acts: Sequence[Act], ear: Ear, stopping: asyncio.Event, *, forever: bool) -> float:
    """Start every lifeline, play its feed and wait for the last alarm; seconds that it took."""
    settings = acts[0].configuration.settings
    health = HealthServer(Several(acts), settings.http.host, 0, version("tocsin"))
    await health.start()
    listening = asyncio.create_task(ear.listen(settings.kafka.bootstrap), name="ear")
    stop = asyncio.create_task(stopping.wait(), name="stop")
    playing = asyncio.create_task(_all(acts, ear), name="play")
    said = f"metrics on http://{settings.http.host}:{health.port}/metrics\n"
    sys.stdout.write("".join(f"{act.feed.lifeline}: {act.feed.source}\n" for act in acts) + said)
    sys.stdout.flush()
    began = time.monotonic()
    try:
        await asyncio.wait({playing, stop}, return_when=asyncio.FIRST_COMPLETED)
        elapsed = time.monotonic() - began
        if forever and not stopping.is_set():
            await stop
    finally:
        for task in (playing, stop, listening):
            task.cancel()
        ended, *_ = await asyncio.gather(playing, stop, listening, return_exceptions=True)
        await asyncio.gather(*(act.close() for act in acts))
        await health.stop()
    if isinstance(ended, Exception):
        raise ended
    return elapsed


async def _all(acts: Sequence[Act], ear: Ear) -> None:
    await asyncio.gather(*(act.start() for act in acts))
    await asyncio.gather(*(act.play() for act in acts))
    await asyncio.gather(*(act.settle(ear) for act in acts))


def _accounts(acts: Sequence[Act]) -> dict[str, dict[str, int]]:
    """Accounts of each lifeline, its lanes together."""
    return {act.feed.lifeline: act.accounts() for act in acts}
