"""Cut and Restore: when the lane gets its readings, and who it is then, changes nothing."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.lane import journal_merge
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import pack, unpack
from tests.laws.outcome import (
    Broken,
    Hooks,
    Idle,
    Outcome,
    Watch,
    busy,
    cut_up,
    live,
    outcome,
    reborn,
    run,
    same,
)
from tests.laws.path import Path
from tests.testkit.streams import Stream

POINTS: Final = 6


def places(stream: Stream, seed: int, count: int) -> list[int]:
    """Some places between records, drawn again the same for the same stream."""
    n = len(stream.records)
    return sorted(np.random.default_rng([seed, n]).integers(1, n, count).tolist())


def cut(path: Path, stream: Stream) -> Outcome:
    """Law 1: results do not depend on how the stream is cut into polls or batches."""
    whole = run(path, stream)
    n = len(stream.records)
    if n < 2:
        raise Idle(f"{path.name}: nothing to cut")
    busy(path, whole)
    cuttings = [
        ("record by record", list(range(1, n))),
        ("with empty polls", sorted([*range(0, n, 3), *range(0, n, 2), n, n])),
        *((f"cut {seed}", places(stream, seed, 5)) for seed in range(4)),
    ]
    for how, cuts in cuttings:
        found = run(path, stream, cuts)
        same(whole, found, f"{path.name}, {how} {cuts[:8]}")
        if found.pieces != len(cuts) + 1:
            raise Idle(f"{path.name}: {found.pieces} pieces of {len(cuts)} cuts")
    _bare(path, stream, whole)
    return whole


def _bare(path: Path, stream: Stream, whole: Outcome) -> None:
    """Nobody looking at the scores changes nothing either."""
    lane, told = live(path.lane(), [stream.records], deque(stream.journal))
    if told != whole.messages or lane.mark() != whole.mark:
        raise Broken(f"{path.name}: other outputs when nobody looks at the scores")


@dataclass
class Deaths:
    """Kills a lane between any two steps and goes on with the one in its snapshot."""

    path: Path
    watch: Watch
    count: int = 0

    def between(self, lane: Lane) -> Lane:
        self.count += 1
        return reborn(self.path, lane, self.watch.dress)


def restore(path: Path, stream: Stream) -> Outcome:
    """Law 2: snapshot, kill, restore and replay give the same, bit for bit."""
    whole = run(path, stream)
    busy(path, whole)
    n = len(stream.records)
    for point in (0, *places(stream, 7, POINTS), n):
        same(whole, _once(path, stream, point), f"{path.name}, restored before record {point}")
    deaths = Deaths(path, Watch())
    every = run(path, stream, range(1, n), Hooks(between=deaths.between))
    if deaths.count < n:
        raise Idle(f"{path.name}: {deaths.count} deaths")
    _same_told(whole, every, f"{path.name}, restored before every record")
    return whole


def _same_told(whole: Outcome, every: Outcome, how: str) -> None:
    if every.messages != whole.messages or every.mark != whole.mark:
        raise Broken(f"{how}: other outputs")
    if pack(every.snapshot) != pack(whole.snapshot):
        raise Broken(f"{how}: other state")


def _once(path: Path, stream: Stream, point: int) -> Outcome:
    """A lane killed before one record; its snapshot must not feel what it did afterwards."""
    first, rest = cut_up(stream.records, [point])
    watch, entries = Watch(), deque(stream.journal)
    lane = path.lane(watch.dress)
    journal_merge.feed(lane, first, entries)
    messages = lane.outbox.take()
    lane.shadow_outbox.take()  # a snapshot is taken of a lane that has told all
    frozen = freeze(lane)
    data = pack(frozen)
    again = watch.copy()
    live(lane, [rest], entries.copy())
    if pack(frozen) != data:
        raise Broken(f"{path.name}: a snapshot changes while its lane goes on")
    heir = thaw(path.lane_name, unpack(data), lambda c: again.dress(path.parts_for(c)))
    heir, told = live(heir, [rest], entries)
    return outcome(heir, messages + told, again)
