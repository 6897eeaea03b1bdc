"""`tocsin demo`: lifelines in compressed time, by default on a broker inside this process."""

import argparse
import asyncio
import os
import sys
import tempfile
from typing import Final

from app.demo.broker import open_broker
from app.demo.interrupt import Interrupt
from app.demo.run import DemoRun
from app.demo.screen import Plain, Screen
from configuration.configuration import Configuration
from lab.feeds import district, elevator, metro, power, subsidence, water
from lab.feeds.feed import Feed
from lab.reports.demo_report import Told, report, summary
from lab.reports.terminal import draws
from runtime.installation import DATA

SECONDS: Final = 40.0
SHARE: Final = 0.8  # of the time is for playing, the rest for starting and settling


def feeds(configuration: Configuration) -> list[Feed]:
    """Telemetry of every feed of the demo that the configuration has channels for."""
    every = [
        water.feed(DATA),
        power.feed(DATA),
        metro.feed(DATA),
        subsidence.feed(),
        elevator.feed(),
        district.feed(),
    ]
    return [feed for feed in every if feed.channels() <= configuration.catalogue.row_of.keys()]


async def run_demo(arguments: argparse.Namespace, leaving: Interrupt) -> int:
    """Play, ring, report; exit code 0 when every known event rang."""
    seconds = arguments.seconds
    if seconds is None:
        seconds = float(os.environ.get("DEMO_SECONDS", SECONDS))
    configuration = Configuration.load(arguments.configs)
    played = feeds(configuration)
    screen = chosen()
    show = DemoRun(played, screen, SHARE * (seconds or SECONDS), arguments.configs)
    leaving.where = show.where
    screen.begin(played)
    try:
        await perform(show, configuration, arguments.bootstrap, leaving, forever=not seconds)
    finally:
        screen.end()
    heard = show.listener
    told = Told(heard.told, show.accounts(), heard.incidents, heard.notices)
    result = summary(played, told, show.elapsed)
    p99_ms = show.meter.p99_ms()
    result["sample_to_alarm_p99_ms"] = None if p99_ms is None else round(p99_ms, 1)
    result["interrupted"] = leaving.asked
    result["where"] = show.where() if leaving.asked else ""
    report(arguments.report, played, heard, result)
    missed = [event["name"] for event in result["known_events"] if event["rung_at"] is None]
    return 1 if missed and not leaving.asked else 0


def chosen() -> Screen:
    """The live view on a terminal that can draw it, else plain lines."""
    if not draws(sys.stdout):
        return Plain()
    from app.demo.live_screen import Live  # noqa: PLC0415 - a pipe needs no terminal

    return Live()


async def perform(
    show: DemoRun,
    configuration: Configuration,
    bootstrap: str | None,
    leaving: Interrupt,
    *,
    forever: bool = False,
) -> None:
    """Run the show on its broker until it ends or somebody interrupts."""
    played = {part.lifeline for feed in show.feeds for part in feed.by_lifeline()}
    lanes = {name: count for name, count in configuration.partitions.items() if name in played}

    async def whole() -> None:
        # Interrupted at once, a thread may still be writing there.
        with tempfile.TemporaryDirectory(
            prefix="tocsin-demo-", ignore_cleanup_errors=True
        ) as state:
            async with open_broker(configuration, lanes, bootstrap, state) as ground:
                await show.run(ground, forever=forever)

    playing = asyncio.create_task(whole(), name="show")
    stop = asyncio.create_task(leaving.wait(), name="stop")
    await asyncio.wait({playing, stop}, return_when=asyncio.FIRST_COMPLETED)
    for task in (playing, stop):
        task.cancel()
    ended, _ = await asyncio.gather(playing, stop, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended
