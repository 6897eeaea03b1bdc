"""Eighteen days of six real metro stations, with a crowd and a closed station put into them."""

import csv
from pathlib import Path
from typing import Final

from contracts.civil_time import civil, milliseconds
from lab.feeds.feed import Feed, Known, Reading, changed

CROWD: Final = Known(
    "crowd leaves the trains at Indiranagar on 12 August",
    civil("2025-08-12T19:00"),
    civil("2025-08-12T23:00"),
    frozenset({"metro.indiranagar.exits"}),
    frozenset({"limit", "unusual", "seasonal", "shift", "rise"}),
    "two hours of exits times 3.8",
)
CLOSED: Final = Known(
    "Jayanagar closed on 13 August",
    civil("2025-08-13T08:00"),
    civil("2025-08-13T16:00"),
    frozenset({"metro.jayanagar.entries", "metro.jayanagar.exits"}),
    frozenset({"limit", "unusual", "seasonal", "shift", "fall"}),
    "seven hours without entries and exits",
)


def feed(data: Path) -> Feed:
    """The feed from its folder below `data`."""
    readings = []
    with (data / "metro_bengaluru" / "station-hourly.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            time_ms = milliseconds(civil(row["time"]))
            for side in ("entries", "exits"):
                channel = f"metro.{row['station']}.{side}"
                readings.append(Reading(time_ms, channel, float(row[side])))
    readings = changed(changed(readings, CROWD, 3.8, 2), CLOSED, 0.0, 7)
    source = "recorded: entries and exits of six metro stations, hourly; two events put in"
    return Feed("metro", source, readings, [CROWD, CLOSED])
