"""The desk stage as a lane: a desk, what it has told, how far it has taken what. No I/O.

Everything here is a function of (alarm partitions, journal): there is no clock and no randomness.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from contracts.alarm import decode_alarm, decode_shelving
from contracts.bounded_text import bounded
from contracts.dead_letter import PAYLOAD_KEPT, DeadLetter
from contracts.desk.journal import LANE, DeskEntry, DeskSwap, DeskTick, SetAside, Took
from contracts.errors import DETAIL_BYTES, FatalError, InputError
from contracts.journal import Refuse
from contracts.lane import LaneName
from contracts.ports.alarm_source import AlarmRecord
from contracts.ports.desk import Desk, Pieces, SlicedCopy
from contracts.ports.lane_log import Message, OutputMark
from contracts.topics import TopicNames
from pipeline.lane.dead_letters import NOT_JUDGED, LetterSample, alarm_letter, refused_command
from pipeline.lane.judging import OF_THE_WORLD, judging
from pipeline.lane.outbox import Outbox
from pipeline.snapshot.plain_state import decoded, encoded
from pipeline.snapshot.store import Snapshot
from runtime import collector

OUTPUTS_A_TURN: Final = 500  # as lanes of readings: others may compute in between
# Of alarms, or of as much work as one makes: each takes a millisecond or more, and while they are
# judged the clients of the broker hardly get to answer it.
PIECES_A_TURN: Final = 20
RECORDS_A_SLICE: Final = 500  # of a snapshot's copy, some µs each: answers wait for no more
BAD_ALARM: Final = "bad_alarm"  # reason of a record that is no alarm of this release
DeskFor = Callable[[str], Desk]


def desk_name(topics: TopicNames) -> LaneName:
    """The name under which the desk stage owns, writes and recovers.

    >>> str(desk_name(TopicNames())) == LANE
    True
    """
    lifeline, _, number = LANE.rpartition("-")
    return LaneName(lifeline, int(number), "", topics.commands(lifeline))


class FrozenDesk:
    """A snapshot that is made a slice at a time, while the stage goes on.

    Parameters
    ----------
    header : dict
    copying : SlicedCopy
        Of the desk, begun when the header was made.
    """

    def __init__(self, header: dict[str, Any], copying: SlicedCopy) -> None:
        self._header, self._copying = header, copying

    def more(self) -> bool:
        """Copy another slice; whether there was one."""
        return self._copying.slice(RECORDS_A_SLICE) > 0

    def __call__(self) -> Snapshot:
        """The snapshot, once no slice is left; takes long, and nobody waits for it."""
        return Snapshot(self._header, {"desk": encoded(self._copying.state())})


class DeskLane:
    """The desk stage's state.

    Parameters
    ----------
    topics : TopicNames
    desk_for : callable
        A new desk under the configuration with a hash.
    desk : Desk
        The one that is at work.

    Attributes
    ----------
    positions : dict of str to int
        By lane whose alarms it takes, the next offset.
    position : int
        Alarm records taken in all.
    commands, journal : int
        Next offset of its commands and of its journal.
    set_aside : dict of (str, int) to str
        Alarm records, by lane and offset, that are yet to come and are not judged, and why.
    """

    def __init__(self, topics: TopicNames, desk_for: DeskFor, desk: Desk) -> None:
        self.name = desk_name(topics)
        self.desk = desk
        self.outbox = Outbox()
        self.positions: dict[str, int] = {}
        self.position = 0
        self.commands = 0
        self.journal = 0
        self.set_aside: dict[tuple[str, int], str] = {}
        self.outputs_a_turn = OUTPUTS_A_TURN
        self._topics = topics
        self._desk_for = desk_for
        self._letters = LetterSample()
        self._turn_began = self._pieces = 0

    @classmethod
    def restored(cls, topics: TopicNames, desk_for: DeskFor, snapshot: Snapshot) -> "DeskLane":
        """The stage as it was when a snapshot was made.

        Raises
        ------
        FatalError
            When the snapshot is another lane's.
        """
        header = snapshot.header
        if header["lane"] != LANE:
            msg = f"{LANE}: expected its own snapshot, got one of {header['lane']}"
            raise FatalError(msg)
        lane = cls(topics, desk_for, desk_for(header["config"]))
        # What comes of that was told when the state was new.
        with collector.resting():
            lane.desk.restore(decoded(snapshot.arrays["desk"]))
            collector.let_age()  # before a look at the young walks it
        lane.outbox = Outbox(header["sequence"], header["digest"])
        lane.positions = dict(header["positions"])
        lane.position, lane.commands = header["position"], header["commands"]
        lane.journal = header["journal"]
        lane.set_aside = {(name, offset): why for name, offset, why in header["set_aside"]}
        lane._letters = LetterSample(header["letters"])
        return lane

    def freeze(self) -> "FrozenDesk":
        """A copy of what it remembers now has begun; it may go on between slices of it."""
        header = {
            "lane": LANE,
            "config": self.desk.config,
            "position": self.position,
            "positions": dict(self.positions),
            "commands": self.commands,
            "journal": self.journal,
            "sequence": self.outbox.sequence,
            "digest": self.outbox.digest,
            "set_aside": [[*place, why] for place, why in self.set_aside.items()],
            "letters": self._letters.state(),
        }
        with collector.resting():
            return FrozenDesk(header, self.desk.copying())

    def mark(self) -> OutputMark:
        """How much has been told, up to now; within a step, where a replay has repeated that."""
        return OutputMark(*self.outbox.told, self.position, self.journal)

    def foretell(self, entries: Iterable[DeskEntry]) -> None:
        """Heed the records that a journal sets aside before any entry of it is repeated."""
        for entry in entries:
            if isinstance(entry.change, SetAside):
                self._set_aside(entry.change)

    def applying(self, entry: DeskEntry, records: Sequence[AlarmRecord] = ()) -> Iterator[None]:
        """Let a journal entry take effect, in turns of some hundred outputs.

        Parameters
        ----------
        entry : DeskEntry
        records : sequence of AlarmRecord
            What an entry that takes alarms names.

        Raises
        ------
        InputError
            When an alarm or the entry cannot be judged; the lane is worthless then.
        """
        self._turn_began, self._pieces = self.outbox.sequence, 0
        if isinstance(entry.change, Took):
            yield from self._take(entry.change, records)
        else:
            what = f"a {type(entry.change).__name__.lower()} of {LANE}"
            try:
                yield from judging(self._telling(self._effect(entry)), what)
            except InputError as error:
                error.command = entry.command
                raise
            yield
        if entry.command is not None:
            self.commands = entry.command

    def _take(self, took: Took, records: Sequence[AlarmRecord]) -> Iterator[None]:
        for record in records:
            if record.kind == "shelving" and not took.shelvings:
                continue
            yield from self._telling(self._judge(record))
            self.position += 1
        for lane, (_, behind) in took.slices.items():
            self.positions[lane] = behind
        yield

    def _telling(self, pieces: Pieces) -> Iterator[None]:
        """Tell the pieces of one input together, and let others have turns while they are made.

        Nothing is told of an input that raises before its last piece: it may be set aside yet.
        """
        told: list[Message] = []
        for piece in pieces:
            told += piece
            self._pieces += 1
            if self._pieces >= PIECES_A_TURN:
                yield
                self._pieces = 0
        self.outbox.emit(told)
        if self.outbox.sequence - self._turn_began >= self.outputs_a_turn:
            yield
            self._turn_began, self._pieces = self.outbox.sequence, 0

    def _judge(self, record: AlarmRecord) -> Pieces:
        why = self.set_aside.pop((record.lane, record.offset), None)
        if why is not None:
            yield self._letter(record, NOT_JUDGED, why)
            return
        try:
            taking = self._taking(record)
        except (ValueError, RecursionError) as error:  # text that is no UTF-8 is the former
            why = f"expected an alarm of this release, got {error}; find out who wrote it"
            yield self._letter(record, BAD_ALARM, bounded(why, DETAIL_BYTES))
            return
        try:
            yield from taking
        except OF_THE_WORLD:
            raise
        except Exception as error:  # whatever the alarm made happen
            what = f"the alarm at {record.lane}@{record.offset}"
            # What an earlier build judged is not passed over: other outputs would follow.
            records = 0 if self.outbox.repeats else 1
            raised = InputError(what, error, (record.offset, record.offset), records)
            raised.lane = record.lane
            raise raised from error

    def _taking(self, record: AlarmRecord) -> Pieces:
        """What comes of a record; it is known to be good before anything takes effect."""
        if record.kind == "shelving":
            return map(self.desk.shelved, [decode_shelving(record.body)])
        return self.desk.taking(decode_alarm(record.body))

    def _letter(self, record: AlarmRecord, reason: str, why: str) -> list[Message]:
        """Its dead letter, if it gets one: of very many with one reason, some do."""
        untold = self._letters.judge(reason, self.desk.time_s)
        if untold is None:
            return []
        lifeline, _, number = record.lane.rpartition("-")
        letter = DeadLetter(
            lane=LANE,
            reason=reason,
            detail=why,
            topic=self._topics.alarms(lifeline),
            partition=int(number),
            offset=record.offset,
            payload=record.body[:PAYLOAD_KEPT].decode(errors="replace"),
            stamp_ms=record.stamp_ms,
        )
        return [alarm_letter(self.name, letter, untold)]

    def _effect(self, entry: DeskEntry) -> Pieces:
        """What comes of an entry that takes no alarms."""
        change = entry.change
        if isinstance(change, DeskTick):
            yield from self.desk.advancing(change.time_s, late=change.late)
        elif isinstance(change, SetAside):
            yield self._set_aside(change)
        elif isinstance(change, DeskSwap):
            yield self._swap(change.config)
        elif isinstance(change, Refuse):
            yield [refused_command(self.name, change, (entry.command or 0) - 1)]
        else:
            assert not isinstance(change, Took), "taken record by record"
            yield from self.desk.obeying(change)

    def _set_aside(self, change: SetAside) -> list[Message]:
        if change.offset >= self.positions.get(change.lane, 0):  # else it has passed already
            self.set_aside[change.lane, change.offset] = change.detail
        return []

    def _swap(self, config: str) -> list[Message]:
        new = self._desk_for(config)
        told = new.restore(self.desk.state())
        self.desk = new
        return told
