"""The demo itself: every lifeline on one broker, heard by one ear."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Final

from app.demo.alarm_listener import AlarmListener
from app.demo.broker import DemoBroker
from app.demo.lifeline import DemoLifeline, only_fed
from app.demo.screen import Screen
from configuration.warm_up import warm
from contracts.alarm import Alarm
from contracts.ports.status import LaneStatus, ProcessStatus
from lab.feeds.feed import Feed
from lab.reports.latency import LatencyMeter
from sinks.http.health import HealthServer

LOOK_S: Final = 0.25


class DemoRun:
    """Everything that runs during the demo; itself the `WorkerStatus` of all lifelines.

    Parameters
    ----------
    feeds : sequence of Feed
    screen : Screen
    seconds : float
        How long each feed takes.

    Attributes
    ----------
    phase : str
        What it is doing, as a person says it.
    elapsed : float
        Seconds that it played, once it has ended.
    """

    def __init__(self, feeds: Sequence[Feed], screen: Screen, seconds: float) -> None:
        self.feeds = feeds
        self._screen = screen
        self._seconds = seconds
        self.meter = LatencyMeter()
        self.listener = AlarmListener([feed.lifeline for feed in feeds], self._heard)
        self.lifelines: list[DemoLifeline] = []
        self.phase = "starting the broker"
        self.elapsed = 0.0

    def lanes(self) -> list[LaneStatus]:
        """Every lane of every lifeline."""
        return [lane for lifeline in self.lifelines for lane in lifeline.service.lanes()]

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return all(lifeline.service.alive() for lifeline in self.lifelines)

    def ready(self) -> bool:
        """Whether all lanes run."""
        return all(lifeline.service.ready() for lifeline in self.lifelines)

    def process_status(self) -> ProcessStatus:
        """The worst of all workers."""
        pulses = [lifeline.service.process_status() for lifeline in self.lifelines] or [
            ProcessStatus()
        ]
        return ProcessStatus(max(p.lag_s for p in pulses), sum(p.rebuilds for p in pulses))

    def accounts(self) -> dict[str, dict[str, int]]:
        """Accounts of each lifeline, its lanes together."""
        return {lifeline.feed.lifeline: lifeline.accounts() for lifeline in self.lifelines}

    def shares(self) -> dict[str, float]:
        """How much of each feed is on its way, from 0 to 1."""
        return {feed.lifeline: 0.0 for feed in self.feeds} | {
            lifeline.feed.lifeline: lifeline.share for lifeline in self.lifelines
        }

    def where(self) -> str:
        """How far it is, in one line."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.shares().items())
        return f"while {self.phase}; played: {shares}"

    def _heard(self, alarm: Alarm) -> None:
        self.meter.heard(alarm)
        self._screen.ring(alarm)

    async def run(self, broker: DemoBroker, *, forever: bool = False) -> None:
        """Play every feed and wait for the last alarm; cancel it to end it early."""
        looks = asyncio.create_task(self._looks(), name="screen")
        try:
            self.phase = "compiling"
            await _apart(lambda: self._compile(broker))
            await self._heard_play(broker, forever=forever)
        finally:
            looks.cancel()
            await asyncio.gather(looks, return_exceptions=True)
            self._screen.look(self)

    async def _heard_play(self, broker: DemoBroker, *, forever: bool) -> None:
        self.phase = "starting"
        self.lifelines = [
            DemoLifeline(feed, broker, self._seconds, self.meter) for feed in self.feeds
        ]
        http = broker.configuration.settings.http
        health = HealthServer(self, http.host, 0, version("tocsin"))
        await health.start()
        listening = asyncio.create_task(self.listener.listen(broker), name="ear")
        self._screen.ready(f"http://{http.host}:{health.port}/metrics")
        began = time.monotonic()
        try:
            await self._play()
            self.elapsed = time.monotonic() - began
            if forever:
                self.phase = "waiting to be interrupted"
                await asyncio.Event().wait()
            self.phase = "done"
        finally:
            self.elapsed = self.elapsed or time.monotonic() - began
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.gather(*(lifeline.close() for lifeline in self.lifelines))
            await health.stop()

    async def _play(self) -> None:
        await asyncio.gather(*(lifeline.start() for lifeline in self.lifelines))
        self.phase = "playing"
        await asyncio.gather(*(lifeline.play() for lifeline in self.lifelines))
        self.phase = "settling"
        await asyncio.gather(*(lifeline.settle(self.listener) for lifeline in self.lifelines))

    async def _looks(self) -> None:
        while True:
            self._screen.look(self)
            await asyncio.sleep(LOOK_S)

    def _compile(self, broker: DemoBroker) -> None:
        for feed in self.feeds:
            warm(only_fed(broker.configuration, feed), feed.lifeline)


async def _apart(work: Callable[[], None]) -> None:
    """Run work in a thread of its own that nobody has to wait for: a compiler takes no cancel."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def end(error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        try:
            work()
        except Exception as error:
            result: Exception | None = error
        else:
            result = None
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(end, result)

    threading.Thread(target=run, name="compile", daemon=True).start()
    await done
