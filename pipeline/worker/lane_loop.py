"""One life of a lane between two recoveries: replay what was told, then run, then drain."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np

from contracts.errors import SetAside
from contracts.journal import Disregard, Entry
from contracts.ports.lane_log import LaneLog, Manifest, Message, OutputMark, Past
from contracts.ports.tracing import UNTRACED, BatchSpan
from contracts.records import Records
from pipeline.lane import journal_merge
from pipeline.lane.accounting import hearing_of
from pipeline.lane.canary import KIND as CANARY
from pipeline.lane.canary import canary_alarms
from pipeline.lane.journal_merge import Entries
from pipeline.lane.lane import Lane
from pipeline.lane.outbox import Outbox
from pipeline.snapshot.lane_state import freeze
from pipeline.worker.hidden_records import HiddenRecords
from pipeline.worker.journal_writer import JournalWriter
from pipeline.worker.lane_context import LaneContext, LaneMemory
from pipeline.worker.loop_steps import carry_out, fetch_ahead
from pipeline.worker.shadow_commands import settled
from pipeline.worker.snapshot_writer import SnapshotWork, SnapshotWriter
from runtime.overload import Overload

log = logging.getLogger("tocsin.lane")

# Most bytes that a lane judges before others have a turn, unless one record has more: 120,000 of
# the shortest readings in JSON.
JUDGED_BYTES: Final = 4 << 20
FETCHED_AHEAD: Final = 2  # polls between client and lane; the client's own buffer comes before it
LISTEN_S: Final = 30.0  # two scrapes; of 35 million channels a count takes a third of a second
CALM_S: Final = 5.0  # a lane that waits for records so long has got over what made it recover
DISREGARDED: Final = 1_000  # entries of a forger's at once, a megabyte
_NOTHING: Final = np.empty(0, np.int64)


class LaneLoop:
    """A lane at work.

    Parameters
    ----------
    context : LaneContext
    lane : Lane
        As the snapshot left it.
    log : LaneLog
        Fenced already.
    past : Past
        What the log held.
    memory : LaneMemory
    """

    _span: BatchSpan = UNTRACED  # of the records at hand
    _copied_at_s = -math.inf  # when its numbers were last copied

    def __init__(
        self,
        context: LaneContext,
        lane: Lane,
        log: LaneLog,
        past: Past,
        memory: LaneMemory,
    ) -> None:
        self._context = context
        self._ports = context.ports
        self._lane = lane
        self._log = log
        self._past = past
        self._entries: Entries = journal_merge.in_force(past.journal)
        self._suspects = memory.suspects
        self._memory, self._status = memory, memory.status
        self._changes = JournalWriter(
            lane, context.ports, self._step, memory.suspects, context.authority
        )
        lane.outputs_a_turn = min(lane.outputs_a_turn, context.transaction.outputs)
        self._fetched: asyncio.Queue[Records | Exception] = asyncio.Queue(FETCHED_AHEAD)
        self._status.fetched = 0
        work = SnapshotWork(
            lane.name,
            context.ports,
            context.snapshots,
            context.pace,
            partial(freeze, lane),
            lambda: lane.accounts.received,
            self._commit,
        )
        self._snapshot_writer = SnapshotWriter(work, log, self._status)
        self._overload = Overload(context.pace.shed_s)
        self._contact = context.contacts.of(lane.name.number)
        self._hidden = HiddenRecords(lane.name, self._contact, context.stopped_alarm)
        self._rest: Records | None = None  # fetched together with what is repeated
        self._passed = False  # the world's knowledge
        self._canary_at_s, self._listened_at_s = time.monotonic(), -math.inf  # when last done
        self._untold = (0, 0)  # records whose outputs are not committed, and their oldest stamp
        self.alarms_end = past.alarms_end

    async def pump(self) -> None:
        """Fetch ahead into the bounded queue; a failed fetch travels through it too."""
        await fetch_ahead(self._fetch, self._fetched, self._count_fetched)

    async def _fetch(self) -> Records | None:
        number, telemetry, contact = self._lane.name.number, self._ports.telemetry, self._contact
        contact.ask()
        self._status.unasked_at_s = None
        records = await telemetry.fetch(number, 1.0)
        contact.hear(telemetry.view(number))
        self._note_contact()
        return records

    def _count_fetched(self) -> None:
        self._status.fetched += 1
        self._status.unasked_at_s = time.monotonic()

    def _note_contact(self) -> None:
        """Copy what is known of the brokers to where probes and Prometheus read it."""
        status, contact = self._status, self._contact
        status.answered_at_s, status.hidden_at_s = contact.answered_at_s, contact.telemetry.since_s
        status.end = max(contact.end, -1)

    def _note_commands(self) -> None:
        """Take what is known of the commands that came or are hidden."""
        hidden = self._contact.commands
        hidden.hear(self._ports.commands.view(self._lane.name.number))
        self._status.commands_hidden_at_s = hidden.since_s

    async def _next(self) -> Records | None:
        """Records that were fetched, None when none came within the look."""
        rest, self._rest = self._rest, None
        if rest is not None:
            return rest
        try:
            async with asyncio.timeout(self._context.pace.look_s):
                records = await self._fetched.get()
        except TimeoutError:
            self._status.hungry_s += self._context.pace.look_s
            self._overload.note(waiting=False)
            return None
        self._status.hungry_s = 0.0
        self._status.fetched -= 1
        if isinstance(records, Exception):
            raise records
        return records

    async def _take(self, until: int | None = None) -> bool:
        """Take the next records into the lane, if they lie before `until`; False when none did."""
        if until is not None and self._lane.position >= until:
            return False
        records = await self._next()
        if records is None:
            return False
        outage_at = await self._heed_outages()
        ends = [end for end in (until, outage_at) if end is not None]
        cut = int(np.searchsorted(records.offset, min(ends))) if ends else len(records)
        if cut < len(records):
            records, self._rest = records.cut(0, cut), records.cut(cut, len(records))
        if self._passed and len(records):
            await self._changes.judge_stamps(int(records.timestamp_ms.max()))
            self._untold = len(records), int(records.timestamp_ms.min())
            first = int(records.offset[0])
            self._span = self._context.tracer.micro_batch(self._lane.name, first, len(records))
        began = time.perf_counter()
        self._lane.parts.scorer.time_by(time.perf_counter)  # others behind a swap
        await self._feed(records)
        if len(records):
            # A stamp that lane time did not follow would say that nothing waits until it has come.
            behind_ms = (self._lane.lane_time_s + 1) * 1_000 - 1
            self._status.taken_ms = min(int(records.timestamp_ms[-1]), behind_ms)
        self._status.score_seconds += time.perf_counter() - began
        self._overload.note(waiting=self._rest is not None or not self._fetched.empty())
        return True

    async def _heed_outages(self) -> int | None:
        """Journal outages between what came before and behind them; offset of the next place."""
        contact, lane = self._contact, self._lane
        while self._passed and (outage := contact.outage(lane.position)) is not None:
            if outage.at > lane.position:
                return outage.at
            await self._changes.outage(outage.seconds)
            contact.take()
        return None

    async def _feed(self, records: Records) -> None:
        for part in records.pieces(JUDGED_BYTES):
            for piece in self._suspects.cut(part):
                await self._set_aside(piece)
                await self._step(journal_merge.feeding(self._lane, piece, self._entries))

    async def _set_aside(self, records: Records) -> None:
        """Pass over the record that comes next, if it cannot be judged: said before it is done.

        Never while the lane repeats what it told behind that record: it had judged it then.
        """
        offset = self._suspects.convicted
        if offset is None or not len(records) or int(records.offset[0]) != offset:
            return
        lane = self._lane
        if offset in lane.set_aside or self._entries or lane.outbox.repeats:
            return
        error = SetAside(str(lane.name), offset, self._suspects.why)
        log.error("%s; the lane goes on behind it", error)
        await self._ring_aside(error)
        await self._changes.quarantine(offset, self._suspects.why)
        await self.flush()

    async def _disregard(self, mark: OutputMark | None) -> None:
        """Pass over a journal entry that could not take effect twice: said before it is done.

        Nothing is told beside it, so what is known to be told stays as it is.
        """
        first, why = self._suspects.entry, self._suspects.why
        offsets = journal_merge.of_one_fate(self._entries, -1 if first is None else first)
        if not offsets:
            return
        lane = self._lane
        error = SetAside(str(lane.name), offsets[0], why, entry=True)
        log.error("%s, and %d more; find out who writes to it", error, len(offsets) - 1)
        await self._ring_aside(error)
        new = [Entry(lane.position, Disregard(offset, why)) for offset in offsets[:DISREGARDED]]
        _, self.alarms_end = await self._log.flush(new, [], mark or lane.mark())
        passed = {entry.change.entry for entry in new if isinstance(entry.change, Disregard)}
        self._entries = deque(one for one in self._entries if one[0] not in passed)

    async def _ring_aside(self, error: SetAside) -> None:
        """Tell what is passed over, once."""
        alarm = self._context.stopped_alarm(self._lane.name, error, self._ports.clock.now_ms())
        manifest = self._past.manifest
        since = manifest.alarms if manifest is not None else None
        self._status.revisions += await self._log.emit(alarm, since)
        self._status.set_aside += 1

    async def _step(self, turns: Iterator[None]) -> None:
        """Carry out one step of the lane's, however much it has to tell."""
        lane = self._lane
        await carry_out(turns, self._ports, lane.outbox, str(lane.name), self)

    def full(self) -> bool:
        """Whether a transaction's worth of entries or outputs waits."""
        lane, bound = self._lane, self._context.transaction
        entries = len(self._changes) >= bound.outputs
        return entries or lane.outbox.fills(bound) or lane.shadow_outbox.fills(bound)

    async def replay(self, mark: OutputMark | None, stopping: asyncio.Event) -> None:
        """Repeat what has been told, until the world's knowledge is passed.

        Nothing new is journalled here: it would rewrite what was already told.
        """
        self._status.phase = "replaying"
        lane = self._lane
        await self._disregard(mark)
        if mark is not None:
            told = (mark.shadow_sequence, mark.shadow_digest)
            lane.shadow_outbox.known = OutputMark(*told, mark.telemetry, mark.journal)
        until = max([mark.telemetry if mark else 0, *(entry.at for _, entry in self._entries)])
        while self._entries or lane.position < until:
            if not await self._take(until) and journal_merge.due(lane, self._entries):
                await self._feed(nothing_at(lane.position))
            self._say_what_is_waited_for(until)
            if stopping.is_set():
                return
            self._observe()
        if lane.outbox.strayed:
            raise lane.outbox.divergence(str(lane.name))
        self._passed = True
        if _newborn(lane, mark) and (learned := await self._context.snapshots.warm(lane.name)):
            await self._changes.warm(learned)
        await self._heed_shadow()
        if await self._heed_deployment():
            await self.snapshot()

    def _say_what_is_waited_for(self, until: int) -> None:
        """Say why a replay does not end: a log has lost its end, or somebody else wrote an entry.

        A broker that leads since a moment ago may name an end before the true one, so it waits.
        """
        end, name = self._contact.end, self._lane.name
        if self._lane.position >= end >= 0 and end < until:
            self._status.trouble = (
                f"{name}: expected telemetry up to offset {until}, of which its own records tell, "
                f"got a log that ends at {end}; see docs/standing.md"
            )

    async def _heed_deployment(self) -> bool:
        """Swap to the configuration that this worker runs; whether that was another one."""
        wanted = self._context.deployed.config
        if settled(self._lane, wanted):
            return False
        await self._changes.swap(wanted)
        return True

    async def _heed_shadow(self) -> None:
        """A shadow that repeats something else than it told is let go of; the lane goes on."""
        lane, known = self._lane, self._lane.shadow_outbox.known
        if known is not None and lane.shadow_outbox.strayed:
            log.error("%s: the shadow repeats something else than it told", lane.name)
            lane.shadow_outbox = Outbox(known.sequence, known.digest)
            await self._shed("diverged")

    async def _shed(self, reason: str) -> None:
        if reason and self._lane.shadow is not None:
            log.warning("%s: lets go of its shadow: %s", self._lane.name, reason)
            await self._changes.shed(reason)

    def _too_much(self) -> str:
        """Why the shadow must go now, empty when it may stay."""
        shadow = self._lane.shadow
        trouble = shadow.trouble if shadow is not None else ""
        return trouble or ("overload" if self._overload.too_much else "")

    async def run(self, stopping: asyncio.Event) -> None:
        """Take records, tell outputs, journal changes, until stopped; then drain.

        A lane stopped while it repeats leaves no snapshot: its manifest would hide the marks from
        the next recovery, which would tell the world everything between the two again.
        """
        self._status.phase = "running"
        self._status.trouble = ""
        self._status.canaries_missed = 0
        while not stopping.is_set():
            await self._take()
            await self._heed_outages()
            await self._shed(self._too_much())
            await self._changes.look(self._caught_up)
            self._note_commands()
            await self._heed_deployment()
            await self.flush(await self._canary_alarms())
            self._note_latency()
            await self._listen()
            if self._snapshot_writer.due():
                await self._snapshot_writer.begin(self.alarms_end)
            elif self._snapshot_writer.written():
                await self._snapshot_writer.finish()
            self._observe()
        self._copy()
        self._status.phase = "stopping"
        if self._passed:
            await self.snapshot()

    def _note_latency(self) -> None:
        """Count the records whose outputs, if they had any, are committed now.

        All with the oldest of them: no work for each, and never better than it was.
        """
        count, oldest_ms = self._untold
        if count:
            self._untold = (0, 0)
            self._status.latency.add(count, (self._ports.clock.now_ms() - oldest_ms) / 1000)
            if self._span is not UNTRACED:
                self._span.end()
                self._span = UNTRACED

    async def _listen(self) -> None:
        """Count every now and then how channels are heard, which looks at all of them."""
        if time.monotonic() - self._listened_at_s >= LISTEN_S:
            self._listened_at_s = time.monotonic()
            self._status.hearing = await self._ports.compute(hearing_of, self._lane.parts)

    async def _canary_alarms(self) -> list[Message]:
        """What the canary told if it was due, whether readings come or not."""
        if time.monotonic() - self._canary_at_s < self._context.pace.canary_s:
            return []
        self._canary_at_s = time.monotonic()
        self._status.canaries_missed += 1  # until it is told
        self._status.canaries.judged += 1
        lane, now_s = self._lane, self._ports.clock.now_ms() // 1000
        return await self._ports.compute(canary_alarms, lane.name, lane.parts, now_s)

    async def flush(self, uncounted: Sequence[Message] = ()) -> None:
        """Tell the world what happened since the last flush, if anything did.

        Parameters
        ----------
        uncounted : sequence of Message, optional
            What is told beside the lane's own outputs: a replay does not tell it again.
        """
        lane = self._lane
        notices = [*self._hidden.tell(self._ports.clock.now_ms()), *uncounted]
        while notices or len(self._changes) or len(lane.outbox) or len(lane.shadow_outbox):
            await self.tell(notices)
            notices = []

    async def tell(self, notices: Sequence[Message] = ()) -> None:
        """Tell as much as one transaction holds, with a mark that says how far that is."""
        lane, bound = self._lane, self._context.transaction
        entries = self._changes.take()
        messages = [*self._traced(lane.outbox.take(bound)), *notices]
        shadow_outbox = lane.shadow_outbox.take(bound)
        began = time.perf_counter()
        lane.journal, self.alarms_end = await self._log.flush(
            entries, messages + shadow_outbox, lane.mark()
        )
        self._contact.written()
        self._hidden.told()
        status = self._status
        status.flushes += 1
        status.flushed_ms = self._ports.clock.now_ms()
        status.flush_seconds += time.perf_counter() - began
        revisions = sum(message.kind == "alarm" for message in messages)
        status.revisions += revisions
        if any(message.kind == CANARY for message in messages):
            status.canaries_missed = 0
            status.canaries.told += 1
        status.shadow_outbox += len(shadow_outbox)
        status.dead_letters += sum(message.kind == "dead_letter" for message in messages)
        status.shelvings += sum(message.kind == "shelving" for message in messages)

    def _traced(self, messages: list[Message]) -> list[Message]:
        """Outputs, of which alarms name the span of the micro-batch that they come of."""
        parent = self._span.traceparent
        if not parent:
            return messages
        return [m._replace(traceparent=parent) if m.kind == "alarm" else m for m in messages]

    async def _caught_up(self) -> bool:
        """Whether nothing waits for the lane, here or at an end of the log fetched just now.

        What brokers that are away hold back waits too, and so does what an open transaction hides.
        """
        if not self._fetched.empty() or self._rest is not None:
            return False
        end = await self._ports.telemetry.end_offset(self._lane.name.number)
        self._status.end = max(end, self._contact.end)
        return self._contact.in_touch and self._lane.position >= self._status.end

    async def snapshot(self) -> None:
        """A snapshot of now, all the way to its manifest, while the lane waits."""
        await self._snapshot_writer.finish()
        await self.flush()
        await self._snapshot_writer.begin(self.alarms_end)
        await self._snapshot_writer.finish()

    async def _commit(self, manifest: Manifest) -> None:
        await self._ports.telemetry.commit(self._lane.name.number, manifest.telemetry)

    async def close(self) -> None:
        """Let go of what was fetched, and of a snapshot that is on its way to its file."""
        self._status.fetched, self._status.unasked_at_s = 0, None
        self._contact.leave()
        self._span.fail("the lane came to an end before it had told what it found")
        await self._snapshot_writer.close()

    def _observe(self) -> None:
        """Note where the lane stands; to copy all its numbers behind each batch costs too much."""
        memory, now_s = self._memory, time.monotonic()
        memory.position = position = self._lane.position
        if position > memory.furthest or self._status.hungry_s >= CALM_S:
            self._status.in_vain = 0
        if now_s - self._copied_at_s >= self._context.pace.copy_s:
            self._copied_at_s = now_s
            self._copy()

    def _copy(self) -> None:
        """Copy what the lane says of itself to where Prometheus reads it, all of one moment."""
        status, lane = self._status, self._lane
        status.accounts = lane.accounts.counts()
        status.position = lane.position
        if lane.position >= status.end >= 0:
            status.caught_up_at_s = time.monotonic()
        status.config = lane.parts.config
        status.lane_time_s = lane.lane_time_s
        status.open_alarms = lane.parts.book.colours()
        status.shelved = len(lane.shelving)
        status.sheds = lane.sheds
        status.relearning = dict(lane.relearning)
        status.undecodable = dict(lane.undecodable)
        status.kind_seconds = lane.parts.scorer.seconds()
        status.shadow = lane.shadow.status() if lane.shadow is not None else None


def _newborn(lane: Lane, mark: OutputMark | None) -> bool:
    """Whether the lane has taken and told nothing in all its lives."""
    return mark is None and lane.journal == 0 and lane.last_offset < 0


def nothing_at(position: int) -> Records:
    """No records, at a position."""
    return Records(_NOTHING, _NOTHING, _NOTHING, _NOTHING, b"", position)
