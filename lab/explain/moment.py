"""Why a channel rang at a moment, or why not: its lane replayed up to there, and looked into."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alarms.book import CITY_UTC_OFFSET_S
from alarms.wording import clock, figure
from configuration.pack import ClassPack
from configuration.rule_kinds import kinds
from contracts.alarm import Alarm, decode_alarm
from contracts.batch import Batch, Disposition
from contracts.errors import ConfigError
from contracts.ports.lane_parts import Scorer
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from contracts.transition import NEVER, Colour, Transitions
from detectors.fused.scorer import ROWS, WAITS
from ingest.timestamps import read_mixed_times
from lab.data.refusals import Refusals
from lab.explain.replay import ReplayLanes, read_journal
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay

TOLD_MAX: Final = 10


@dataclass
class Tap:
    """A scorer that remembers what became of one channel's newest reading."""

    scorer: Scorer
    row: int
    time_ns: int = NEVER
    value: float = float("nan")
    disposition: Disposition | None = None
    score: float = float("nan")

    def score_span(
        self, batch: Batch, disposition: NDArray[np.uint8], span: tuple[int, int]
    ) -> Transitions:
        """Score, and look at the channel's newest reading of the span."""
        scores = np.full(len(batch), np.nan)
        transitions = self.scorer.score(batch, disposition, span, scores)
        mine = np.flatnonzero(batch.row[span[0] : span[1]] == self.row)
        if len(mine):
            place = int(mine[-1]) + span[0]
            self.time_ns, self.value = int(batch.time_ns[place]), float(batch.value[place])
            self.disposition, self.score = (
                Disposition(int(disposition[place])),
                float(scores[place]),
            )
        return transitions


class _Tapped:
    """The lane's own scorer with a tap in front."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.arrays = tap.scorer.arrays
        self.restore = tap.scorer.restore

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span."""
        del scores
        return self._tap.score_span(batch, disposition, span)


