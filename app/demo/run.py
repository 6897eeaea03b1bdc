"""The demo itself: every lifeline on one stage, heard by one ear."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Final

from app.demo.alarm_listener import Ear
from app.demo.broker import Stage
from app.demo.latency import Meter
from app.demo.lifeline import Act, only_fed
from app.demo.screen import Screen
from configuration.warm_up import warm
from contracts.alarm import Alarm
from contracts.ports.status import LaneVitals, Pulse
from lab.feeds.feed import Feed
from sinks.http.health import HealthServer

LOOK_S: Final = 0.25


class Show:
    """Everything that runs during the demo; itself the `Vitals` of all lifelines.

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
        self.meter = Meter()
        self.ear = Ear([feed.lifeline for feed in feeds], self._heard)
        self.acts: list[Act] = []
        self.phase = "starting the broker"
        self.elapsed = 0.0

    def lanes(self) -> list[LaneVitals]:
        """Every lane of every lifeline."""
        return [lane for act in self.acts for lane in act.service.lanes()]

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return all(act.service.alive() for act in self.acts)

    def ready(self) -> bool:
        """Whether all lanes run."""
        return all(act.service.ready() for act in self.acts)

    def pulse(self) -> Pulse:
        """The worst of all workers."""
        pulses = [act.service.pulse() for act in self.acts] or [Pulse()]
        return Pulse(max(p.lag_s for p in pulses), sum(p.rebuilds for p in pulses))

    def accounts(self) -> dict[str, dict[str, int]]:
        """Accounts of each lifeline, its lanes together."""
        return {act.feed.lifeline: act.accounts() for act in self.acts}

    def shares(self) -> dict[str, float]:
        """How much of each feed is on its way, from 0 to 1."""
        return {feed.lifeline: 0.0 for feed in self.feeds} | {
            act.feed.lifeline: act.share for act in self.acts
        }

    def where(self) -> str:
        """How far it is, in one line."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.shares().items())
        return f"while {self.phase}; played: {shares}"

    def _heard(self, alarm: Alarm) -> None:
        self.meter.heard(alarm)
        self._screen.ring(alarm)

    async def run(self, stage: Stage, *, forever: bool = False) -> None:
        """Play every feed and wait for the last alarm; cancel it to end it early."""
        looks = asyncio.create_task(self._looks(), name="screen")
        try:
            self.phase = "compiling"
            await _apart(lambda: self._compile(stage))
            await self._heard_play(stage, forever=forever)
        finally:
            looks.cancel()
            await asyncio.gather(looks, return_exceptions=True)
            self._screen.look(self)

    async def _heard_play(self, stage: Stage, *, forever: bool) -> None:
        self.phase = "starting"
        self.acts = [Act(feed, stage, self._seconds, self.meter) for feed in self.feeds]
        http = stage.configuration.settings.http
        health = HealthServer(self, http.host, 0, version("tocsin"))
        await health.start()
        listening = asyncio.create_task(self.ear.listen(stage), name="ear")
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
            await asyncio.gather(*(act.close() for act in self.acts))
            await health.stop()

    async def _play(self) -> None:
        await asyncio.gather(*(act.start() for act in self.acts))
        self.phase = "playing"
        await asyncio.gather(*(act.play() for act in self.acts))
        self.phase = "settling"
        await asyncio.gather(*(act.settle(self.ear) for act in self.acts))

    async def _looks(self) -> None:
        while True:
            self._screen.look(self)
            await asyncio.sleep(LOOK_S)

    def _compile(self, stage: Stage) -> None:
        for feed in self.feeds:
            warm(only_fed(stage.configuration, feed), feed.lifeline)


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
