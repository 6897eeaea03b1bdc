"""What a lane journals: ticks when it is quiet, commands, configuration swaps."""

import logging
from collections.abc import Awaitable, Callable, Iterator

from contracts.journal import Change, Entry, Outage, Shed, Swap, Tick, Warm
from pipeline.lane.lane import NOT_BEGUN, Lane
from pipeline.worker.authority import ANYONE, Authority
from pipeline.worker.command_judge import CommandJudge
from pipeline.worker.lane_context import LanePorts

log = logging.getLogger("tocsin.lane")


class JournalWriter:
    """New journal entries of one lane; each takes effect here and is written by the next flush.

    Entry and effect become visible in one transaction: neither is ever seen without the other.
    An entry is judged and takes effect on the lane's thread; while it does, nobody else may touch
    the lane. One whose effect fills several transactions is written by the first of them.

    Parameters
    ----------
    lane : Lane
    ports : LanePorts
    step : callable
        Carries out a step of the lane's, telling what fills a transaction.
    authority : Authority
        Who may give commands.
    """

    def __init__(
        self,
        lane: Lane,
        ports: LanePorts,
        step: Callable[[Iterator[None]], Awaitable[None]],
        authority: Authority = ANYONE,
    ) -> None:
        self._lane = lane
        self._ports = ports
        self._step = step
        self._authority = authority
        self._unwritten: list[Entry] = []

    def __len__(self) -> int:
        return len(self._unwritten)

    def take(self) -> list[Entry]:
        """Entries since the last flush."""
        entries, self._unwritten = self._unwritten, []
        return entries

    async def _enter(self, change: Change, command: int | None = None) -> None:
        entry = Entry(self._lane.position, change, command)
        self._unwritten.append(entry)
        await self._step(self._lane.applying(entry))

    async def swap(self, config: str) -> None:
        """Let another configuration govern from here on; the entry says what is learned anew."""
        entry = Entry(self._lane.position, Swap(config))
        await self._ports.compute(self._lane.apply, entry)
        found = self._lane.relearned
        if found:
            told = ", ".join(f"{rule} on {n} channels" for rule, n in found.items())
            log.warning("%s: learns anew under %s: %s", self._lane.name, config[:7], told)
        self._unwritten.append(Entry(entry.at, Swap(config, found)))

    async def warm(self, learned: str) -> None:
        """Let the lane begin with what a replay of history learned."""
        await self._enter(Warm(learned))

    async def outage(self, seconds: int) -> None:
        """Say that the brokers were away, before anything that came behind it is judged."""
        log.warning("%s: the brokers did not answer for %d s", self._lane.name, seconds)
        await self._enter(Outage(seconds))

    async def shed(self, reason: str) -> None:
        """Let go of the shadow."""
        await self._enter(Shed(reason))

    async def look(self, caught_up: Callable[[], Awaitable[bool]]) -> None:
        """Journal a tick if a timer is due on a quiet lane, then the commands that came.

        Parameters
        ----------
        caught_up : callable
            Whether the lane stands at an end of the log fetched after the call. Lag is not
            silence: while records wait, only their timestamps move lane time.
        """
        lane = self._lane
        now_ms = self._ports.clock.now_ms()
        now_s = now_ms // 1000
        commands = await self._ports.commands.fetch(lane.name.number, lane.commands)
        tick_wanted = now_s > lane.lane_time_s and (lane.due(now_s) or bool(commands))
        if tick_wanted and await caught_up():
            await self._enter(Tick(now_s))
        if lane.lane_time_s != NOT_BEGUN:
            judge = CommandJudge(lane, self._authority, now_ms).judge
            for behind, body in commands:
                await self._enter(await self._ports.compute(judge, body, behind - 1), behind)
