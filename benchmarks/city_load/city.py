"""A whole city on paper: its classes, their channels, its catalogue as Parquet, the folder."""

import csv
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.city_load import packs
from configuration.pack import RULES
from contracts.quantities import NS_PER_S

# Channels of the city and how often they report, as the domain notes count them (35.4 million
# channels, 227,590 readings a second), and the shipped classes among which each row is shared out,
# `*n` where one has n shares.
TABLE = Path(__file__).with_name("channels.csv")
WHOLE = 35_447_894
CONCENTRATOR = 500  # channels of one class that are sent together
PER_ASSET = 4
LANE_MAX = 2_000_000  # channels; a lane's copy for a snapshot is this many rows
OTHER = 4  # channels of a shipped class that the notes do not count
UNCOUNTED = "other"  # source of these
BEGIN = signal.SIGUSR1  # to the generator: send from now on


@dataclass(frozen=True, slots=True)
class Class:
    """Channels of one class.

    Parameters
    ----------
    name : str
        A class of the shipped packs.
    channels : int
    period_s : float
        As the notes have it; a pack's own period may be longer.
    source : str
        Row of the table: classes of one share their groups, as channels of one place do.
    """

    name: str
    channels: int
    period_s: float
    source: str

    @property
    def lifeline(self) -> str:
        """First part of its name."""
        return self.name.partition(".")[0]

    @property
    def rules(self) -> list[str]:
        """Kinds of rules that its pack has."""
        pack = packs.shipped()[self.name]
        return [kind for kind in RULES if pack.rule(kind) is not None]

    @property
    def tags(self) -> list[str]:
        """Tags that its pack asks for, which must be somewhere: one channel has each."""
        selectors = packs.shipped()[self.name].selectors
        return [one.removeprefix("tag:") for one in selectors if one.startswith("tag:")]

    @property
    def concentrators(self) -> int:
        """How many send its readings."""
        return -(-self.channels // CONCENTRATOR)


def classes(channels: int) -> list[Class]:
    """Classes of a city of about so many channels, in the proportions of the whole one."""
    share, found = channels / WHOLE, []
    with TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            parts = [part.partition("*") for part in row["classes"].split()]
            shares = {name: int(count or 1) for name, _, count in parts}
            each = int(row["channels"]) * share / sum(shares.values())
            found += [
                Class(name, max(round(each * count), 1), float(row["period_s"]), row["class"])
                for name, count in shares.items()
            ]
    counted = _merged(found)
    named = {each.name for each in counted}
    others = (
        Class(name, OTHER, pack.period.ns / NS_PER_S, UNCOUNTED)
        for name, pack in sorted(packs.shipped().items())
        if name not in named
    )
    return [replace(each, channels=max(each.channels, OTHER)) for each in (*counted, *others)]


def _merged(found: list[Class]) -> list[Class]:
    """Each class once: of several rows by its first, with the channels of all."""
    first: dict[str, Class] = {}
    for each in found:
        kept = first.get(each.name, replace(each, channels=0))
        first[each.name] = replace(kept, channels=kept.channels + each.channels)
    return list(first.values())


def messages_per_s(city: list[Class]) -> float:
    """How many messages all concentrators send."""
    return sum(
        max(each.concentrators / each.period_s, each.channels / each.period_s / CONCENTRATOR)
        for each in city
        if each.period_s >= 1
    ) + sum(each.channels / each.period_s / CONCENTRATOR for each in city if each.period_s < 1)


def lanes(city: list[Class]) -> dict[str, int]:
    """Partitions of every lifeline."""
    count: dict[str, int] = {}
    for each in city:
        count[each.lifeline] = count.get(each.lifeline, 0) + each.channels
    return {name: -(-channels // LANE_MAX) for name, channels in sorted(count.items())}


def write(folder: Path, city: list[Class], state: Path, port: int) -> None:
    """The configuration folder of a city: packs as shipped, and channels of all classes."""
    packs.copy(folder, set(lanes(city)))
    for name in lanes(city):
        own = [each for each in city if each.lifeline == name]
        with pq.ParquetWriter(folder / name / "catalogue.parquet", _table(own[0]).schema) as file:
            for each in own:
                file.write_table(_table(each))
    pinned = ", ".join(f"{name}: {{partitions: {count}}}" for name, count in lanes(city).items())
    (folder / "tocsin.yaml").write_text(
        f'kafka: {{bootstrap: "127.0.0.1:{port}"}}\nlifelines: {{{pinned}}}\nstate: {state}\n'
        "snapshot: {every: 5 min, or_readings: 1000000000}\n"
    )


def _table(each: Class) -> pa.Table:
    """Channels of one class, concentrator by concentrator, ids rising."""
    number = np.arange(each.channels)
    group, place = number // CONCENTRATOR, number % CONCENTRATOR
    senders = pa.array([f"{each.name}-{i:05d}" for i in range(each.concentrators)])
    groups = pa.array([f"{each.lifeline}.{each.source}-{i:05d}" for i in range(len(senders))])
    places = pa.array([f"{i:03d}" for i in range(CONCENTRATOR)])
    group_of = pa.DictionaryArray.from_arrays(group.astype(np.int32), groups)
    named, inside = senders.take(pa.array(group)), places.take(pa.array(place))
    ids = pc.binary_join_element_wise(named, inside, ".")
    assets = pc.binary_join_element_wise(named, places.take(pa.array(place // PER_ASSET)), "-")
    districts = pa.array([f"3101{i:02d}" for i in range(16)])
    district_of = pa.DictionaryArray.from_arrays((group % 16).astype(np.int32), districts)
    one = pa.DictionaryArray.from_arrays(np.zeros(each.channels, np.int32), pa.array([each.name]))
    tags = pa.DictionaryArray.from_arrays(
        np.where(number < len(each.tags), number, len(each.tags)).astype(np.int32),
        pa.array([*each.tags, ""]),
    )
    return pa.table(
        {
            "id": ids,
            "class": one,
            "asset": assets,
            "group": group_of,
            "district": district_of,
            "tags": tags,
        }
    )


def rule_table(city: list[Class]) -> Iterator[list[str]]:
    """Kinds of rules, and how many channels and readings a second have them."""
    for kind in RULES:
        own = [each for each in city if kind in each.rules]
        if own:
            channels, rate = sum(c.channels for c in own), sum(c.channels / c.period_s for c in own)
            yield [kind, f"{len(own)}", f"{channels:,}", f"{rate:,.0f}"]
