"""The made city: readings of all lifelines under one weather, block by block, and its labels."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.city.drivers import Drivers
from lab.city.shapes import Touch
from lab.city.tables import kinds, normals
from lab.city.town import Town, in_district, read_town
from lab.city.trouble import Draws, Trouble, wake_s
from lab.city.values import Section
from lab.generators.made import NS, Made, MadeEvent
from lab.generators.shapes import DAY_S, HOUR_S, Floats, city_ns
from runtime.installation import CONFIGS

BLOCK_S: Final = HOUR_S
LARGEST: Final = 4_000_000  # readings of a section in a block
MILLISECOND_NS: Final = 1_000_000
Touched = list[tuple[int, list[Touch]]]  # columns of a section with what trouble does to them


@dataclass(frozen=True, slots=True)
class CityParameters:
    """What a city is drawn from.

    Parameters
    ----------
    seed, days : int
    quiet_days : int
        Before the first trouble.
    districts : int
        Each has all shipped channels, and each kind of trouble once.
    most_hz : float
        Classes that tell more often are left out; all come with 0.
    begins : str
        First midnight in the city's civil time, a Monday.
    """

    seed: int
    days: int = 28
    quiet_days: int = 14
    districts: int = 1
    most_hz: float = 1.0
    begins: str = "2026-05-04T00:00"


class Block(NamedTuple):
    """Readings of some channels of one class over one hour.

    Parameters
    ----------
    class_name : str
    channels : int32, shape (n,)
        Rows of the city's catalogue.
    time_ns : int64, shape (t,)
        Nanoseconds since 1970 UTC.
    value : float64, shape (t, n)
        NaN where there is no reading.
    """

    class_name: str
    channels: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: Floats


class City:
    """A city of a seed, the same to the last digit for the same parameters and town.

    Parameters
    ----------
    parameters : CityParameters
    town : Town, optional
        What stands in a district; by default the channels of a folder of packs.
    configs : Path
        Of the packs, by default those that are shipped.

    Raises
    ------
    KeyError
        When a class has no row in `lab/city/normals.csv`.
    """

    def __init__(
        self, parameters: CityParameters, town: Town | None = None, configs: Path = CONFIGS
    ) -> None:
        self.parameters = parameters
        self.town = town or read_town(configs)
        self._begin_ns = city_ns(parameters.begins)
        self._normals = normals()
        rows = [row for row in self.town.rows if self._told(row)]
        districts = range(parameters.districts)
        self.catalogue = [in_district(row, number) for number in districts for row in rows]
        self.town = Town(
            rows, self.town.sensors, self.town.edges, self.town.delays_s, self.town.people
        )

    def _told(self, row: dict[str, Any]) -> bool:
        most_hz = self.parameters.most_hz
        return not most_hz or self.town.sensors[row["class"]].period_s >= 1.0 / most_hz

    @cached_property
    def drivers(self) -> Drivers:
        """Its weather and tide."""
        return Drivers(self.parameters.seed, self.parameters.days)

    @cached_property
    def troubles(self) -> list[Trouble]:
        """All that goes wrong, by its beginning."""
        asked, length = self.parameters, len(self.town.rows)
        span = (float(asked.quiet_days * DAY_S), float(asked.days * DAY_S))
        found = []
        for district in range(asked.districts):
            first = district * length
            names = [row["id"] for row in self.catalogue[first : first + length]]
            draws = Draws(self.town, (asked.seed, district), first, names)
            found += list(draws.all(kinds(), span))
        return sorted(found, key=lambda one: one.begin_s)

    def blocks(self, lifelines: frozenset[str] = frozenset(), hours: int = 0) -> Iterator[Block]:
        """Readings, hour by hour, within an hour class by class.

        Parameters
        ----------
        lifelines : frozenset of str
            Those that are asked for, empty for all. A lifeline is the same with others or alone.
        hours : int
            How many, all of them for 0.
        """
        sections = list(self._sections(lifelines))
        touches, added = self._touches(), {s.normal.total for s in sections}
        touched = [
            [(n, touches[row]) for n, row in enumerate(s.channels.tolist()) if row in touches]
            for s in sections
        ]
        for hour in range(hours or self.parameters.days * 24):
            told: dict[str, list[tuple[Section, Floats]]] = {}
            begin_s = hour * BLOCK_S
            for section, mine in zip(sections, touched, strict=True):
                time_s = section.steps(begin_s, begin_s + BLOCK_S)
                if len(time_s):
                    value = section.values(time_s, self.drivers)
                    if section.normal.total:
                        self._add_up(section, value, told.get(section.normal.total, []))
                    if section.name in added:
                        told.setdefault(section.name, []).append((section, value.copy()))
                    yield self._block(section, time_s, value, mine)

    def _block(self, section: Section, time_s: Floats, value: Floats, touched: Touched) -> Block:
        for column, some in touched:
            for touch in some:
                touch.on(time_s, value[:, column])
        milliseconds = np.round(time_s * 1000.0).astype(np.int64)
        time_ns = self._begin_ns + milliseconds * MILLISECOND_NS
        return Block(section.name, section.channels, time_ns, section.sensed(value))

    def _add_up(self, section: Section, value: Floats, parts: list[tuple[Section, Floats]]) -> None:
        """Channels with others of the class that adds up in their group become their sum.

        Before trouble: what leaks is seen by one of the two alone.
        """
        sums: dict[str, Floats] = {}
        for other, amounts in parts:
            for channel, amount in zip(other.channels.tolist(), amounts.T, strict=True):
                group = self.catalogue[channel]["group"]
                sums[group] = sums[group] + amount if group in sums else amount
        for column, channel in enumerate(section.channels.tolist()):
            mine = sums.get(self.catalogue[channel]["group"])
            if mine is not None:
                value[:, column] = mine

    def _sections(self, lifelines: frozenset[str]) -> Iterator[Section]:
        """Classes whose channels add up to others come first."""
        rows: dict[str, list[int]] = {}
        for number, row in enumerate(self.catalogue):
            rows.setdefault(row["class"], []).append(number)
        for name in sorted(rows, key=lambda one: (bool(self._normals[one].total), one)):
            if lifelines and name.partition(".")[0] not in lifelines:
                continue
            sensor = self.town.sensors[name]
            most = max(int(LARGEST * sensor.period_s / BLOCK_S), 1)
            for part, first in enumerate(range(0, len(rows[name]), most)):
                channels = np.array(rows[name][first : first + most], np.int32)
                seed = (self.parameters.seed, part)
                yield Section(name, self._normals[name], sensor, channels, seed)

    def _touches(self) -> dict[int, list[Touch]]:
        """Fresh ones by channel: what is stuck remembers where."""
        found: dict[int, list[Touch]] = {}
        for trouble in self.troubles:
            for touch in trouble.touches:
                fresh = Touch(*(getattr(touch, name) for name in _TOUCH))
                found.setdefault(touch.channel, []).append(fresh)
        return found

    def made(self, lifeline: str) -> Made:
        """Readings of one lifeline in order of time, with all trouble that reached it."""
        rows = [n for n, row in enumerate(self.catalogue) if _lifeline(row) == lifeline]
        place = np.full(len(self.catalogue), -1, np.int32)
        place[rows] = np.arange(len(rows))
        parts = [_flat(block) for block in self.blocks(frozenset({lifeline}))]
        row, time_ns, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(time_ns, kind="stable")
        catalogue = [self.catalogue[number] for number in rows]
        events = [e for e in map(self._event, self.troubles, [lifeline] * len(self.troubles)) if e]
        return Made(
            catalogue, place[row[order]], time_ns[order], value[order], events,
            asdict(self.parameters),
        )  # fmt: skip

    def _event(self, trouble: Trouble, lifeline: str) -> MadeEvent | None:
        """A trouble as a label of one lifeline, from when on it was there."""
        mine = [
            touch for touch in trouble.touches
            if _lifeline(self.catalogue[touch.channel]) == lifeline
        ]  # fmt: skip
        if not mine:
            return None
        begin_s = int(min(touch.begin_s for touch in mine))
        lasts_s = int(np.ceil(trouble.end_s)) - begin_s
        end_s = begin_s + lasts_s + int(wake_s(lasts_s))
        ids = dict.fromkeys(self.catalogue[touch.channel]["id"] for touch in mine)
        drawn = {
            "kind": trouble.kind, "at": trouble.root, "size": float(f"{mine[0].size:.3g}"),
            "people": trouble.people, "root": trouble.asset, "lasts_s": lasts_s,
        }  # fmt: skip
        return MadeEvent(
            f"{trouble.kind} at {trouble.root}", self._begin_ns + begin_s * NS,
            self._begin_ns + end_s * NS, tuple(ids), colour=trouble.colour, drawn=drawn,
        )  # fmt: skip


_TOUCH: Final = ("channel", "shape", "begin_s", "end_s", "size", "rise_s")


def _lifeline(row: dict[str, Any]) -> str:
    return str(row["class"]).partition(".")[0]


def _flat(block: Block) -> tuple[NDArray[np.int32], NDArray[np.int64], Floats]:
    """Rows, times and values of what a block has."""
    there = ~np.isnan(block.value)
    at, column = np.nonzero(there)
    return block.channels[column], block.time_ns[at], block.value[there]
