"""The desk stage of the demo: it answers the district, whose lifelines share one clock."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.demo.alarm_listener import AlarmListener
from app.demo.broker import DemoBroker
from app.demo.lifeline import DRAIN_S, POLL_S, READY_S, DemoLifeline
from app.process.desk_worker import DeskWorker, city_desk
from app.process.projector import Projector
from app.process.worker_options import WorkerOptions
from broker.acl import DESK
from contracts.ports.status import DeskStatus
from contracts.topics import TopicNames
from operate.console.demo import DemoConsole
from operate.history import topics_of

PARTITION: Final = 0  # the stage is one lane


class JudgedTime:
    """Event time up to which every lane of some lifelines has judged its readings.

    The desk's clock: it must not call an answer late while the alarm is still on its way.

    Parameters
    ----------
    lifelines : sequence of DemoLifeline
    """

    def __init__(self, lifelines: Sequence[DemoLifeline]) -> None:
        self._lifelines = lifelines
        self._told_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC, 0 before every lane has begun; never falls."""
        lanes = [lane for lifeline in self._lifelines for lane in lifeline.service.lanes()]
        judged_s = min((lane.lane_time_s for lane in lanes), default=0)
        self._told_ms = max(self._told_ms, 1_000 * judged_s)
        return self._told_ms


class DemoDesk:
    """The desk stage over some lifelines of the demo.

    Parameters
    ----------
    broker : DemoBroker
        With topics for the lifelines and for the stage.
    folder : Path
        Configuration that lays down topology, desks and answers.
    lifelines : sequence of DemoLifeline
    """

    def __init__(self, broker: DemoBroker, folder: Path, lifelines: Sequence[DemoLifeline]) -> None:
        whole = broker.configuration
        played = {one.feed.lifeline for one in lifelines}
        lanes = {name: count for name, count in whole.partitions.items() if name in played}
        begins_ms = min(one.feed.readings[0].time_ms for one in lifelines)
        self._lifelines = lifelines
        self._names = TopicNames(whole.settings.app)
        clock = JudgedTime(lifelines)
        options = WorkerOptions(
            DESK, lanes=(PARTITION,), embedded_broker=broker.embedded, clock=clock
        )
        played_by = replace(whole, partitions=lanes)
        self._service = DeskWorker(played_by, options, city_desk(folder, whole))
        self.console = DemoConsole(
            folder, played_by, lambda: max(clock.now_ms(), begins_ms), embedded=broker.embedded
        )
        topics = topics_of(played_by, check_crcs=not broker.embedded)
        self._history = Projector("history", self.console.history, topics)
        self._following: asyncio.Task[None] | None = None
        self._runs = False

    @property
    def topics(self) -> dict[str, int]:
        """What it tells, and in how many partitions."""
        return {self._names.incidents: 1, self._names.notices: 1}

    async def start(self) -> None:
        """Take the stage and wait until it runs."""
        await self._service.__aenter__()
        self._runs = True
        async with asyncio.timeout(READY_S):
            while not self._service.ready():  # noqa: ASYNC110 - lanes tell nobody
                await asyncio.sleep(POLL_S)
        self._following = asyncio.create_task(self._history.serve(), name="history")
        await self.console.start()

    async def settle(self, listener: AlarmListener) -> None:
        """Wait until every alarm is answered for and everything that was told is heard."""
        async with asyncio.timeout(DRAIN_S):
            while not self._taken():  # noqa: ASYNC110 - lanes tell nobody
                await asyncio.sleep(POLL_S)
            (status,) = self._status()
            await self.close()  # which tells what is left
            while not self._heard(status, listener):  # noqa: ASYNC110 - as above
                await asyncio.sleep(POLL_S)

    def _status(self) -> list[DeskStatus]:
        return [lane for lane in self._service.lanes() if isinstance(lane, DeskStatus)]

    def _taken(self) -> bool:
        told = sum(lane.revisions for one in self._lifelines for lane in one.service.lanes())
        return any(status.taken >= told for status in self._status())

    def _heard(self, status: DeskStatus, listener: AlarmListener) -> bool:
        heard = listener.heard
        incidents, notices = heard[self._names.incidents], heard[self._names.notices]
        return incidents >= status.incidents and notices >= status.notices

    async def close(self) -> None:
        """Let go of the stage."""
        if self._runs:
            self._runs = False
            await self.console.close()
            if self._following is not None:
                self._following.cancel()
                await asyncio.gather(self._following, return_exceptions=True)
            await self._service.__aexit__()
