"""Trouble of the made city: what is drawn for it, and how it travels between lifelines."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lab.city.shapes import Touch
from lab.city.tables import ANY, Effect, Kind, Span, travels
from lab.city.town import Town, asset_of
from lab.generators.shapes import DAY_S, HOUR_S, appointments

FAR: Final = 3  # edges that trouble travels at most, lifelines.md section 19.2
SENSOR_LASTS_S: Final = (24.0 * HOUR_S, 30.0 * HOUR_S)
SENSOR_SLOWEST_S: Final = HOUR_S  # classes that tell less often have no sensor trouble
SENSOR_TROUBLE: Final = ("stuck", "dropout")


@dataclass
class Trouble:
    """One trouble that was put in.

    Parameters
    ----------
    kind, colour : str
        Colour is the worst that it deserves, empty where nobody said.
    root : str
        Id of the channel at which it began.
    asset : str
        Asset of the root, and whom the assets that it reached serve.
    begin_s, end_s : float
    touches : list of Touch
        All that it changed, the root's first.
    people : int
    """

    kind: str
    colour: str
    root: str
    asset: str
    begin_s: float
    end_s: float
    touches: list[Touch] = field(default_factory=list)
    people: int = 0


class Draws:
    """Draws the trouble of one district.

    Parameters
    ----------
    town : Town
    seed : sequence of int
        Of the city and its district.
    first : int
        Row of the district's first channel in the city's catalogue.
    names : sequence of str
        Ids of the district's channels, in the order of the town's rows.
    """

    def __init__(self, town: Town, seed: tuple[int, int], first: int, names: list[str]) -> None:
        self._town, self._first, self._names = town, first, names
        self._chance = np.random.default_rng([*seed, 1])
        self._travels = travels()
        self._by_class: dict[str, list[int]] = {}
        self._by_asset: dict[str, list[int]] = {}
        for number, row in enumerate(town.rows):
            self._by_class.setdefault(row["class"], []).append(number)
            self._by_asset.setdefault(asset_of(row), []).append(number)

    def all(self, kinds: list[Kind], span_s: Span) -> Iterator[Trouble]:
        """Each kind once, those of a lifeline one after another; sensors of each lifeline too."""
        for lifeline in sorted({row["class"].partition(".")[0] for row in self._town.rows}):
            mine = [
                kind
                for kind in kinds
                if kind.lifeline == lifeline and kind.effects[0].class_name in self._by_class
            ]
            names = [kind.name for kind in mine] + [f"sensor {word}" for word in SENSOR_TROUBLE]
            begins = appointments(self._chance, names, span_s)
            for kind in mine:
                yield self._one(kind, begins[kind.name], span_s[1])
            for word in SENSOR_TROUBLE:
                yield from self._sensor(lifeline, word, begins[f"sensor {word}"], span_s[1])

    def _one(self, kind: Kind, begin_s: float, most_s: float) -> Trouble:
        root = self._any(self._by_class[kind.effects[0].class_name])
        end_s = min(begin_s + self._drawn(kind.lasts_s), most_s)
        asset = asset_of(self._town.rows[root])
        trouble = Trouble(kind.name, kind.colour, self._names[root], asset, begin_s, end_s)
        self._touch(trouble, root, kind.effects[0], begin_s)
        for effect in kind.effects[1:]:
            beside = self._beside(root, effect.class_name)
            if beside is not None:
                self._touch(trouble, beside, effect, begin_s + self._drawn(effect.delay_s))
        reached = {asset}
        self._travel(trouble, kind.passes, asset, begin_s, reached)
        trouble.people = sum(self._town.people.get(one, 0) for one in reached)
        return trouble

    def _travel(
        self, trouble: Trouble, passes: frozenset[str], asset: str, at_s: float, reached: set[str]
    ) -> None:
        """Over edges of the kinds that it passes, each with a delay of its own."""
        front = [(asset, at_s)]
        for _ in range(FAR):
            further = []
            for parent, since_s in front:
                for edge in self._town.below.get(parent, []):
                    if edge.kind not in passes or edge.child in reached:
                        continue
                    there_s = since_s + self._drawn(self._town.delays_s[edge.kind])
                    if there_s < trouble.end_s:
                        reached.add(edge.child)
                        self._arrive(trouble, edge.kind, edge.child, there_s)
                        further.append((edge.child, there_s))
            front = further

    def _arrive(self, trouble: Trouble, kind: str, asset: str, at_s: float) -> None:
        for effect in self._travels.get(kind, []):
            for number in self._by_asset.get(asset, []):
                if effect.class_name in (self._town.rows[number]["class"], ANY):
                    self._touch(trouble, number, effect, at_s)

    def _sensor(
        self, lifeline: str, shape: str, begin_s: float, most_s: float
    ) -> Iterator[Trouble]:
        """One sensor of a lifeline that stands still or says nothing."""
        quick = [
            number
            for number, row in enumerate(self._town.rows)
            if row["class"].partition(".")[0] == lifeline
            and self._town.sensors[row["class"]].period_s <= SENSOR_SLOWEST_S
        ]
        if quick:
            root = self._any(quick)
            end_s = min(begin_s + self._drawn(SENSOR_LASTS_S), most_s)
            asset = asset_of(self._town.rows[root])
            trouble = Trouble(f"sensor {shape}", "", self._names[root], asset, begin_s, end_s)
            self._touch(trouble, root, Effect("", shape, (0, 0), (0, 0), (0, 0)), begin_s)
            yield trouble

    def _touch(self, trouble: Trouble, number: int, effect: Effect, at_s: float) -> None:
        if at_s < trouble.end_s:
            size, rise_s = self._drawn(effect.size), self._drawn(effect.rise_s)
            channel = self._first + number
            touch = Touch(channel, effect.shape, at_s, trouble.end_s, size, rise_s)
            trouble.touches.append(touch)

    def _beside(self, root: int, class_name: str) -> int | None:
        """A channel of a class: of the same asset, else group, else anywhere in the district."""
        there = self._by_class.get(class_name, [])
        rows = self._town.rows
        for key in ("asset", "group"):
            near = [number for number in there if rows[number][key] == rows[root][key]]
            if near:
                return self._any(near)
        return self._any(there) if there else None

    def _any(self, of: list[int]) -> int:
        return of[int(self._chance.integers(len(of)))]

    def _drawn(self, span: Span) -> float:
        return float(self._chance.uniform(*span))


def wake_s(lasts_s: float) -> float:
    """How long after its end what trouble left behind rings by right: a step back is one too."""
    return max(DAY_S, lasts_s)
