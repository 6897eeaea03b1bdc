"""What a lane journals: ticks when it is quiet, commands, configuration swaps."""

import logging
from collections.abc import Awaitable, Callable, Iterator

from contracts.errors import InputError
from contracts.journal import (
    BODY_KEPT,
    Change,
    Command,
    Entry,
    Outage,
    Quarantine,
    Refuse,
    Shed,
    StampLimit,
    Swap,
    Tick,
    Warm,
)
from pipeline.lane.dead_letters import NOT_JUDGED
from pipeline.lane.judging import judged, judging
from pipeline.lane.lane import NOT_BEGUN, Lane
from pipeline.lane.watermark import STAMP_AHEAD_S
from pipeline.worker.authority import ANYONE, Authority
from pipeline.worker.command_judge import CommandJudge
from pipeline.worker.lane_context import LanePorts
from pipeline.worker.suspects import Suspects

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
    suspects : Suspects
    authority : Authority
        Who may give commands.
    """

    def __init__(
        self,
        lane: Lane,
        ports: LanePorts,
        step: Callable[[Iterator[None]], Awaitable[None]],
        suspects: Suspects,
        authority: Authority = ANYONE,
    ) -> None:
        self._lane = lane
        self._ports = ports
        self._step = step
        self._suspects = suspects
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
        kind = type(change).__name__.lower()
        try:
            await self._step(judging(self._lane.applying(entry), f"a {kind} at {entry.at}"))
        except InputError as error:
            error.command = command
            raise

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

    async def judge_stamps(self, newest_ms: int) -> None:
        """Journal what time it is before a record from the far future would move lane time.

        Parameters
        ----------
        newest_ms : int
            Newest stamp of the records that come next.
        """
        limit_s, now_s = self._lane.stamp_limit_s, self._ports.clock.now_ms() // 1000
        by_s = now_s if limit_s is None else limit_s
        if newest_ms <= (by_s + STAMP_AHEAD_S) * 1000 or now_s == limit_s:
            return
        if limit_s is None:
            ahead_s = newest_ms // 1000 - now_s
            log.warning("%s: a record is stamped %d s ahead", self._lane.name, ahead_s)
        await self._enter(StampLimit(now_s))

    async def shed(self, reason: str) -> None:
        """Let go of the shadow."""
        await self._enter(Shed(reason))

    async def quarantine(self, offset: int, detail: str) -> None:
        """Let the record at an offset be passed over when it comes."""
        await self._enter(Quarantine(offset, detail))

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
                await self._enter(
                    await self._ports.compute(self._judge, judge, body, behind), behind
                )

    def _judge(
        self, judge: Callable[[bytes, int], Command | Refuse], body: bytes, behind: int
    ) -> Command | Refuse:
        """The command in a record, or why it cannot be carried out."""
        kept = body[:BODY_KEPT].decode(errors="replace")
        if behind in self._suspects.commands:
            return Refuse(NOT_JUDGED, self._suspects.why, kept)
        try:
            return judged(lambda: judge(body, behind - 1), f"the command {behind - 1}")
        except InputError as error:
            return Refuse(NOT_JUDGED, error.detail, kept)
