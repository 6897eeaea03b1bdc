"""A whole city on paper: its classes, their rules, its catalogue as Parquet, the folder."""

import csv
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.testkit.city import DUTY

# Classes of the city, how many channels each has and how often they report, as the domain notes
# count them: 35.4 million channels, 227,590 readings a second.
TABLE = Path(__file__).with_name("channels.csv")
WHOLE = 35_447_894
CONCENTRATOR = 500  # channels of one that sends them together; also the group
PER_ASSET = 4
LANE_MAX = 2_000_000  # channels; a lane's copy for a snapshot is this many rows
FAST_S = 60.0  # classes that report at least so often learn what is usual
RARE_S = 86_400.0  # state heartbeats, whose only rule is that they come
BEGIN = signal.SIGUSR1  # to the generator: send from now on
MIDDLE, FAULT = 50.0, 92.0  # values while all is well, and of an injected fault

LIMIT = """\
limit:
  low: {yellow: 20, orange: 10}
  high: {yellow: 80, orange: 90, red: 98}
  on_delay: 0 s
  off_delay: 1 s
  hysteresis: 1
"""
UNUSUAL = """\
unusual:
  model: ewma
  smoothing: 0.05
  band: 6 sigma
  floor: 1
  warm_up: 50
  at_most: yellow
  off_delay: 1 s
  relearn_after: 1 h
"""


@dataclass(frozen=True, slots=True)
class Class:
    """One class of channels.

    Parameters
    ----------
    name : str
    channels : int
    period_s : float
    """

    name: str
    channels: int
    period_s: float

    @property
    def lifeline(self) -> str:
        """First part of its name."""
        return self.name.partition(".")[0]

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of its rules: the benchmark's table."""
        if self.period_s >= RARE_S and self.period_s < 2 * RARE_S:
            return ("silent",)
        fast = ("unusual",) if self.period_s <= FAST_S else ()
        return ("limit", *fast, "silent")

    @property
    def concentrators(self) -> int:
        """How many send its readings."""
        return -(-self.channels // CONCENTRATOR)


def classes(channels: int) -> list[Class]:
    """Classes of a city of about so many channels, in the proportions of the whole one."""
    share = channels / WHOLE
    with TABLE.open(newline="") as file:
        return [
            Class(row["class"], max(round(int(row["channels"]) * share), 1), float(row["period_s"]))
            for row in csv.DictReader(file)
        ]


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
    """The configuration folder of a city."""
    for name, lifeline in [(each.lifeline, each) for each in city]:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{lifeline.name.partition('.')[2]}.yaml").write_text(_pack(lifeline))
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


def _pack(each: Class) -> str:
    duty = "  duty:\n" + DUTY
    text = f"class: {each.name}\nunit: '%'\nperiod: {each.period_s:.9g} s\n"
    text += "plausible: {range: [0, 100], future: 5 min, back_fill: 2 h}\n"
    if "limit" in each.rules:
        text += LIMIT + duty
    if "unusual" in each.rules:
        text += UNUSUAL + duty
    # Less than 15 s would be a matter of how long the machine's own hiccups last.
    after = f"{max(3 * each.period_s, 15):.9g} s"
    silence = duty.replace("{observed} {unit}", "silent for {lasted}")
    return text + f"silent:\n  after: {after}\n  colour: blue\n{silence}"


def _table(each: Class) -> pa.Table:
    """Channels of one class, concentrator by concentrator, ids rising."""
    number = np.arange(each.channels)
    group, place = number // CONCENTRATOR, number % CONCENTRATOR
    groups = pa.array([f"{each.name}-{i:05d}" for i in range(each.concentrators)])
    places = pa.array([f"{i:03d}" for i in range(CONCENTRATOR)])
    group_of = pa.DictionaryArray.from_arrays(group.astype(np.int32), groups)
    named, inside = groups.take(pa.array(group)), places.take(pa.array(place))
    ids = pc.binary_join_element_wise(named, inside, ".")
    assets = pc.binary_join_element_wise(named, places.take(pa.array(place // PER_ASSET)), "-")
    districts = pa.array([f"3101{i:02d}" for i in range(16)])
    district_of = pa.DictionaryArray.from_arrays((group % 16).astype(np.int32), districts)
    one = pa.DictionaryArray.from_arrays(np.zeros(each.channels, np.int32), pa.array([each.name]))
    return pa.table(
        {
            "id": ids,
            "class": one,
            "asset": assets,
            "group": group_of,
            "district": district_of,
        }
    )


def rule_table(city: list[Class]) -> Iterator[list[str]]:
    """Rules, and how many channels and readings a second have them."""
    for rules in sorted({each.rules for each in city}, key=len, reverse=True):
        own = [each for each in city if each.rules == rules]
        channels, rate = sum(c.channels for c in own), sum(c.channels / c.period_s for c in own)
        yield [", ".join(rules), f"{len(own)}", f"{channels:,}", f"{rate:,.0f}"]
