"""Why a channel rang at a moment, or why not: its lane replayed up to there, and looked into."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timezone
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alarms.figures import figure
from alarms.wording import clock
from configuration.configuration import Configuration
from configuration.pack import ClassPack
from configuration.rule_kinds import kinds
from contracts.alarm import Alarm, decode_alarm
from contracts.errors import ConfigError
from contracts.journal import Entry, Tick
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Arrays, Parts
from contracts.quantities import NS_PER_MS, NS_PER_S
from contracts.records import Records
from contracts.transition import NEVER, Colour
from detectors.fused.scorer import ROWS, WAITS
from ingest.timestamps import read_mixed_times
from lab.data.refusals import Refusals
from lab.explain.newest import NEWEST, NewestReadings, disposition_of
from lab.explain.replay import ReplayLanes, read_journal
from pipeline.lane import journal_merge
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay

REVISIONS_SHOWN: Final = 10


@dataclass(frozen=True)
class Moment:
    """One channel at one time.

    Parameters
    ----------
    configuration : Configuration
        That governs at this time.
    pack : ClassPack or None
        Of the channel; None when that configuration has no such channel.
    lines : tuple of str
        State of each rule, and the alarms up to then.
    most_refused : bool
        Whether more than half of the lane's readings up to then were refused, of a channel that
        the configuration has.
    """

    configuration: Configuration
    pack: ClassPack | None
    lines: tuple[str, ...]
    most_refused: bool = False


@dataclass(frozen=True)
class _Channel:
    """State of one channel in its lane."""

    row: int
    pack: ClassPack
    scorer: Arrays
    silence: Arrays
    zone: timezone

    @property
    def newest(self) -> np.void:
        """Its newest reading."""
        reading: np.void = self.scorer[NEWEST][self.row]
        return reading

    def clock(self, time_ns: int) -> str:
        """A time as the city's clocks show it."""
        return clock(time_ns, self.zone)


def moment(bench: ReplayLanes, channel: str, time: str, files: tuple[Path, Path | None]) -> Moment:
    """State of each rule of a channel at a time, and the alarms that it had up to then.

    Parameters
    ----------
    bench : ReplayLanes
    channel : str
        Of the bench's catalogue.
    time : str
        RFC 3339.
    files : (Path, Path or None)
        Recorded telemetry and journal.

    Raises
    ------
    ConfigError
        When the time is none, or the journal names a configuration that cannot be found.
    """
    until_ns = int(read_mixed_times([time])[0])
    if until_ns < 0:
        msg = f"explain: expected an RFC 3339 time, got {time!r}"
        raise ConfigError(msg)
    number = int(bench.plan.lane_of[bench.plan.catalogue.row_of[channel]])
    lane = bench.lane(number, _with_newest)
    telemetry, journal = files
    entries = read_journal(journal).get(number, []) if journal else []
    rang, refusals = [], Refusals()
    for message in _up_to(until_ns, lane, bench.telemetry(telemetry, number), entries):
        if message.kind == "dead_letter":
            refusals.add(message.body)
        elif message.kind == "alarm" and (alarm := decode_alarm(message.body)).channel == channel:
            rang.append(alarm)
    configuration = bench.configuration_of(lane.parts.config)
    pack = _pack(configuration, lane, channel)
    lines = [] if pack is None else list(_state(_channel(lane, channel, pack, configuration)))
    received = lane.accounts.received
    refused = refusals.lines(received, bench.opened(telemetry).place)
    shown = (*lines, *_revisions(rang), *refused)
    return Moment(configuration, pack, shown, pack is not None and refusals.most(received))


def _with_newest(parts: Parts) -> Parts:
    return replace(parts, scorer=NewestReadings(parts.scorer, len(parts.catalogue)))


