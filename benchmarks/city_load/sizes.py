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
FUSED: Final = "limit+unusual+frozen"
ADMISSION: Final = "admission"
# Rules, and arrays of state, by the kind of state that they are part of.
SHARED: Final = {
    **dict.fromkeys(("rules", "limit", "unusual", "frozen"), FUSED),
    "silence": "silent",
    "seen": ADMISSION,
}
# What is large is given back at once, by Arrow as well: no lane lives in another's leavings.
ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": "131072", "ARROW_DEFAULT_MEMORY_POOL": "system"}
REST: Final = "all else"


class Size(NamedTuple):
    """What a channel of one class takes.

    Parameters
    ----------
    of : Class
        With its channels in the whole city.
    kinds : dict of str to float
        Bytes of state a channel, by kind of rule; under `REST` what the process grew by besides,
        which all classes of a lifeline share.
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


def sizes(channels: int) -> list[Size]:
    """Measure a lane of each lifeline, with so many channels of a class or all that the city has.

    In a process of its own, with `ALLOCATOR`.
    """
    os.environ.update(ALLOCATOR)
    try:
        return alone(_all, channels)
    finally:
        for name in ALLOCATOR:
            del os.environ[name]


def _all(channels: int) -> list[Size]:
    city = cities.classes(cities.WHOLE)
    found = []
    for lifeline in cities.lanes(city):
        own = [each for each in city if each.lifeline == lifeline]
        lane = [replace(each, channels=min(each.channels, channels)) for each in own]
        per = _measured(lane)
        found += [
            Size(each, {kind: per[kind] for kind in (*_kinds(each), REST) if kind in per})
            for each in own
            if each.source != cities.UNCOUNTED
        ]
    return found


def _kinds(each: Class) -> list[str]:
    """Kinds of state that a channel of a class has."""
    return [*dict.fromkeys(SHARED.get(rule, rule) for rule in ("limit", *each.rules)), ADMISSION]


def _measured(lane: list[Class]) -> dict[str, float]:
    """Bytes a channel by which this process grows when a lane is made and all of it is touched.

    Ids and names are there before, and not counted.
    """
    _state(_plan([replace(each, channels=cities.OTHER) for each in lane]).parts(0))  # compiles
    plan = _plan(lane)
    gc.collect()
    before = memory(os.getpid())["Rss"]
    parts = plan.parts(0)
    state = _state(parts)
    grown = memory(os.getpid())["Rss"] - before
    per = {}
    for kind, size in state.items():
        having = sum(each.channels for each in lane if kind in _kinds(each))
        per[kind] = size / max(having, 1)
    rest = (grown - state.total()) / sum(each.channels for each in lane)
    return {**per, REST: max(rest, 0.0)}


def _plan(own: list[Class]) -> Plan:
    with TemporaryDirectory(prefix="tocsin-sizes-") as name:
        cities.write(Path(name), own, Path(name) / "state", PORT)
        return plan_of(Configuration.load(Path(name), {}), own[0].lifeline)


def _state(parts: Parts) -> Counter[str]:
    """Bytes of state by kind, every page of which is written to."""
    found: Counter[str] = Counter()
    held = (parts.scorer.arrays(), parts.admission.arrays(), parts.silence.arrays())
    for name, array in ((name, array) for arrays in held for name, array in arrays.items()):
        kind = "silence" if name.startswith("silence") else name.partition(".")[0]
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
