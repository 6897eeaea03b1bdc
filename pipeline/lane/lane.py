"""A lane: one partition's readings and journal, in order, to outputs. Deterministic, no I/O.

Everything here is a function of (telemetry, journal): there is no clock and no randomness, and
the result does not depend on how the stream is cut into batches.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from heapq import merge
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.commands.recent import RecentCommands
from contracts.errors import Diverged, FatalError
from contracts.journal import (
    Accept,
    Change,
    Command,
    CommandBase,
    Disregard,
    Entry,
    Outage,
    Quarantine,
    Refuse,
    Shed,
    Shelve,
    StampLimit,
    Swap,
    Tick,
    Unshelve,
    Warm,
)
from contracts.lane import LaneName
from contracts.ports.lane_log import Message, OutputMark
from contracts.ports.lane_parts import Arrays, OffsetRange, Parts, Shown, Why
from contracts.quantities import NS_PER_S
from contracts.records import Records, fingerprint_of
from contracts.transition import Transitions, end_to_end
from pipeline.lane.accounting import Accounts
from pipeline.lane.dead_letters import (
    LetterSample,
    refused_command,
)
from pipeline.lane.judging import judging
from pipeline.lane.letters import Place, Work, message_letters, reading_letters
from pipeline.lane.offset_index import OffsetIndex
from pipeline.lane.outbox import Outbox
from pipeline.lane.row_join import join_rows
from pipeline.lane.shadow import ShadowLane, obey
from pipeline.lane.shelving import Shelving, hold_shelved, returned, shelve, show, show_life_safety
from pipeline.lane.watermark import believed, by_reading, lane_times
from runtime.failpoints import Point, passing

NOT_BEGUN: Final = -1
IDS: Final = "ids"
STATEFUL: Final = ("admission", "scorer", "silence")
SHADOW: Final = "shadow/"  # before the names of a shadow's arrays
# Outputs after which a step lets other lanes compute: some 50 ms of work.
OUTPUTS_A_TURN: Final = 500
MANY: Final = 16  # level changes for which to look their channels up together pays

# What a lane remembers: plain data, and columns by lane row.
State = tuple[dict[str, Any], Arrays]


def nothing_learned(name: str) -> Arrays:
    """Most lanes are never told to begin warm."""
    msg = f"expected what a replay learned under {name}, got no place to look; name --state"
    raise FatalError(msg)


class Lane:
    """State of one lane, and the way of a reading through it.

    Parameters
    ----------
    name : LaneName
    parts : Parts
        What the present configuration makes of this lane.
    parts_for : callable
        Parts from the hash of another configuration bundle, for swaps.
    learned_for : callable
        What a replay of history learned, from its hash.
    """

    def __init__(
        self,
        name: LaneName,
        parts: Parts,
        parts_for: Callable[[str], Parts],
        learned_for: Callable[[str], Arrays] = nothing_learned,
    ) -> None:
        self.name = name
        self.parts = parts
        self.parts_for = parts_for
        self.learned_for = learned_for
        self.position = 0  # next telemetry offset
        self.journal = 0  # next journal offset
        self.commands = 0  # next command offset
        self.last_offset = -1  # of the last record taken
        self._last: tuple[int, bytes | None] | str = ""  # and what it was like
        self.lane_time_s = NOT_BEGUN
        self.stamp_limit_s: int | None = None  # a clock by which stamps are judged, if any is
        self.accounts = Accounts()
        self.undecodable: Counter[str] = Counter()  # messages by reason; in no snapshot
        self.outbox = Outbox()
        self.index = OffsetIndex()
        self.shelving = Shelving()
        self.recent = RecentCommands()
        self.shadow: ShadowLane[Lane] | None = None  # the shadow, if one runs
        self.shadow_outbox = Outbox()  # what shadows told, of all of them
        self.before: list[str] = []  # bundles that promoted ones replaced; the first is deployed
        self.sheds = 0  # shadows that the lane let go of by itself
        self.relearned: dict[str, int] = {}  # channels by rule that the newest swap made forget
        self.relearning: dict[str, int] = {}  # the same of all swaps since the lane began
        self.letters = LetterSample()
        self.set_aside: dict[int, str] = {}  # records to come that are not judged, and why
        self.outputs_a_turn = OUTPUTS_A_TURN
        self._turn_began = 0  # outputs told when it did
        self._step_end = 0  # position behind the step at hand

    @property
    def last_fingerprint(self) -> str:
        """Fingerprint of the last record taken; made when asked for, as records may be large."""
        if not isinstance(self._last, str):
            self._last = fingerprint_of(*self._last)
        return self._last

    @last_fingerprint.setter
    def last_fingerprint(self, fingerprint: str) -> None:
        self._last = fingerprint

    def feed(self, records: Records) -> None:
        """Take records in offset order, firing every timer before the first record it precedes."""
        exhaust(self.feeding(records))

    def feeding(self, records: Records) -> Iterator[None]:
        """Take records in turns: yields whenever so much has been told that others may go first.

        Until it ends, the lane can neither take anything else nor be frozen.
        """
        self._step_end = records.next_offset
        if len(records):
            yield from self._feed(records)
        self.position = records.next_offset
        if self.shadow is not None:
            yield from self.shadow.feeding(self, self._readable(records))
        self.set_aside = {o: why for o, why in self.set_aside.items() if o >= self.position}

    def _readable(self, records: Records) -> Records:
        """The records, without the payloads of those that are set aside."""
        if not self.set_aside:
            return records
        places = np.flatnonzero(np.isin(records.offset, list(self.set_aside)))
        why = {int(i): self.set_aside[int(records.offset[i])] for i in places}
        return records.without(why) if why else records

    def _feed(self, records: Records) -> Iterator[None]:
        batch = self.parts.decoder.decode(self._readable(records))
        passing(Point.DECODE)
        stamp_ms = records.timestamp_ms
        if self.stamp_limit_s is not None:
            stamp_ms = believed(stamp_ms, self.stamp_limit_s, self.lane_time_s)
        by_record = lane_times(stamp_ms, self.lane_time_s)
        self.index.add(by_record, records.offset)
        stamp_ns, lane_time_s = by_reading(stamp_ms, by_record, batch.record)
        disposition = np.zeros(len(batch), np.uint8)
        work = Work(self.name, records, batch, stamp_ns, lane_time_s, disposition, by_record)
        first = 0
        if self.lane_time_s == NOT_BEGUN:
            yield from self._timers(int(by_record[0]))
        while first < len(records):
            last = self._next_timer(work, first)
            yield from self._score(work, first, last)
            if last < len(records):
                yield from self._timers(int(by_record[last]))
            first = last
        self.lane_time_s = int(by_record[-1])
        self._last = records.last()
        self.index.forget()
        passing(Point.SCORE)

    def _next_timer(self, work: Work, first: int) -> int:
        """Record before which a timer may be due, from `first` on.

        A bound that holds whatever comes is free. Where it lies within these records, a closer look
        at them pays: else few channels would have a cut for every few of their readings.
        """
        by_record, silence = work.by_record_s, self.parts.silence
        bound_s = self._bound_s(int(by_record[first]))
        last = max(first, int(np.searchsorted(by_record, bound_s)))
        if last == len(by_record):
            return last
        shelved = max(first, int(np.searchsorted(by_record, self.shelving.soonest_s)))
        span = work.span(first, shelved)
        if span[0] == span[1]:
            return last
        self._admit(work, span[1])
        bound_s = silence.bound_before_s(work.batch, work.disposition, work.lane_time_s, span)
        bound_s = min(bound_s, self.shelving.soonest_s)
        return max(last, int(np.searchsorted(by_record, bound_s)))

    def _admit(self, work: Work, end: int) -> None:
        """Admit readings up to but not including `end`."""
        if work.admitted < end:
            span = (work.admitted, end)
            self.parts.admission.admit(work.batch, work.stamp_ns, span, work.disposition)
            work.admitted = end

    def _score(self, work: Work, first: int, last: int) -> Iterator[None]:
        """Admit and score the readings of records `first` up to but not including `last`."""
        if first == last:
            return
        batch, parts, span = work.batch, self.parts, work.span(first, last)
        self._admit(work, span[1])
        scored = parts.scorer.score(batch, work.disposition, span)
        heard = parts.silence.hear(batch, work.disposition, work.lane_time_s, span)
        transitions = end_to_end([scored, heard])
        refused = [r for r in batch.refused if first <= r.record < last]
        self.accounts.book(work.disposition[span[0] : span[1]], len(refused))
        self.undecodable.update(message.reason for message in refused)
        outputs = (
            message_letters(work, refused, self.letters, self.set_aside),
            reading_letters(work, span, self.letters, parts),
            self._ring(work, transitions),
        )
        for _, message in merge(*outputs, key=itemgetter(0)):
            yield from self._emit(message)
        self.last_offset = int(work.records.offset[last - 1])

    def _emit(self, message: Message) -> Iterator[None]:
        """Tell something, and let others have a turn if it was enough for this one."""
        self.outbox.emit([message])
        if self.outbox.sequence - self._turn_began >= self.outputs_a_turn:
            if self.shadow is not None:
                self.shadow.listen(self)
            yield
            self._turn_began = self.outbox.sequence

    def _ring(self, work: Work, transitions: Transitions) -> Iterator[tuple[Place, Message]]:
        """Revisions of a span, in the order of their places."""
        order = np.lexsort((transitions["row"], transitions["rule"], transitions["ordinal"]))
        for transition in self._foreseen(transitions[order]):
            place, rule = int(transition["ordinal"]), int(transition["rule"])
            record = int(work.batch.record[place])
            offset = int(work.records.offset[record])
            moment_s = int(work.lane_time_s[place])
            offsets = self.index.reach(int(transition["onset_ns"]), moment_s, offset)
            where = (record, place, 1 + rule, int(transition["row"]))
            yield from ((where, told) for told in self._revision(transition, offsets))

    def _foreseen(self, transitions: Transitions) -> Iterator[np.void]:
        """Level changes one by one; where there are many the book looks their channels up before.

        Not all at once: a storm has hundreds of thousands.
        """
        for first in range(0, len(transitions), OUTPUTS_A_TURN):
            turn = transitions[first : first + OUTPUTS_A_TURN]
            if len(turn) >= MANY:
                self.parts.book.foresee(turn["row"])
            yield from turn

    def _revision(self, transition: np.void, offsets: OffsetRange) -> list[Message]:
        """Revision for one level change, and the end of a shelving that lasts until then.

        Those of shelved channels go on record too: a joint rule is moved by other channels.
        """
        ids, row = self.parts.catalogue.ids, int(transition["row"])
        shelved = len(self.shelving) > 0 and ids[row] in self.shelving
        # Not every change that is told by a row is of its channel's own alarms.
        may_return = shelved and self.shelving.once(ids[row]) and self.parts.book.rings(row)
        told = [self.parts.book.emit(transition, offsets, shelved=shelved)]
        if may_return:
            told += returned(self, row, int(transition["time_ns"]) // NS_PER_S)
        return told

    def _bound_s(self, lane_time_s: int) -> int:
        return min(self.parts.silence.bound_s(lane_time_s), self.shelving.soonest_s)

    def due(self, lane_time_s: int) -> bool:
        """Whether a tick to `lane_time_s` would fire a timer or begin the lane."""
        return self.lane_time_s == NOT_BEGUN or self._bound_s(self.lane_time_s) <= lane_time_s

    def _timers(self, lane_time_s: int) -> Iterator[None]:
        """Fire what is due before a record; what that raises is not the record's doing."""
        return judging(self._advance(lane_time_s), f"timers up to {lane_time_s}")

    def _advance(self, lane_time_s: int) -> Iterator[None]:
        """Move lane time forward, firing timers in (deadline, kind, channel) order.

        At the same second shelvings end first: their channels are waited for again from there.
        """
        if self.lane_time_s == NOT_BEGUN:
            if lane_time_s == NOT_BEGUN:
                return  # a record without a stamp: waits that it began would be over at once
            self.lane_time_s = lane_time_s
            self.parts.silence.begin(lane_time_s)
        while self.shelving.soonest_s <= lane_time_s:
            end_s = self.shelving.soonest_s
            yield from self._fire(end_s - 1)
            self.lane_time_s = max(self.lane_time_s, end_s)
            for channel in self.shelving.ended(end_s):
                show(self, channel, Shown(end_s, "time"))
        yield from self._fire(lane_time_s)
        self.lane_time_s = max(self.lane_time_s, lane_time_s)

    def _fire(self, lane_time_s: int) -> Iterator[None]:
        fired = self.parts.silence.fire(lane_time_s)
        if len(fired.quiet):  # a breach is never claimed over a gap
            self.parts.scorer.interrupt(fired.quiet)
        for transition in self._foreseen(fired.changes):
            moment_s = int(transition["time_ns"]) // NS_PER_S
            offsets = self.index.reach(int(transition["onset_ns"]), moment_s, self.last_offset)
            for message in self._revision(transition, offsets):
                yield from self._emit(message)

    def _know(self, change: Outage | StampLimit) -> None:
        """Take what the worker knows of the world: what was not heard, and what time it is."""
        if isinstance(change, StampLimit):
            self.stamp_limit_s = change.now_s
        elif self.lane_time_s != NOT_BEGUN:
            # Waits are longer, and no breach is claimed over the gap.
            rows = self.parts.silence.outage(self.lane_time_s, change.seconds)
            self.parts.scorer.interrupt(rows)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; the lane stands at its position."""
        exhaust(self.applying(entry))

    def applying(self, entry: Entry) -> Iterator[None]:
        """Let a journal entry take effect in turns, as `feeding` does."""
        if not self.last_offset < entry.at <= self.position:
            raise self._misplaced(entry)
        self._step_end = self.position
        governed = self.parts
        if isinstance(entry.change, Tick):
            yield from self._advance(max(entry.change.lane_time_s, self.lane_time_s))
        else:
            self._take_effect(entry.change, entry.command)
        if entry.command is not None:
            self.commands = entry.command
        if self.parts is not governed:
            show_life_safety(self)
        if self.shadow is not None:
            yield from self.shadow.following(self, entry)

    def _take_effect(self, change: Change, command: int | None) -> None:
        """Let an entry take effect that fires no timers."""
        if isinstance(change, Outage | StampLimit):
            self._know(change)
        elif isinstance(change, Swap):
            self.swap(self.parts_for(change.config))
            self.before = []
        elif isinstance(change, Warm):
            self._warm(self.learned_for(change.learned))
        elif isinstance(change, Refuse):
            offset = (command or 1) - 1
            self.outbox.emit([refused_command(self.name, change, offset)])
        elif isinstance(change, Quarantine):
            self.set_aside[change.offset] = change.detail
        elif not isinstance(change, Tick | Disregard):
            self._obey(change)

    def _misplaced(self, entry: Entry) -> Diverged:
        """A lane writes its entries in the order of their positions; another one did not."""
        return Diverged(
            f"{self.name}: expected a journal entry for a position from {self.last_offset + 1} to "
            f"{self.position}, got {type(entry.change).__name__} for {entry.at}; "
            "find out who else writes to the journal, then begin anew"
        )

    def _obey(self, command: Command | Shed) -> None:
        """Carry out an operator's command."""
        if isinstance(command, CommandBase) and command.expires:
            self.recent.add(command.id, command.at, command.expires)
        if isinstance(command, Shelve):
            shelve(self, command)
        elif isinstance(command, Accept):
            self._accept(command)
        elif isinstance(command, Unshelve):
            if self.shelving.take(command.channel):
                who = (command.by, command.role, command.reason)
                show(self, command.channel, Shown(self.lane_time_s, "command", *who))
        else:
            obey(self, command)

    def _warm(self, learned: Arrays) -> None:
        rows = join_rows(learned[IDS].astype(np.uint64), self.parts.catalogue.id_hashes)
        self.parts.scorer.warm(learned, rows)

    def _accept(self, command: Accept) -> None:
        row = self.parts.catalogue.row_of.get(command.channel)
        if row is not None:
            slots = self.parts.scorer.accept(row)
            why = Why(command.by, command.reason)
            time_ns = self.lane_time_s * NS_PER_S
            self.outbox.emit(self.parts.book.accept(row, time_ns, slots, why))
            self.outbox.emit(returned(self, row, self.lane_time_s))

    def swap(self, parts: Parts) -> None:
        """Let another configuration govern; state is joined by the hash of channel ids."""
        old, self.parts = self.parts, parts
        rows = join_rows(old.catalogue.id_hashes, parts.catalogue.id_hashes)
        for name in STATEFUL:
            getattr(parts, name).restore(getattr(old, name).arrays(), rows)
        hold_shelved(self)
        self._note_relearning()
        time_ns = max(self.lane_time_s, 0) * NS_PER_S
        self.outbox.emit(parts.book.restore(old.book.state(), time_ns))
        if self.lane_time_s != NOT_BEGUN:
            parts.silence.begin(self.lane_time_s)

    def _note_relearning(self) -> None:
        """Count the channels whose state began anew with the newest configuration, by rule."""
        self.relearned = self.parts.scorer.relearning()
        for rule, count in self.relearned.items():
            self.relearning[rule] = self.relearning.get(rule, 0) + count

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Columns by lane row of everything that it remembers; not copies."""
        arrays: dict[str, NDArray[Any]] = {IDS: self.parts.catalogue.id_hashes}
        for name in STATEFUL:
            arrays.update(getattr(self.parts, name).arrays())
        if self.shadow is not None:
            inner = self.shadow.lane.arrays()
            arrays.update({SHADOW + name: array for name, array in inner.items()})
        return arrays

    def header(self) -> dict[str, Any]:
        """Everything else that it remembers, as plain data of its own."""
        shadow = self.shadow
        return {
            "lane": str(self.name),
            "config": self.parts.config,
            "position": self.position,
            "journal": self.journal,
            "commands": self.commands,
            "last_offset": self.last_offset,
            "last_seal": self.last_fingerprint,
            "lane_time_s": self.lane_time_s,
            "stamp_limit_s": self.stamp_limit_s,
            "sequence": self.outbox.sequence,
            "digest": self.outbox.digest,
            "accounts": self.accounts.counts(),
            "index": self.index.state(),
            "shelf": self.shelving.state(),
            "shelf_orders": self.shelving.orders(),
            "recent": self.recent.state(),
            "book": self.parts.book.state(),
            "whispers": [self.shadow_outbox.sequence, self.shadow_outbox.digest],
            "before": list(self.before),
            "sheds": self.sheds,
            "relearning": dict(self.relearning),
            "letters": self.letters.state(),
            "set_aside": dict(self.set_aside),
            "understudy": shadow and {**shadow.state(), "lane": shadow.lane.header()},
        }

    @classmethod
    def restored(
        cls,
        name: LaneName,
        state: State,
        parts_for: Callable[[str], Parts],
        learned_for: Callable[[str], Arrays] = nothing_learned,
    ) -> "Lane":
        """The lane whose `header` and `arrays` these are; the arrays are copied.

        Raises
        ------
        FatalError
            When they are another lane's, or the accounts do not balance.
        """
        header, arrays = state
        if header["lane"] != str(name):
            got = f"{header['lane']!r}; check the state location"
            msg = f"snapshot: expected lane {name}, got {got}"
            raise FatalError(msg)
        parts = parts_for(header["config"])
        ids = arrays[IDS].astype(np.uint64)
        if header["config"] == parts.config and len(ids) == len(parts.catalogue):
            # The same bundle gives the same rows: their hashes need not be made again, one by one.
            parts.catalogue.id_hashes = ids
        lane = cls(name, parts, parts_for, learned_for)
        rows = join_rows(ids, parts.catalogue.id_hashes)
        for part in STATEFUL:
            getattr(parts, part).restore(arrays, rows)
        parts.book.restore(header["book"], 0)
        lane._take(header)
        hold_shelved(lane)
        lane._note_relearning()  # another release may give state another meaning
        lane._restore_shadow(header, arrays)
        if not lane.accounts.balanced():
            msg = f"snapshot of {name}: expected balanced accounts, got {header['accounts']}"
            raise FatalError(msg)
        return lane

    def _take(self, header: dict[str, Any]) -> None:
        for field in ("position", "journal", "commands", "last_offset", "lane_time_s"):
            setattr(self, field, header[field])
        self.last_fingerprint = header.get("last_seal", "")  # snapshots of 0.1 before it had none
        self.stamp_limit_s = header.get("stamp_limit_s")  # snapshots of before have none
        self.outbox = Outbox(header["sequence"], header["digest"])
        self.accounts = Accounts(header["accounts"])
        self.index = OffsetIndex(header["index"])
        # None of either before commands had ids.
        self.shelving = Shelving(header["shelf"], header.get("shelf_orders", ()))
        self.recent = RecentCommands(*header.get("recent", ()))
        self.relearning = dict(header.get("relearning", {}))  # none before it was counted
        self.letters = LetterSample(header.get("letters"))  # none before it was kept
        self.set_aside = {int(o): why for o, why in header.get("set_aside", {}).items()}
        self._turn_began = self.outbox.sequence

    def _restore_shadow(self, header: dict[str, Any], arrays: Arrays) -> None:
        """What a snapshot holds of shadows; those of releases without them hold nothing."""
        self.shadow_outbox = Outbox(*header.get("whispers", ()))
        self.before, self.sheds = list(header.get("before", ())), header.get("sheds", 0)
        state = header.get("understudy")
        if state is not None:
            cut = len(SHADOW)
            inner = {n[cut:]: a for n, a in arrays.items() if n.startswith(SHADOW)}
            shadow = Lane.restored(
                self.name, (state["lane"], inner), self.parts_for, self.learned_for
            )
            self.shadow = ShadowLane(shadow, state)
            self.outbox.heard = []

    def copy(self) -> "Lane":
        """Another lane with the same state, without the shadow, which shares nothing with it."""
        header = {**self.header(), "understudy": None}
        arrays = {n: a.copy() for n, a in self.arrays().items() if not n.startswith(SHADOW)}
        return Lane.restored(self.name, (header, arrays), self.parts_for, self.learned_for)

    def mark(self) -> OutputMark:
        """How much has been told, up to now; within a step, where a replay has repeated that.

        What a step told before it was interrupted is repeated once the whole step is.
        """
        behind = max(self.position, self._step_end), self.journal
        return OutputMark(*self.outbox.told, *behind, *self.shadow_outbox.told)


def exhaust(turns: Iterator[None]) -> None:
    """Take all turns of a step at once."""
    deque(turns, maxlen=0)