def moment(
    bench: ReplayLanes, pack: ClassPack, channel: str, time: str, files: tuple[Path, Path | None]
) -> Iterator[str]:
    """Lines that tell the state of each rule of a channel at a time, and what was told before.

    Parameters
    ----------
    bench : ReplayLanes
    pack : ClassPack
        That governs the channel.
    time : str
        RFC 3339.
    files : (Path, Path or None)
        Recorded telemetry and journal.

    Raises
    ------
    ConfigError
        When the time is none.
    """
    until_ns = int(read_mixed_times([time])[0])
    if until_ns < 0:
        msg = f"explain: expected an RFC 3339 time, got {time!r}"
        raise ConfigError(msg)
    number = int(bench.plan.lane_of[bench.plan.catalogue.row_of[channel]])
    lane = bench.lane(number)
    row = lane.parts.catalogue.row_of[channel]
    tap = Tap(lane.parts.scorer, row)
    object.__setattr__(lane.parts, "scorer", _Tapped(tap))
    telemetry, journal = files
    entries = read_journal(journal).get(number, []) if journal else []
    records = _until(bench.telemetry(telemetry, number), until_ns // NS_PER_MS)
    refusals = Refusals()
    told = []
    for message in replay(lane, records, entries):
        if message.kind == "dead_letter":
            refusals.add(message.body)
        elif message.kind == "alarm" and (alarm := decode_alarm(message.body)).channel == channel:
            told.append(alarm)
    yield _newest(tap, pack)
    yield from _rules(lane, row, pack, tap)
    yield from _told(told)
    place = bench.opened(telemetry).place
    yield from refusals.lines(lane.accounts.received, place)


def _until(batches: Iterator[Records], until_ms: int) -> Iterator[Records]:
    """Records up to the first one that was stamped later."""
    for records in batches:
        late = np.flatnonzero(records.timestamp_ms > until_ms)
        if len(late):
            yield records.cut(0, int(late[0]))
            return
        yield records


def _newest(tap: Tap, pack: ClassPack) -> str:
    if tap.disposition is None:
        return "no reading of the channel up to then"
    at = clock(tap.time_ns, CITY_UTC_OFFSET_S)
    return f"newest reading {figure(tap.value)} {pack.unit} of {at}: {tap.disposition.word}"


def _rules(lane: Lane, row: int, pack: ClassPack, tap: Tap) -> Iterator[str]:
    arrays = tap.scorer.arrays()
    yield from _fused(arrays[ROWS][row], arrays[WAITS][row], pack, tap)
    if pack.silent is not None:
        silence: Any = lane.parts.silence.arrays()["silence"][row]
        heard_s = int(silence["heard_s"])
        state = "silent" if silence["level"] else "heard"
        if heard_s == NEVER:
            yield "  silent: not waited for yet, the lane has no time"
        else:
            heard = clock(heard_s * 10**9, CITY_UTC_OFFSET_S)
            yield f"  silent: {state}, last heard at {heard} of lane time"
    for name in kinds():
        if pack.rule(name) is None or f"{name}.levels" not in arrays:
            continue
        place = np.flatnonzero(arrays[f"{name}.rows"] == row)
        if len(place):
            level = arrays[f"{name}.levels"][place[0]]
            yield f"  {name}: {_level(level['level'], level['since'])}"


def _fused(mine: Any, wait: Any, pack: ClassPack, tap: Tap) -> Iterator[str]:
    """Rules of the fused row."""
    if pack.limit is not None:
        yield f"  limit: {_level(mine['limit_level'], wait['limit_since'])}"
    if pack.unusual is not None:
        level = _one_colour(int(mine["unusual_level"]), int(wait["unusual_wait"]))
        yield f"  unusual: {level}; {_ewma(mine, wait, pack, tap)}"
    if pack.frozen is not None:
        level = _one_colour(int(mine["frozen_level"]), int(wait["frozen_wait"]))
        since = clock(int(mine["run_since"]), CITY_UTC_OFFSET_S)
        stands = f"stands at {figure(float(mine['first']))} {pack.unit} since {since}"
        yield f"  frozen: {level}; {stands if mine['run'] else 'nothing scored yet'}"


def _one_colour(level: int, wait: int) -> str:
    """State of a rule that has one colour."""
    state = Colour(level).word
    if wait == NEVER:
        return state if level else f"{state}, nothing breached"
    return f"{state}, {'left' if level else 'breached'} since {clock(wait, CITY_UTC_OFFSET_S)}"


def _level(level: Any, since: NDArray[np.int64]) -> str:
    """Colour that rings, or the worst one that is waited for."""
    waited = [
        f"{Colour(i + 1).word} breached since {clock(int(at), CITY_UTC_OFFSET_S)}"
        for i, at in enumerate(since.tolist())
        if at != NEVER
    ]
    state = Colour(int(level)).word
    return f"{state}, {waited[-1]}" if waited else f"{state}, nothing breached"


def _ewma(fused: Any, wait: Any, pack: ClassPack, tap: Tap) -> str:
    rule = pack.unusual
    assert rule is not None
    if fused["learned"] < rule.warm_up:
        return f"warming up, {fused['learned']} of {rule.warm_up} readings learned"
    text = f"expected {figure(float(fused['mean']))} {pack.unit}, band {rule.band}"
    if np.isfinite(tap.score):
        text += f", newest scored {figure(tap.score)} sigma"
    if rule.sums is not None:
        up, down = figure(float(fused["up"])), figure(float(fused["down"]))
        text += f", sums {up} up and {down} down of {rule.sums.h}"
    if wait["gate_since"] != NEVER:
        text += f", learning stopped at {clock(int(wait['gate_since']), CITY_UTC_OFFSET_S)}"
    return text


def _told(told: list[Alarm]) -> Iterator[str]:
    yield f"{len(told)} revisions of its alarms up to then"
    for alarm in told[-TOLD_MAX:]:
        yield f"  {alarm.detected}  {alarm.colour:6}  {alarm.rule.name:8}  {alarm.say['en']}"
