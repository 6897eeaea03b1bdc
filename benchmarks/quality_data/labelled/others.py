"""Sets beside `corpora/` that are labelled, or into which trouble can be put, in the same shape."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from benchmarks.quality_data import battledim, gnss, recorded, skab
from benchmarks.quality_data.labelled.corpus import (
    Corpus,
    Event,
    Flags,
    Reals,
    Recording,
    corpus,
)
from benchmarks.quality_data.labelled.sheets import DAILY, NATURE, PLANT
from benchmarks.quality_data.nab import NAB
from lab.scores.corpus import read as read_nab
from runtime.installation import HOME

TEP: Final = HOME.parent / "shared" / "data" / "hazchem_tep"
ONSET: Final = 160  # row at which the fault of a test file begins, by the book of its authors
SAMPLE_S: Final = 180.0
SEED: Final = 2404  # of what is put in here; no other part draws from it
YEARS: Final = (2012, 2015, 2018, 2021)
DAY_S: Final = 86_400.0


def nab() -> Corpus | None:
    """31 files of NAB, most of them of machines and people that have a daily course."""
    if not NAB.is_dir():
        return None
    found = []
    for file in read_nab(NAB):
        order = np.argsort(file.time_s, kind="stable")
        events = tuple(Event(file.time_s[a], file.time_s[b]) for a, b in file.windows)
        values = file.values[order, None]
        found.append(Recording(file.name, file.time_s[order], values, ("value",), events))
    return corpus("nab", DAILY, found)


def skab_valve() -> Corpus | None:
    """Valve 1 of SKAB."""
    if not skab.SKAB.is_dir():
        return None
    names = tuple(skab.FLOORS)
    found = [
        Recording(str(i), file.time_s, file.values, names, tuple(_runs(file.time_s, file.ill)))
        for i, file in enumerate(skab.read(skab.SKAB))
    ]
    return corpus("skab", PLANT, found)


def _runs(time_s: Reals, ill: Flags) -> list[Event]:
    edges = np.flatnonzero(np.diff(ill.astype(np.int8), prepend=0, append=0))
    return [Event(time_s[a], time_s[b - 1]) for a, b in edges.reshape(-1, 2)]


def tennessee_eastman() -> Corpus | None:
    """A chemical plant without and with nine faults."""
    if not TEP.is_dir():
        return None
    found = []
    for path in sorted(TEP.glob("d*_te.dat")):
        values: Reals = np.loadtxt(path)
        time_s: Reals = np.arange(len(values), dtype=np.float64) * SAMPLE_S
        fault = () if path.stem == "d00_te" else (Event(time_s[ONSET], time_s[-1]),)
        names = tuple(f"x{i:02d}" for i in range(values.shape[1]))
        found.append(Recording(path.stem, time_s, values, names, fault))
    return corpus("hazchem_tep", PLANT, found)


def leaks() -> Corpus | None:
    """Inlets and tank of BattLeDIM; what may ring for a leak that is still small is not false."""
    if not battledim.DATA.is_file() or not battledim.LEAKS.is_file():
        return None
    table = pq.read_table(battledim.DATA)
    names = tuple(name for name in table.column_names if name != "Timestamp")
    rows, days = table.num_rows, (battledim.END - battledim.BEGIN).days
    time_s = battledim.BEGIN.timestamp() + np.arange(rows) * (days * DAY_S / rows)
    events = tuple(
        Event(leak.begin.timestamp(), leak.end.timestamp(), wanted=leak.wanted)
        for leak in battledim.leaks(battledim.LEAKS)
    )
    values = np.stack([table[name].to_numpy().astype(float) for name in names], axis=1)
    return corpus("water_battledim", DAILY, [Recording("2019H1", time_s, values, names, events)])


def stations() -> Corpus | None:
    """Every other station of a metro, with closures and surges put in."""
    if not all(path.is_file() for path in recorded.METRO):
        return None
    plain = recorded.metro()
    values, told = _troubled(
        plain, (recorded.Trouble(0.0, 4, 200.0), recorded.Trouble(2.0, 3, 200.0)), 10
    )
    time_s = _hours(plain)
    found = []
    for station in range(0, len(values), 2 * plain.together):
        mine = range(station, station + plain.together)
        names = tuple(str(row) for row in mine)
        events = tuple(_hour_event(time_s, one) for one in told if one[0] in mine)
        sheet = values[mine].reshape(len(names), -1).T
        found.append(Recording(f"station {station}", time_s, sheet, names, events))
    return corpus("metro_bmrcl", DAILY, found)


def grid() -> Corpus | None:
    """Four years of the load of a grid, with a quarter less and a third more put in."""
    if not recorded.LOAD.is_file():
        return None
    plain = recorded.load()
    less, more = recorded.Trouble(0.75, 4, 1000.0), recorded.Trouble(1.3, 4, 1000.0)
    values, told = _troubled(plain, (less, more), 28)
    time_s, whole = _hours(plain), values[0].ravel()
    found = []
    for year in YEARS:
        first, last = (datetime(y, 1, 1, tzinfo=UTC).timestamp() for y in (year, year + 1))
        mine = (time_s >= first) & (time_s < last)
        events = tuple(
            event
            for event in (replace(_hour_event(time_s, one), channels=frozenset()) for one in told)
            if first <= event.first_s < last
        )
        found.append(Recording(str(year), time_s[mine], whole[mine, None], ("load",), events))
    return corpus("power_kptcl", DAILY, found)


def _hours(plain: recorded.Recording) -> Reals:
    begin = datetime.combine(plain.first, datetime.min.time(), UTC).timestamp()
    return begin + 3600.0 * np.arange(plain.values.shape[1] * recorded.HOURS)


def _troubled(
    plain: recorded.Recording, troubles: tuple[recorded.Trouble, ...], share: int
) -> tuple[Reals, list[tuple[int, int, int]]]:
    """Values with all kinds of trouble, and (channel, hour, hours) of each."""
    told = []
    for i, trouble in enumerate(troubles):
        values, begins = recorded.put_in(plain, trouble, SEED + i, share)
        plain = replace(plain, values=values)
        told += [(row, hour, trouble.hours) for row, hour in begins]
    return plain.values, told


def _hour_event(time_s: Reals, one: tuple[int, int, int]) -> Event:
    row, hour, hours = one
    return Event(time_s[hour], time_s[hour + hours - 1], frozenset([str(row)]))


def ground() -> Corpus | None:
    """GNSS stations: an earthquake as it came, and a step of 10 mm put into each component."""
    if not gnss.GNSS.is_dir():
        return None
    moved = [
        gnss.moved(gnss.recorded(name), creep=False, seed=SEED + i)
        for i, name in enumerate(gnss.COMPONENTS)
    ]
    first = datetime.combine(gnss.FIRST, datetime.min.time(), UTC)
    days = np.arange(moved[0][0].shape[1], dtype=np.float64)
    time_s: Reals = first.timestamp() + DAY_S * days
    quake = _within(time_s, gnss.QUAKE, frozenset())
    found = []
    for station in range(len(moved[0][0])):
        steps = [
            _within(time_s, begins[station], frozenset([name]))
            for name, (_, begins) in zip(gnss.COMPONENTS, moved, strict=True)
        ]
        values = np.stack([positions[station] for positions, _ in moved], axis=1)
        events = (quake, *steps)
        found.append(Recording(f"s{station}", time_s, values, gnss.COMPONENTS, events))
    return corpus("subsidence_gnss", NATURE, found)


def _within(time_s: Reals, day: int, channels: frozenset[str]) -> Event:
    until = timedelta(days=gnss.STEP_D).total_seconds()
    return Event(time_s[day], time_s[day] + until, channels)


OTHERS: Final[dict[str, Callable[[], Corpus | None]]] = {
    "hazchem_tep": tennessee_eastman,
    "metro_bmrcl": stations,
    "nab": nab,
    "power_kptcl": grid,
    "skab": skab_valve,
    "subsidence_gnss": ground,
    "water_battledim": leaks,
}
