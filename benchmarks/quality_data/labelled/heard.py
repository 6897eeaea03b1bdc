"""Running rules over a recording: where alarms begin, under every configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.quality_data.labelled.corpus import Flags, Reals, Recording
from benchmarks.support.thresholds import Ladder, Scene, climb
from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from detectors.base.kind import Roster
from detectors.group.multivariate import MULTIVARIATE, Multivariate

PAUSE: Final = 20  # readings of calm before another alarm may begin


@dataclass(frozen=True)
class Heard:
    """What one channel says, or all together (`*`).

    Parameters
    ----------
    rises : bool, shape (configurations, rows)
        Where an alarm begins.
    channels : int
        Channels that were watched for it.
    """

    channel: str
    time_s: Reals
    rises: Flags
    channels: int = 1


@dataclass(frozen=True)
class Rule:
    """A kind of rule under each configuration that may be chosen.

    Parameters
    ----------
    configurations : tuple of str
        Named as a table shows them; their number is what the choice costs in looks.
    """

    configurations: tuple[str, ...]
    hear: Callable[[Recording], list[Heard]]


def scene(period_s: float, values: Reals) -> Scene:
    """What is known of a channel from the rows that are not judged."""
    found = Scene.of(np.linspace(0.0, period_s * (len(values) - 1), len(values)), values)
    first = np.abs(values[: max(len(values) // 7, 1)])
    return replace(
        found,
        floor=max(found.floor, 1e-3 * float(np.median(first)), 1e-9),
        pause=Duration(f"{max(round(1000 * PAUSE * period_s), 1)} ms"),
    )


def by_channel(ladders: Mapping[str, Ladder]) -> Rule:
    """A kind of the product that judges channels one by one."""
    names = tuple(
        f"{name} {threshold:.3g}".strip()
        for name, ladder in ladders.items()
        for threshold in ladder.thresholds
    )

    def hear(recording: Recording) -> list[Heard]:
        found = []
        for i, channel in enumerate(recording.channels):
            time_s, values = recording.channel(i)
            known = scene(recording.period_s, values)
            rises = [climb(ladder, time_s, values, known).rises for ladder in ladders.values()]
            found.append(Heard(channel, time_s, np.concatenate(rises)))
        return found

    return Rule(names, hear)


def by_score(names: Sequence[str], score: Callable[[Reals, Reals], Flags]) -> Rule:
    """A rival: flags of shape (configurations, rows) from times and values of a channel."""

    def hear(recording: Recording) -> list[Heard]:
        series = [(name, *recording.channel(i)) for i, name in enumerate(recording.channels)]
        return [Heard(name, t, begins(score(t, x))) for name, t, x in series]

    return Rule(tuple(names), hear)


def begins(beyond: Flags) -> Flags:
    """Where something begins that was not for some readings, shape (configurations, rows)."""
    found = np.zeros_like(beyond)
    for mine, told in zip(beyond, found, strict=True):
        at = np.flatnonzero(mine)
        told[at[np.diff(at, prepend=-PAUSE - 2) > PAUSE]] = True
    return found


def together(times: Sequence[float], train: int) -> Rule:
    """`multivariate` over the channels that are read nearly always; none where it is only one."""

    def hear(recording: Recording) -> list[Heard]:
        read = (~np.isnan(recording.values)).mean(axis=0) >= 0.9
        values = recording.values[:, read]
        if values.shape[1] < 2:
            return []
        rises = np.stack([_group(recording, values, one, train) for one in times])
        return [Heard("*", recording.time_s, rises, values.shape[1])]

    return Rule(tuple(f"{one:.3g} limits" for one in times), hear)


def _group(recording: Recording, values: Reals, times: float, train: int) -> Flags:
    """Rows at which alarms of one group begin; its last channel is read last."""
    n, p = values.shape
    names = [f"c{i}" for i in range(p)]
    known = [scene(recording.period_s, column[~np.isnan(column)]) for column in values.T]
    rule = Multivariate(
        with_classes={name: of.floor for name, of in zip(names[:-1], known, strict=False)},
        floor=known[-1].floor,
        times=times,
        train=train,
        sync=Duration("3 periods"),
        off_delay=known[0].pause,
        at_most="yellow",
    )
    roster = Roster(
        *(tuple(names), tuple(names), np.arange(p, dtype=np.int64), ["rig"] * p),
        *([known[0].period_ns] * p, np.full((p, 2), np.nan)),
    )
    there = ~np.isnan(values.ravel())
    row = np.tile(np.arange(p, dtype=np.int32), n)[there]
    at = np.repeat(np.arange(n), p)[there]
    time_ns = (recording.time_s * 1e9).astype(np.int64)[at]
    value, m = values.ravel()[there], len(at)
    batch = Batch(np.arange(m, dtype=np.int32), row, time_ns, value, np.zeros(m, np.uint8))
    told = MULTIVARIATE.build(0, {names[-1]: rule}, roster).score(
        batch, np.full(m, Disposition.SCORED, np.uint8), (0, m), {"value": value}
    )
    rises = np.zeros(n, np.bool_)
    rises[at[told["ordinal"][told["now"] > told["was"]]]] = True
    return rises
