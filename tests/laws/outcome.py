"""What one run of a lane gives, and how two runs are compared bit for bit."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.errors import TocsinError
from contracts.journal import Entry
from contracts.ports.lane_log import Message, OutputMark
from contracts.ports.lane_parts import Arrays, Parts, Scorer, Span
from contracts.records import Records
from contracts.transition import Transitions, no_transitions
from pipeline.lane import journal_merge
from pipeline.lane.journal_merge import Entries
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import Snapshot, pack, unpack
from tests.laws.path import Path
from tests.testkit.streams import Stream


class Broken(AssertionError, TocsinError):  # noqa: N818 - a verdict
    """A law does not hold; a lane takes that for no input's doing and passes it on."""


class Idle(AssertionError):  # noqa: N818 - a verdict
    """A law was asked of a run that could not have broken it."""


@dataclass
class Watch:
    """What the scorers of one run saw and said, each configuration's by itself.

    A shadow scores what the lane has just scored: in which order depends on cuts, and may.
    """

    scores: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    transitions: dict[str, list[Transitions]] = field(default_factory=dict)

    def dress(self, parts: Parts) -> Parts:
        return replace(parts, scorer=Watched(parts.scorer, self, parts.config))

    def copy(self) -> "Watch":
        """What was seen up to now."""
        scores = {name: list(seen) for name, seen in self.scores.items()}
        return Watch(scores, {name: list(seen) for name, seen in self.transitions.items()})

    def all_scores(self) -> NDArray[np.float64]:
        return np.concatenate([np.empty(0), *_by_name(self.scores)])

    def all_notes(self) -> Transitions:
        return np.concatenate([no_transitions(), *_by_name(self.transitions)])


def _by_name(seen: Mapping[str, list[Any]]) -> list[Any]:
    return [one for name in sorted(seen) for one in seen[name]]


