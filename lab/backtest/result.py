"""What the lanes of a backtest told, and what one configuration made of files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from configuration.configuration import Configuration
from contracts.alarm import Alarm, decode_alarm
from contracts.dead_letter import DeadLetter
from lab.backtest.column_decoder import Points, Window
from lab.data.refusals import Refusals, Refused

# What every alarm of a rule on a channel has in common, mostly: kept once, it is most of 3 KB.
SHARED: Final = (
    "lifeline",
    "channel",
    "group",
    "unit",
    "where",
    "criticality",
    "cause",
    "consequence",
    "respond",
    "rule",
)


@dataclass
class BacktestResult:
    """What one configuration made of files.

    Parameters
    ----------
    configuration : Configuration
        Without the channels that the files have no readings for.
    alarms : list of Alarm
        Revisions by `detected`, without their evidence: offsets of files mean nothing.
    accounting : dict of str to int
    unknown_ids : int
        Readings of channels that the catalogue lacks.
    spans : dict of str to (int, int, int)
        By channel: readings, first and newest event time in ns.
    refusals : Refusals
        Readings that left as dead letters.
    notes : list of str
        What a person should know of the readings, beside what `Data` says of those read here.
    """

    configuration: Configuration
    alarms: list[Alarm] = field(default_factory=list)
    accounting: dict[str, int] = field(default_factory=dict)
    unknown_ids: int = 0
    spans: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)
    notes: list[str] = field(default_factory=list)


class Sum(msgspec.Struct, frozen=True):
    """What some lanes say at their end.

    Parameters
    ----------
    accounting, strangers, spans
        See `BacktestResult`.
    points : dict of int to dict
        Readings kept for pictures: by window, then by channel.
    refused : dict of str to Refused
        By reason.
    notes : list of str
        What a person should know of the readings that a process of its own read.
    letters : list of DeadLetter
        Refused readings for pictures.
    """

    accounting: dict[str, int]
    unknown_ids: int
    spans: dict[str, tuple[int, int, int]]
    points: dict[int, Points]
    refused: dict[str, Refused] = {}
    notes: list[str] = []
    letters: list[DeadLetter] = []


class ResultBuilder:
    """Alarm revisions of all lanes, as small as they can be held."""

    def __init__(self) -> None:
        self._alarms: dict[int, list[Alarm]] = {}
        self._like: dict[tuple[str, str], Alarm] = {}

    def add(self, seat: int, bodies: Iterable[bytes]) -> None:
        """Take what a lane told, in the order in which it did."""
        self._alarms.setdefault(seat, []).extend(self._slim(decode_alarm(body)) for body in bodies)

    def _slim(self, alarm: Alarm) -> Alarm:
        like = self._like.setdefault((alarm.channel, alarm.rule.name), alarm)
        same = {n: v for n in SHARED if (v := getattr(like, n)) == getattr(alarm, n)}
        return msgspec.structs.replace(alarm, **same, evidence=[])

    def trial(
        self, configuration: Configuration, sums: Sequence[Sum], windows: Sequence[Window]
    ) -> BacktestResult:
        """Everything together: revisions of one moment in the order of the lanes."""
        every = [alarm for _, told in sorted(self._alarms.items()) for alarm in told]
        every.sort(key=lambda alarm: datetime.fromisoformat(alarm.detected))
        total: Counter[str] = Counter()
        spans: dict[str, tuple[int, int, int]] = {}
        refusals = Refusals()
        for one in sums:
            refusals.merge(one.refused)
            refusals.keep(one.letters)
            total.update(one.accounting)
            spans.update(one.spans)
            for window, points in one.points.items():
                windows[window].points.update(points)
        # Who reads everything for some lanes counts the same strangers as the others.
        unknown_ids = max(one.unknown_ids for one in sums)
        ordered = dict(sorted(spans.items()))
        notes = list(dict.fromkeys(note for one in sums for note in one.notes))
        return BacktestResult(
            configuration, every, dict(total), unknown_ids, ordered, refusals, notes
        )
