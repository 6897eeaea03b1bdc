"""What rang for what: events told, alarms that were right, and what chance would have done."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.quality_data.labelled.corpus import Corpus, Flags, Reals, Recording, judged
from benchmarks.quality_data.labelled.heard import Heard, Rule
from runtime.installation import HOME

GAP: Final = 10.0  # periods; of a longer pause nobody was watched
DAY_S: Final = 86_400.0
BUILD: Final = HOME / "build" / "corpora"  # what was tallied


@dataclass(frozen=True)
class Tally:
    """Some recordings under each configuration; events are those that are wanted.

    Parameters
    ----------
    delays_s : float64, shape (configurations, events)
        From the beginning of an event to the first alarm for it; infinite where there is none.
    chance : float64, shape (configurations, events)
        Probability that as many alarms at random times of the same channels tell it.
    right, false, right_chance : float64, shape (configurations, recordings)
        Alarms in an event and outside of all, and how many of all would be in one by chance.
    of : int64, shape (events,)
        Recording of each event.
    days : float64, shape (recordings,)
        Channel-days outside of events.
    """

    delays_s: Reals
    chance: Reals
    right: Reals
    false: Reals
    right_chance: Reals
    of: np.ndarray
    days: Reals


def tally(rule: Rule, one: Corpus) -> Tally | None:
    """A rule over a corpus; None where it cannot judge one of its recordings."""
    heard = [rule.hear(recording) for recording in one.recordings]
    if not all(heard):
        return None
    parts = [_tally(*pair) for pair in zip(one.recordings, heard, strict=True)]
    counts = [part.delays_s.shape[1] for part in parts]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)
        for name in ("delays_s", "chance", "right", "false", "right_chance")
    }
    of = np.repeat(np.arange(len(parts)), counts)
    return Tally(**joined, of=of, days=np.concatenate([part.days for part in parts]))


def _tally(recording: Recording, heard: Sequence[Heard]) -> Tally:
    events, n = recording.wanted, len(heard[0].rises)
    delays, missed = np.full((n, len(events)), np.inf), np.ones((n, len(events)))
    right, false, by_chance, days = np.zeros(n), np.zeros(n), np.zeros(n), 0.0
    for one in heard:
        rows = judged(len(one.time_s))
        rises = one.rises & rows
        count, watched = rises.sum(axis=1), max(int(rows.sum()), 1)
        inside = np.zeros(len(rows), np.bool_)
        for j, event in enumerate(events):
            if not event.concerns(one.channel):
                continue
            here = recording.within(event, one.time_s)
            inside |= here
            missed[:, j] *= (1.0 - here.sum() / watched) ** count
            first = _first(rises & here, one.time_s) - event.first_s
            delays[:, j] = np.minimum(delays[:, j], np.maximum(first, 0.0))
        allowed = inside | _unwanted(recording, one)
        right += (rises & inside).sum(axis=1)
        false += (rises & ~allowed).sum(axis=1)
        by_chance += count * (inside.sum() / max(int((rows & (inside | ~allowed)).sum()), 1))
        days += one.channels * _days(one.time_s, rows & ~allowed, recording.period_s)
    columns = (right[:, None], false[:, None], by_chance[:, None])
    return Tally(delays, 1.0 - missed, *columns, np.zeros(len(events)), np.array([days]))


def _first(rises: Flags, time_s: Reals) -> Reals:
    """Time of the first of each configuration; infinite without one."""
    return np.where(rises.any(axis=1), time_s[rises.argmax(axis=1)], np.inf)


def _unwanted(recording: Recording, one: Heard) -> Flags:
    """Rows at which an alarm is neither right nor false."""
    rows = np.zeros(len(one.time_s), np.bool_)
    for event in recording.events:
        if not event.wanted:
            rows |= recording.within(event, one.time_s)
    return rows


def _days(time_s: Reals, rows: Flags, period_s: float) -> float:
    lasts = np.clip(np.diff(time_s, append=time_s[-1] + period_s), 0.0, GAP * period_s)
    return float(lasts[rows].sum() / DAY_S)


def kept(name: str, rule: Rule, one: Corpus) -> Tally | None:
    """The same, from `build/` where neither code nor readings have changed since."""
    path = BUILD / f"{_key(name, one)}.npz"
    if path.is_file():
        with np.load(path) as arrays:
            return Tally(**arrays) if arrays.files else None
    found = tally(rule, one)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(vars(found) if found else {}))
    return found


def _key(name: str, one: Corpus) -> str:
    """Of all that a tally is made of: detectors, what runs and counts them, rows and events."""
    here = [
        Path(__file__).with_name(f"{stem}.py") for stem in ("corpus", "grids", "heard", "tally")
    ]
    shared = HOME / "benchmarks" / "support" / "thresholds.py"
    digest = hashlib.sha256(f"{name} {one.name}".encode())
    for path in sorted([*(HOME / "detectors").rglob("*.py"), *here, shared]):
        digest.update(path.read_bytes())
    for recording in one.recordings:
        digest.update(recording.time_s.tobytes())
        digest.update(recording.values.tobytes())
        digest.update(repr(_plain(recording)).encode())
    return digest.hexdigest()[:24]


def _plain(recording: Recording) -> list[tuple[float, float, list[str], bool]]:
    """Events as they are written the same way in every process."""
    return [(e.first_s, e.last_s, sorted(e.channels), e.wanted) for e in recording.events]
