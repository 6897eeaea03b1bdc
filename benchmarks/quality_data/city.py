"""The made city through the packs that the product ships, all lifelines, and how fast it is made.

Nobody looked at what packs do on it before the seeds that judge. `--seeds=1` takes fewer.
"""

import sys
import time

import numpy as np

from benchmarks.quality_data.judging import Judged, judge
from benchmarks.support.claims import Claim, Part, writes
from lab.city.city import City, CityParameters
from lab.city.tables import kinds
from lab.generators.made import Made
from runtime.installation import CONFIGS

FIRST, SEEDS = 201, 2
FOUND, FALSE = 90.0, 0.1  # goals, set before a seed that judges was run
DISTRICTS, HOURS = 500, 1  # of the city whose making is timed
HEAD = ["lifeline: trouble", "found", "delay p50", "delay p95", "left p5", "missed, some of it"]
NOISE = ["lifeline", "channel-years", "false alarms", "a channel-year", "a desk-day", "most often"]


def measure() -> Part:
    """Every lifeline of the city through its pack, one after another."""
    lifelines = sorted({kind.lifeline for kind in kinds()})
    found = {name: _judged(name) for name in lifelines}
    share = 100.0 * sum(one.found for one in found.values()) / sum(one.of for one in found.values())
    noise = [one.false.total() / one.desk_days for one in found.values()]
    quiet = sum(rate <= FALSE for rate in noise)
    return Part(
        {
            "city": (HEAD, [row for name, one in found.items() for row in one.rows(name)]),
            "city noise": (NOISE, [one.noise(name) for name, one in found.items()]),
        },
        (
            Claim("trouble of a made city found by the packs", share, FOUND, "%", "at least"),
            Claim(
                f"lifelines with at most {FALSE} false alarms a desk-day on a made city",
                float(quiet), float(len(found)), "lifelines", "at least",
            ),
            Claim(
                f"a city of {DISTRICTS} districts, times faster than it lives", _times(), 1.0, "",
                "at least",
            ),
        ),
    )  # fmt: skip


def _judged(lifeline: str) -> Judged:
    judged, begin = Judged(), time.perf_counter()
    made: dict[int, Made] = {seed: City(CityParameters(seed)).made(lifeline) for seed in _seeds()}
    judge(CONFIGS / lifeline, made, judged)
    took_s = time.perf_counter() - begin
    print(f"{lifeline}: {judged.found} of {judged.of}, {took_s:.0f} s", flush=True)
    return judged


def _seeds() -> range:
    words = [word.partition("=")[2] for word in sys.argv if word.startswith("--seeds=")]
    if words and writes():
        sys.exit("city: expected all seeds for the page; leave out --seeds or --write")
    return range(FIRST, FIRST + (int(words[0]) if words else SEEDS))


def _times() -> float:
    """Seconds of a city by seconds of making them, all classes, drawing of trouble left out."""
    city = City(CityParameters(1, days=2, quiet_days=1, districts=DISTRICTS, most_hz=0.0))
    channels, readings = len(city.catalogue), 0
    _ = city.troubles, city.drivers
    begin = time.perf_counter()
    for block in city.blocks(hours=HOURS):
        readings += int(np.count_nonzero(~np.isnan(block.value)))
    took_s = time.perf_counter() - begin
    print(f"{channels:,} channels, {readings / took_s:,.0f} readings a second")
    return HOURS * 3600.0 / took_s
