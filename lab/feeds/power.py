"""Eight weeks of a real grid, with a frequency excursion and a loss of load put into it."""

import csv
from pathlib import Path
from typing import Final

from contracts.civil_time import civil, milliseconds
from lab.feeds.feed import Feed, Known, Reading, changed

LOAD: Final = "power.grid-01.load"
FREQUENCY: Final = "power.grid-01.frequency"

EXCURSION: Final = Known(
    "frequency excursion on 23 February",
    civil("2021-02-23T18:00"),
    civil("2021-02-23T23:00"),
    frozenset({FREQUENCY}),
    frozenset({"limit", "unusual", "seasonal", "shift"}),
    "two hours at 98.6 % of what was recorded: about 49.3 Hz",
)
LOSS: Final = Known(
    "step loss of load on 3 March",
    civil("2021-03-03T11:00"),
    civil("2021-03-03T18:00"),
    frozenset({LOAD}),
    frozenset({"limit", "unusual", "seasonal", "shift", "fall"}),
    "six hours at 60 % of what was recorded",
)


def feed(data: Path) -> Feed:
    """The feed from its folder below `data`."""
    readings = []
    with (data / "power_karnataka" / "load-frequency.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            time_ms = milliseconds(civil(row["time"]))
            readings.append(Reading(time_ms, LOAD, float(row["grid_load_mw"])))
            readings.append(Reading(time_ms, FREQUENCY, float(row["frequency_hz"])))
    readings = changed(readings, EXCURSION, 0.986, 2)
    readings = changed(readings, LOSS, 0.6, 6)
    source = "recorded: load and frequency of the grid of Karnataka, hourly; two events put in"
    return Feed("power", source, readings, [EXCURSION, LOSS])
