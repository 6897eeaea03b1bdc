"""How many bytes a channel of each class takes: of each kind of rule, and of the process."""

import gc
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import numpy as np

from benchmarks.city_load import city as cities
from benchmarks.city_load.city import Class
from benchmarks.city_load.run import alone
from benchmarks.city_load.watch import memory
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.ports.lane_parts import Parts

GIB: Final = 1 << 30
PORT: Final = 9092  # of a broker that nobody asks
LEAST: Final = 1.0  # bytes a channel, below which it is the state of neighbours
SHARED: Final = {"rules": "limit, unusual, frozen", "seen": "admission"}
REST: Final = "all else"


class Size(NamedTuple):
    """What a lane of one class takes.

    Parameters
    ----------
    of : Class
        With its channels in the whole city.
    kinds : dict of str to float
        Bytes of state a channel, by kind of rule; under `REST` what the process grew by besides.
    """

    of: Class
    kinds: dict[str, float]

    @property
    def whole(self) -> float:
        """Bytes that the process grows by for all of the city's channels of the class."""
        return self.of.channels * self.total

    @property
    def total(self) -> float:
        """Bytes a channel."""
        return sum(self.kinds.values())


def sizes(channels: int) -> Iterator[Size]:
    """Measure each class of the whole city in a lane of its own, one after the other.

    A lane has so many channels, or all that the city has of the class, and some of each other
    class of the lifeline: their kinds of rules have tables of all channels of a lane.
    """
    city = cities.classes(cities.WHOLE)
    for each in (one for one in city if one.source != cities.UNCOUNTED):
        others = [replace(one, channels=cities.OTHER) for one in city if one.name != each.name]
        mine = [one for one in others if one.lifeline == each.lifeline]
        kinds = alone(_measured, replace(each, channels=min(each.channels, channels)), mine)
        yield Size(each, kinds)


def _measured(each: Class, others: list[Class]) -> dict[str, float]:
    """Bytes a channel by which this process grows when a lane is made and all of it is touched.

    Ids and names are there before, and not counted.
    """
    _state(_plan([replace(each, channels=cities.OTHER), *others]).parts(0))  # what any lane needs
    plan = _plan([each, *others])
    gc.collect()
    before = memory(os.getpid())["Rss"]
    parts = plan.parts(0)
    state = _state(parts)
    gc.collect()
    grown = (memory(os.getpid())["Rss"] - before) / each.channels
    found = {kind: size / each.channels for kind, size in state.items()}
    found = {kind: size for kind, size in found.items() if size >= LEAST}
    return {**found, REST: max(grown - sum(found.values()), 0.0)}


def _plan(own: list[Class]) -> Plan:
    with TemporaryDirectory(prefix="tocsin-sizes-") as name:
        cities.write(Path(name), own, Path(name) / "state", PORT)
        return plan_of(Configuration.load(Path(name), {}), own[0].lifeline)


def _state(parts: Parts) -> Counter[str]:
    """Bytes of state by kind, every page of which is written to."""
    found: Counter[str] = Counter()
    held = (parts.scorer.arrays(), parts.admission.arrays(), parts.silence.arrays())
    for name, array in ((name, array) for arrays in held for name, array in arrays.items()):
        kind = name.partition(".")[0].partition("_")[0]
        found[SHARED.get(kind, kind)] += array.nbytes
        if array.nbytes and array.flags.writeable:
            pages = array.reshape(-1).view(np.uint8)[:: 1 << 12]
            pages |= np.uint8(0)
    return found


def by_class(found: list[Size]) -> Iterator[list[str]]:
    """Rows of the table of classes, the largest first."""
    for size in sorted(found, key=lambda size: -size.whole):
        ordered = sorted(size.kinds.items(), key=lambda one: -one[1])
        kinds = ", ".join(f"{kind} {per:,.0f}" for kind, per in ordered)
        figures = f"{size.of.channels:,}", f"{size.total:,.0f}", kinds, f"{size.whole / GIB:.2f}"
        yield [size.of.name, *figures]


def by_kind(found: list[Size]) -> Iterator[list[str]]:
    """Rows of the table of kinds: channels that have it, bytes a channel, GiB in the whole city."""
    channels: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for size in found:
        for kind, per in size.kinds.items():
            channels[kind] += size.of.channels
            whole[kind] += round(per * size.of.channels)
    for kind, size_of in whole.most_common():
        per = size_of / channels[kind]
        yield [kind, f"{channels[kind]:,}", f"{per:,.0f}", f"{size_of / GIB:.2f}"]
    yield ["in all", "", "", f"{whole.total() / GIB:.2f}"]