def _up_to(
    until_ns: int, lane: Lane, telemetry: Iterator[Records], journal: Sequence[tuple[int, Entry]]
) -> Iterator[Message]:
    """Outputs of a lane up to the first record, or tick of the journal, that is later."""
    in_force = journal_merge.in_force(journal)
    entries = deque(takewhile(lambda placed: not _is_later(placed[1], until_ns), in_force))
    for records in telemetry:
        later = np.flatnonzero(records.timestamp_ms > until_ns // NS_PER_MS)
        records_before = records.cut(0, int(later[0])) if len(later) else records
        journal_merge.feed(lane, records_before, entries)
        yield from lane.outbox.take() + lane.shadow_outbox.take()
        if len(later):
            return
    yield from replay(lane, [], entries)  # the recording ends before that time


def _is_later(entry: Entry, until_ns: int) -> bool:
    """Whether an entry is a tick behind a time: no other kind of entry has a time of its own."""
    change = entry.change
    return isinstance(change, Tick) and change.lane_time_s > until_ns // NS_PER_S


def _pack(configuration: Configuration, lane: Lane, channel: str) -> ClassPack | None:
    """Pack of a channel in the configuration that governs its lane."""
    row = lane.parts.catalogue.row_of.get(channel)
    if row is None:
        return None
    labels, label_of = configuration.labels(lane.parts.catalogue)
    return configuration.packs[labels[int(label_of[row])]]


def _channel(lane: Lane, name: str, pack: ClassPack, configuration: Configuration) -> _Channel:
    parts = lane.parts
    row, zone = parts.catalogue.row_of[name], configuration.civil_time
    return _Channel(row, pack, parts.scorer.arrays(), parts.silence.arrays(), zone)


def _state(channel: _Channel) -> Iterator[str]:
    yield _newest(channel)
    yield from _fused(channel)
    yield from _silent(channel)
    yield from _invalid(channel)
    yield from _others(channel)


def _newest(channel: _Channel) -> str:
    newest, unit = channel.newest, channel.pack.unit
    disposition = disposition_of(newest)
    if disposition is None:
        return "no reading of the channel up to then"
    at = channel.clock(int(newest["time_ns"]))
    return f"newest reading {figure(float(newest['value']))} {unit} of {at}: {disposition.word}"


def _silent(channel: _Channel) -> Iterator[str]:
    if channel.pack.silent is None:
        return
    silence: Any = channel.silence["silence"][channel.row]
    heard_s = int(silence["heard_s"])
    state = "silent" if silence["level"] else "heard"
    if heard_s == NEVER:
        yield "  silent: not waited for yet, the lane has no time"
    else:
        heard = channel.clock(heard_s * NS_PER_S)
        yield f"  silent: {state}, last heard at {heard} of lane time"


def _invalid(channel: _Channel) -> Iterator[str]:
    """State of the rule on readings of which none is valid."""
    if channel.pack.invalid is None:
        return
    state: Any = channel.silence["invalid"][channel.row]
    level, since_s = Colour(int(state["level"])).word, int(state["since_s"])
    if since_s == NEVER:
        text = level if state["level"] else "no run of invalid readings"
    else:
        since = channel.clock(since_s * NS_PER_S)
        run = "valid again since" if state["level"] else "nothing valid since"
        text = f"{level}, {run} {since} of lane time"
    yield f"  invalid: {text}"


def _others(channel: _Channel) -> Iterator[str]:
    """Rules of the kinds that keep a state of their own."""
    for name in kinds():
        if channel.pack.rule(name) is None or f"{name}.levels" not in channel.scorer:
            continue
        place = np.flatnonzero(channel.scorer[f"{name}.rows"] == channel.row)
        if len(place):
            level = channel.scorer[f"{name}.levels"][place[0]]
            yield f"  {name}: {_level(channel, level['level'], level['since'])}"


def _fused(channel: _Channel) -> Iterator[str]:
    """Rules of the fused row."""
    pack, row = channel.pack, channel.row
    mine: Any = channel.scorer[ROWS][row]
    wait: Any = channel.scorer[WAITS][row]
    if pack.limit is not None:
        yield f"  limit: {_level(channel, mine['limit_level'], wait['limit_since'])}"
    if pack.unusual is not None:
        level = _one_colour(channel, int(mine["unusual_level"]), int(wait["unusual_wait"]))
        yield f"  unusual: {level}; {_ewma(channel, mine, wait)}"
    if pack.frozen is not None:
        level = _one_colour(channel, int(mine["frozen_level"]), int(wait["frozen_wait"]))
        since = channel.clock(int(mine["run_since"]))
        stands = f"stands at {figure(float(mine['first']))} {pack.unit} since {since}"
        yield f"  frozen: {level}; {stands if mine['run'] else 'nothing scored yet'}"


def _one_colour(channel: _Channel, level: int, wait: int) -> str:
    """State of a rule that has one colour."""
    state = Colour(level).word
    if wait == NEVER:
        return state if level else f"{state}, nothing breached"
    return f"{state}, {'left' if level else 'breached'} since {channel.clock(wait)}"


def _level(channel: _Channel, level: Any, since: NDArray[np.int64]) -> str:
    """Colour that rings, or the worst one that is waited for."""
    waited = [
        f"{Colour(i + 1).word} breached since {channel.clock(int(at))}"
        for i, at in enumerate(since.tolist())
        if at != NEVER
    ]
    state = Colour(int(level)).word
    return f"{state}, {waited[-1]}" if waited else f"{state}, nothing breached"


def _ewma(channel: _Channel, fused: Any, wait: Any) -> str:
    rule, unit = channel.pack.unusual, channel.pack.unit
    assert rule is not None
    if fused["learned"] < rule.warm_up:
        return f"warming up, {fused['learned']} of {rule.warm_up} readings learned"
    text = f"expected {figure(float(fused['mean']))} {unit}, band {rule.band}"
    score = float(channel.newest["score"])
    if disposition_of(channel.newest) is not None and np.isfinite(score):
        text += f", newest scored {figure(score)} sigma"
    if rule.sums is not None:
        up, down = figure(float(fused["up"])), figure(float(fused["down"]))
        text += f", sums {up} up and {down} down of {rule.sums.h}"
    if wait["gate_since"] != NEVER:
        text += f", learning stopped at {channel.clock(int(wait['gate_since']))}"
    return text


def _revisions(rang: Sequence[Alarm]) -> Iterator[str]:
    yield f"{len(rang)} revisions of its alarms up to then"
    for alarm in rang[-REVISIONS_SHOWN:]:
        yield f"  {alarm.detected}  {alarm.colour:6}  {alarm.rule.name:8}  {alarm.say['en']}"
