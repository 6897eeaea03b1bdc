"""A pack of classes over made readings: the lanes of `tocsin backtest`, and what rang for what."""

import csv
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from configuration.configuration import Configuration
from lab.backtest.lanes import BacktestRun
from lab.backtest.score import Scores, nearest_rank, scores
from lab.data.labels import events_on, read_labels
from lab.data.open_data import open_data
from lab.generators.made import LABELS, READINGS, Made, MadeEvent
from runtime import kernel_cache
from runtime.installation import CONFIGS

TOLD = 3  # misses of a kind that a table lists
UNTOLD = {"kind", "at", "seed", "lasts_s"}  # of what was drawn, in a list of misses


@dataclass
class Kind:
    """One kind of trouble over all seeds.

    Parameters
    ----------
    of : int
        How often it was put in.
    delays_s, left_s : list of float
        Of those that were found: from its beginning to the first alarm, and from there to its end.
    missed : list of str
        What was drawn for the others.
    """

    of: int = 0
    delays_s: list[float] = field(default_factory=list)
    left_s: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


@dataclass
class Judged:
    """One generator over all seeds.

    Parameters
    ----------
    kinds : dict of str to Kind
    false : Counter of str
        Alarms that no event explains, by class and rule.
    channel_years, desk_days : float
    readings : int
    """

    kinds: dict[str, Kind] = field(default_factory=dict)
    false: Counter[str] = field(default_factory=Counter)
    channel_years: float = 0.0
    desk_days: float = 0.0
    readings: int = 0

    def add(self, made: Made, found: Scores, seeds: int) -> None:
        """Take what rang over made readings of some seeds, each of them a city with its desks.

        What rings first when the trouble is over is no false alarm, but has found nothing.
        """
        drawn = {event.name: event.drawn for event in made.events}
        for outcome in found.outcomes:
            mine = drawn[outcome.event.label.name]
            kind = self.kinds.setdefault(str(mine["kind"]), Kind())
            kind.of += 1
            delay, lasts = outcome.delay_s, mine["lasts_s"]
            if delay is None or delay > lasts:
                figures = (f"{key} {value}" for key, value in mine.items() if key not in UNTOLD)
                kind.missed.append(" ".join([f"seed {mine['seed']}:", *figures]))
            else:
                kind.delays_s.append(delay)
                kind.left_s.append(lasts - delay)
        class_of = {cells["id"]: cells["class"] for cells in made.catalogue}
        for episode in found.false_alarms or []:
            self.false[f"{class_of[episode.first.channel]} {episode.first.rule.name}"] += 1
        self.channel_years += found.whole.channel_years
        self.desk_days += found.whole.desk_days * seeds
        self.readings += len(made)

    @property
    def of(self) -> int:
        """Events of all kinds."""
        return sum(kind.of for kind in self.kinds.values())

    @property
    def found(self) -> int:
        """Those of them that rang."""
        return sum(len(kind.delays_s) for kind in self.kinds.values())

    def rows(self, name: str) -> list[list[str]]:
        """Lines of a table: one for each kind of trouble."""
        return [_row(f"{name}: {kind}", found) for kind, found in sorted(self.kinds.items())]

    def noise(self, name: str) -> list[str]:
        """Line of a table: what rang for nothing."""
        count = self.false.total()
        often = ", ".join(f"{what} {n}" for what, n in self.false.most_common(3))
        years, days = self.channel_years, self.desk_days
        rates = [f"{count / years:.2f}", f"{count / days:.3f}"]
        return [name, f"{years:.1f}", str(count), *rates, often or "none"]


def _row(name: str, kind: Kind) -> list[str]:
    delays = sorted(kind.delays_s)
    p50, p95 = (lasting(nearest_rank(delays, percent)) for percent in (50, 95))
    left = lasting(nearest_rank(sorted(kind.left_s), 5))
    misses = "; ".join(kind.missed[:TOLD]) + ("; …" if len(kind.missed) > TOLD else "")
    return [name, f"{len(delays)} of {kind.of}", p50, p95, left, misses or "none"]


def lasting(seconds: float | None) -> str:
    """Some time in its best unit.

    >>> lasting(5400.0), lasting(None)
    ('1.5 h', '')
    """
    if seconds is None:
        return ""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def run(pack: Path, made: Made) -> Scores:
    """A pack's rules on made channels, over the readings."""
    with TemporaryDirectory(prefix="tocsin-bench-") as place:
        data, configs = Path(place) / "data", Path(place) / "configs"
        made.write(data)
        configuration = configured(pack, made, configs)
        trial = BacktestRun(configuration, open_data(data / READINGS)).run(
            lambda taken, time_ns: None
        )
        events = events_on(read_labels(data / LABELS), configuration.catalogue)
        return scores(trial, events)


def configured(pack: Path, made: Made, folder: Path) -> Configuration:
    """A pack with made channels beside its own, as a lifeline of one lane; written to a folder."""
    mine = folder / pack.name
    shutil.copytree(pack, mine, ignore=shutil.ignore_patterns("*.test.yaml"))
    _extend(mine / "catalogue.csv", made)
    for shared in ("calendar.yaml", "duties.yaml"):
        shutil.copy(CONFIGS / shared, folder)
    text = f"kafka: {{bootstrap: 'a:1'}}\nlifelines: {{{pack.name}: {{partitions: 1}}}}\n"
    (folder / "tocsin.yaml").write_text(text)
    return Configuration.load(folder, {})


def _extend(catalogue: Path, made: Made) -> None:
    """Made channels beside those of the pack, which its overrides name."""
    lines = [line for line in catalogue.read_text().splitlines() if not line.startswith("#")]
    rows = [*csv.DictReader(lines), *made.catalogue]
    with catalogue.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)


def judge(pack: Path, made: Mapping[int, Made], into: Judged) -> None:
    """What is made from some seeds, all of it at once, through a pack."""
    kernel_cache.choose()
    one = side_by_side(made)
    into.add(one, run(pack, one), len(made))


def side_by_side(made: Mapping[int, Made]) -> Made:
    """What was made from some seeds as one, channels and events named by their seed."""
    catalogue = [_named(seed, cells) for seed, one in made.items() for cells in one.catalogue]
    firsts = np.cumsum([0, *(len(one.catalogue) for one in made.values())])
    row = np.concatenate(
        [one.row + first for one, first in zip(made.values(), firsts, strict=False)]
    )
    time_ns = np.concatenate([one.time_ns for one in made.values()])
    order = np.argsort(time_ns, kind="stable")
    value = np.concatenate([one.value for one in made.values()])
    events = [_event(seed, event) for seed, one in made.items() for event in one.events]
    return Made(catalogue, row[order].astype(np.int32), time_ns[order], value[order], events, {})


def _of_seed(seed: int, name: str) -> str:
    lifeline, _, rest = name.partition(".")
    return f"{lifeline}.s{seed}-{rest}"


def _named(seed: int, cells: Mapping[str, Any]) -> dict[str, Any]:
    mine = {key: _of_seed(seed, cells[key]) for key in ("id", "group")}
    return {**cells, **mine, "asset": f"s{seed}-{cells['asset']}"}


def _event(seed: int, event: MadeEvent) -> MadeEvent:
    """Names must be unique: outcomes are known again by them."""
    return replace(
        event,
        name=f"seed {seed}, {event.begin_ns}: {event.name}",
        channels=tuple(_of_seed(seed, channel) for channel in event.channels),
        drawn={**event.drawn, "seed": seed},
    )
