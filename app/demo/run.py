"""The demo itself: every lifeline on one broker, heard by one listener."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from app.demo.alarm_listener import AlarmListener
from app.demo.broker import DemoBroker
from app.demo.desk import DemoDesk
from app.demo.lifeline import DemoLifeline, only_fed
from app.demo.screen import Screen
from configuration.warm_up import warm
from contracts.alarm import Alarm
from contracts.desk.incident import Incident
from contracts.ports.status import LaneStatus, ProcessStatus
from lab.feeds import district
from lab.feeds.feed import Feed
from lab.reports.latency import LatencyMeter
from operate.console.demo import USER
from runtime.installation import CONFIGS
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
    folder : Path
        Configuration that lays down the desk of the district.

    Attributes
    ----------
    phase : str
        What it is doing, as a person says it.
    elapsed : float
        Seconds that it played, once it has ended.
    """

    def __init__(
        self, feeds: Sequence[Feed], screen: Screen, seconds: float, folder: Path = CONFIGS
    ) -> None:
        self.feeds = feeds
        self._folder = folder
        self._screen = screen
        self._seconds = seconds
        self.meter = LatencyMeter()
        self.listener = AlarmListener(self._heard, self._told)
        self._played: dict[str, list[DemoLifeline]] = {}  # by feed
        self._desk: DemoDesk | None = None
        self.phase = "starting the broker"
        self.elapsed = 0.0

    @property
    def lifelines(self) -> list[DemoLifeline]:
        """All that play, those of the district too."""
        return [lifeline for some in self._played.values() for lifeline in some]

    def lanes(self) -> list[LaneStatus]:
        """Every lane of every lifeline; the district's bear the same names and are left out."""
        return [
            lane
            for name, some in self._played.items()
            if name != district.NAME
            for lifeline in some
            for lane in lifeline.service.lanes()
        ]

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
        """Accounts of each feed, its lanes together."""
        return {
            name: dict(sum((Counter(one.accounts()) for one in some), Counter()))
            for name, some in self._played.items()
        }

    def shares(self) -> dict[str, float]:
        """How much of each feed is on its way, from 0 to 1."""
        return {feed.lifeline: 0.0 for feed in self.feeds} | {
            name: sum(one.share for one in some) / len(some) for name, some in self._played.items()
        }

    def where(self) -> str:
        """How far it is, in one line."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.shares().items())
        return f"while {self.phase}; played: {shares}"

    def _heard(self, alarm: Alarm) -> None:
        self.meter.heard(alarm)
        self._screen.ring(alarm)

    def _told(self, incident: Incident) -> None:
        self._screen.tell(incident)

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
        self._prepare(broker)
        http = broker.configuration.settings.http
        health = HealthServer(self, http.host, 0, version("tocsin"))
        await health.start()
        listening = asyncio.create_task(
            self.listener.listen(broker, self._topics(broker)), name="listener"
        )
        began = time.monotonic()
        try:
            await self._start()
            self._screen.ready(f"http://{http.host}:{health.port}/metrics", self._console())
            began = time.monotonic()
            await self._play(forever=forever)
            self.elapsed = time.monotonic() - began
            if forever:
                self.phase = "waiting to be interrupted"
                await asyncio.Event().wait()
            self.phase = "done"
        finally:
            self.elapsed = self.elapsed or time.monotonic() - began
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            closing = [lifeline.close() for lifeline in self.lifelines]
            closing += [self._desk.close()] if self._desk is not None else []
            await asyncio.gather(*closing)
            await health.stop()

    def _prepare(self, broker: DemoBroker) -> None:
        """Lifelines for every feed, and a desk for the one of several that share a clock."""
        for feed in self.feeds:
            shared = feed.lifeline == district.NAME
            ground = broker.of_district() if shared else broker
            parts = feed.by_lifeline() if shared else [feed]
            some = [DemoLifeline(part, ground, self._seconds, self.meter) for part in parts]
            self._played[feed.lifeline] = some
            if shared:
                self._desk = DemoDesk(ground, self._folder, some)

    def _topics(self, broker: DemoBroker) -> dict[str, int]:
        """What is listened to, and in how many partitions."""
        lanes = broker.configuration.partitions
        topics = {one.alarms: lanes[one.feed.lifeline] for one in self.lifelines}
        return topics | (self._desk.topics if self._desk is not None else {})

    def _console(self) -> str:
        """Where the desk can be seen and answered, and by whom; empty without a desk."""
        if self._desk is None:
            return ""
        console = self._desk.console
        return f"{console.address} for {USER!r} with the password {console.password!r}"

    async def _start(self) -> None:
        desk = [self._desk] if self._desk is not None else []
        starting = [one.start() for one in self.lifelines] + [one.start() for one in desk]
        await asyncio.gather(*starting)

    async def _play(self, *, forever: bool) -> None:
        self.phase = "playing"
        await asyncio.gather(*(lifeline.play() for lifeline in self.lifelines))
        self.phase = "settling"
        await asyncio.gather(*(lifeline.settle(self.listener) for lifeline in self.lifelines))
        if self._desk is not None and not forever:  # it answers whoever is before the console
            await self._desk.settle(self.listener)

    async def _looks(self) -> None:
        while True:
            self._screen.look(self)
            await asyncio.sleep(LOOK_S)

    def _compile(self, broker: DemoBroker) -> None:
        for feed in self.feeds:
            for part in feed.by_lifeline():
                warm(only_fed(broker.configuration, part), part.lifeline)


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
