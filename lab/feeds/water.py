"""River's WaterFlow: eight weeks of a real feed with three low moments and seven gaps."""

import csv
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from contracts.civil_time import CITY, milliseconds
from lab.feeds.feed import Feed, Known, Reading

CHANNEL: Final = "water.feed-01.flow"
SILENT_MS: Final = 3 * 3_600_000

# Read off the values, see data/water_flow/README.md: first and last low hour of each moment.
LOW_MOMENTS: Final = (
    ("low feed on 24 March", "2022-03-24T08:00:00+01:00", "2022-03-25T01:00:00+01:00"),
    ("low feed on 29 March", "2022-03-29T08:00:00+02:00", "2022-03-29T20:00:00+02:00"),
    ("low feed on 27 April", "2022-04-27T15:00:00+02:00", "2022-04-28T06:00:00+02:00"),
)


def feed(data: Path) -> Feed:
    """The feed from its folder below `data`."""
    with (data / "water_flow" / "water-flow.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    readings = [
        Reading(milliseconds(datetime.fromisoformat(time)), CHANNEL, float(flow))
        for time, flow in rows
    ]
    mine = frozenset({CHANNEL})
    lows = [
        Known(
            name,
            datetime.fromisoformat(begin),
            datetime.fromisoformat(end),
            mine,
            frozenset({"limit", "unusual"}),
        )
        for name, begin, end in LOW_MOMENTS
    ]
    source = "recorded: river's WaterFlow, one supply main, hourly"
    return Feed("water", source, readings, [*lows, *gaps(readings)])


def gaps(readings: list[Reading]) -> list[Known]:
    """Hours that the feed did not report, as the data itself has them."""
    found = []
    for before, after in pairwise(readings):
        if after.time_ms - before.time_ms > SILENT_MS:
            begin, end = (
                datetime.fromtimestamp(reading.time_ms / 1000, CITY) for reading in (before, after)
            )
            name = f"no reading from {begin:%d %B %H:%M}"
            found.append(Known(name, begin, end, frozenset({CHANNEL}), frozenset({"silent"})))
    return found