class Watched:
    """A scorer whose scores are kept."""

    def __init__(self, scorer: Scorer, watch: Watch, config: str) -> None:
        self._scorer = scorer
        self._scores = watch.scores.setdefault(config, [])
        self._transitions = watch.transitions.setdefault(config, [])

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: Span,
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        room = np.full(len(batch), np.nan) if scores is None else scores
        transitions = self._scorer.score(batch, disposition, span, room)
        part = slice(*span)
        taken = disposition[part] == Disposition.SCORED
        if not np.isfinite(batch.value[part][taken]).all():
            raise Broken("a reading without a finite value was scored")
        if not np.isnan(room[part][~taken]).all():
            raise Broken("a reading that was not to be scored has a score")
        self._scores.append(room[part][taken])
        self._transitions.append(transitions)
        return transitions

    def arrays(self) -> Arrays:
        return self._scorer.arrays()

    def restore(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        self._scorer.restore(arrays, old_row)

    def time_by(self, clock: Callable[[], float]) -> None:
        self._scorer.time_by(clock)

    def seconds(self) -> dict[str, float]:
        return self._scorer.seconds()

    def relearning(self) -> dict[str, int]:
        return self._scorer.relearning()

    def accept(self, row: int) -> frozenset[int]:
        return self._scorer.accept(row)

    def interrupt(self, rows: NDArray[np.int32]) -> None:
        self._scorer.interrupt(rows)

    def warm(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        self._scorer.warm(arrays, old_row)


@dataclass(frozen=True)
class Outcome:
    """Everything that a run of a lane told and remembers."""

    messages: list[Message]
    mark: OutputMark
    snapshot: Snapshot
    scores: NDArray[np.float64]
    transitions: Transitions
    pieces: int

    @property
    def alarms(self) -> list[dict[str, Any]]:
        return [json.loads(m.body) for m in self.messages if m.kind == "alarm"]

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.snapshot.header["accounts"]
        return counts


@dataclass(frozen=True)
class Hooks:
    """What a law does to a run: after each feed, and between any two steps of it."""

    after: Callable[[Lane, list[Message]], None] = lambda _lane, _told: None
    between: Callable[[Lane], Lane] = lambda lane: lane


CALM: Final = Hooks()


def run(path: Path, stream: Stream, cuts: Sequence[int] = (), hooks: Hooks = CALM) -> Outcome:
    """A lane's whole life, its records cut before the given places and fed one piece at a time."""
    watch = Watch()
    pieces = cut_up(stream.records, cuts)
    lane, messages = live(path.lane(watch.dress), pieces, deque(stream.journal), hooks)
    return outcome(lane, messages, watch, len(pieces))


def live(
    lane: Lane, pieces: Iterable[Records], entries: Entries, hooks: Hooks = CALM
) -> tuple[Lane, list[Message]]:
    """Feed a lane all that is left; it may be another one in the end."""
    messages: list[Message] = []
    for piece in pieces:
        lane = hooks.between(lane)
        journal_merge.feed(lane, piece, entries)
        _take(lane, messages, hooks)
    while entries:
        lane = hooks.between(lane)
        journal_merge.feed(lane, _nothing(lane, entries[0][1]), deque([entries.popleft()]))
        _take(lane, messages, hooks)
    return lane, messages


def outcome(lane: Lane, messages: list[Message], watch: Watch, pieces: int = 1) -> Outcome:
    """What is left of a lane at its end."""
    seen = (watch.all_scores(), watch.all_notes())
    return Outcome(messages, lane.mark(), freeze(lane), *seen, pieces)


def _take(lane: Lane, messages: list[Message], hooks: Hooks) -> None:
    told = lane.outbox.take()
    lane.shadow_outbox.take()
    messages.extend(told)
    hooks.after(lane, told)


def _nothing(lane: Lane, entry: Entry) -> Records:
    return Records.of([], max(lane.position, entry.at))


def cut_up(records: Records, cuts: Sequence[int]) -> list[Records]:
    """Pieces of some records; a place that is named twice leaves an empty piece."""
    edges = [0, *sorted(cuts), len(records)]
    return [records.cut(first, last) for first, last in pairwise(edges)]


def reborn(path: Path, lane: Lane, dress: Callable[[Parts], Parts]) -> Lane:
    """The lane of a snapshot's bytes."""
    snapshot = unpack(pack(freeze(lane)))
    return thaw(path.lane_name, snapshot, lambda config: dress(path.parts_for(config)))


def same(one: Outcome, other: Outcome, how: str) -> None:
    """Raise `Broken` unless both runs told and remember the same, bit for bit."""
    for number, (mine, theirs) in enumerate(zip(one.messages, other.messages, strict=False)):
        if mine != theirs:
            raise Broken(f"{how}: output {number} differs:\n{mine}\n{theirs}")
    if len(one.messages) != len(other.messages):
        raise Broken(f"{how}: {len(one.messages)} outputs, then {len(other.messages)}")
    if one.scores.tobytes() != other.scores.tobytes():
        raise Broken(f"{how}: other scores")
    if one.mark != other.mark:
        raise Broken(f"{how}: mark {one.mark}, then {other.mark}")
    _same_state(one.snapshot, other.snapshot, how)


def _same_state(one: Snapshot, other: Snapshot, how: str) -> None:
    for key in one.header | other.header:
        if one.header.get(key) != other.header.get(key):
            got = f"{one.header.get(key)}, then {other.header.get(key)}"
            raise Broken(f"{how}: {key} of the state differs: {got}")
    arrays: Mapping[str, Any] = other.arrays
    if set(one.arrays) != set(arrays):
        raise Broken(f"{how}: arrays {sorted(one.arrays)}, then {sorted(arrays)}")
    for name, array in one.arrays.items():
        if array.tobytes() != arrays[name].tobytes():
            raise Broken(f"{how}: state {name} differs")


def busy(path: Path, found: Outcome) -> None:
    """Raise `Idle` unless every rule of the path rang and cleared, on finite figures."""
    if not found.counts["scored"]:
        raise Idle(f"{path.name}: no reading was scored")
    for rule in sorted(path.rings):
        states = {a["state"] for a in found.alarms if a["rule"]["name"] == rule}
        if not states >= {"active", "cleared"}:
            raise Idle(f"{path.name}: {rule} did not ring and clear, it was {sorted(states)}")
    if "unusual" in path.rings and not np.isfinite(found.scores).any():
        raise Idle(f"{path.name}: no finite score")
    if path.rings - {"silent"} and not np.isfinite(found.transitions["observed"]).all():
        raise Idle(f"{path.name}: level changes without a value")
