"""Nanoseconds a reading: all cheap rules in one kernel, against numpy and river; admission too.

Every channel sends one reading a tick, each tick in another order; a batch holds at most 100,000
readings and no channel twice, which suits numpy best and changes nothing for the kernel.
"""

import gc
from dataclasses import dataclass
from functools import partial
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.claims import Claim, interleaved, print_claims, print_table
from benchmarks.support.rivals import NumpyRules, RiverRules
from contracts.batch import Batch, Disposition
from contracts.quantities import Duration, Rate, Sigmas
from detectors.base.thresholds import Steps
from detectors.channel.silence import SilenceWatch, Silent
from detectors.fused.frozen import Frozen
from detectors.fused.limit import Limit
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.fused.unusual import Sums, Unusual
from ingest.admit import Admission, Plausible

CHANNELS = (1_000, 100_000, 1_000_000)
BATCH = 100_000
TICKS_MIN = 4
ROUNDS = 9
PER_ROUND = 1_000_000  # readings of the compiled arms; at a million channels four times as many
RIVER_READINGS = 20_000  # of river in each round: it is two orders slower
PERIOD_NS = 1_000_000_000
STILL = 7  # channels that stand still, of each thousand
BEGIN_NS = 1_700_000_000 * PERIOD_NS

RULES = FusedRules(
    Limit(low=Steps(2.0, 1.6, 1.2, 0.8), high=Steps(orange=8.0, red=9.0)),
    Unusual(
        model="ewma",
        smoothing=0.02,
        band=Sigmas("6 sigma"),
        floor=0.05,
        warm_up=2,
        at_most="yellow",
        relearn_after=Duration("5 s"),
        sums=Sums(k=Sigmas("0.5 sigma"), h=Sigmas("8 sigma")),
    ),
    Frozen(after=Duration("5 s"), at_most="blue"),
)
BOUNDS = Plausible(range=(0.0, 10.0), fastest=Rate("50 per s"))
SILENT = Silent(after=Duration("30 s"))


@dataclass(frozen=True, slots=True)
class Tick:
    """One reading of every channel, in batches, with what a lane adds to each."""

    batches: list[Batch]
    lane_time_s: list[NDArray[np.int64]]
    disposition: list[NDArray[np.uint8]]

    def later(self, ticks: int) -> None:
        """Move all readings on in time, in place."""
        for batch, lane_time_s in zip(self.batches, self.lane_time_s, strict=True):
            batch.time_ns[:] += ticks * PERIOD_NS
            lane_time_s[:] += ticks


def settle(rows: NDArray[np.void]) -> None:
    """Let all channels have a usual value and deviation, as after a day: few ring, as in a city."""
    rows["learned"], rows["mean"], rows["variance"] = 1000, 5.0, 0.05**2


def make_tick(channels: int, seed: int) -> Tick:
    """Readings around 5; one of 10,000 lies far outside, one channel in a thousand stands still."""
    chance = np.random.default_rng(seed)
    row = chance.permutation(channels).astype(np.int32)
    value = chance.normal(5.0, 0.05, channels)
    value[chance.random(channels) < 1e-4] = 9.5
    value[row % 1000 == STILL] = 5.0
    batches = []
    for first in range(0, channels, BATCH):
        part = slice(first, first + BATCH)
        n = len(row[part])
        time_ns = np.full(n, BEGIN_NS + seed * PERIOD_NS)
        quality = np.zeros(n, np.uint8)
        record = np.arange(n, dtype=np.int32)
        batches.append(Batch(record, row[part], time_ns, value[part], quality))
    lane_time_s = [batch.time_ns // PERIOD_NS for batch in batches]
    scored = [np.full(len(batch), Disposition.SCORED, np.uint8) for batch in batches]
    return Tick(batches, lane_time_s, scored)


class City:
    """All arms over the same stream at one number of channels."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        ticks = max(TICKS_MIN, PER_ROUND // channels)
        self.ticks = [make_tick(channels, seed) for seed in range(ticks)]
        one_class = np.zeros(channels, np.int64)
        self.kernel = ChannelRules([RULES], one_class)
        self.rival = NumpyRules(RULES, channels)
        settle(self.kernel.rows)
        self.rival.settle(self.kernel.rows)
        self.admission = Admission([BOUNDS], one_class)
        self.watch = SilenceWatch([SILENT], one_class)
        self.watch.begin(BEGIN_NS // PERIOD_NS)
        first = [tick.batches[0] for tick in self.ticks[:TICKS_MIN]]
        part = slice(RIVER_READINGS)
        sent = [
            (b.row[part].tolist(), b.value[part].tolist(), b.time_ns[part].tolist()) for b in first
        ]
        self.river = RiverRules(RULES, sorted({row for rows, *_ in sent for row in rows}))
        self._river_next = sent
        self._scratch = np.zeros(BATCH, np.uint8)

    def check(self) -> None:
        """Run kernel and numpy over the stream; they must agree to the last bit."""
        changes = 0
        for tick in self.ticks:
            for batch, disposition in zip(tick.batches, tick.disposition, strict=True):
                transitions = self.kernel.score(batch, disposition, (0, len(batch)))
                names = ("ordinal", "row", "rule", "was", "now")
                told = [
                    tuple(int(transition[name]) for name in names) for transition in transitions
                ]
                assert told == self.rival.score(batch), "numpy and the kernel tell different things"
                changes += len(told)
        rows = self.kernel.rows
        state = ("mean", "variance", "learned", "up", "down", "first", "run")
        for place, name in enumerate(state):
            theirs, ours = self.rival.state[:, place], rows[name].astype(float)
            assert np.array_equal(theirs, ours, equal_nan=True), name
        for place, name in enumerate(("limit", "unusual", "frozen")):
            assert np.array_equal(self.rival.level[place], rows[f"{name}_level"]), name
        assert np.array_equal(self.rival.gate_since, self.kernel.waits["gate_since"])
        assert changes > 100, "the check was idle: hardly anything rang"
        for sent in self._river_next:
            self.river.score(*sent)

    def run_kernel(self, tick: Tick) -> None:
        """All three rules, fused."""
        for batch, disposition in zip(tick.batches, tick.disposition, strict=True):
            self.kernel.score(batch, disposition, (0, len(batch)))

    def run_numpy(self, tick: Tick) -> None:
        """The same in numpy."""
        for batch in tick.batches:
            self.rival.score(batch)

    def run_river(self) -> None:
        """The same in river, over few readings."""
        for _ in range(max(1, RIVER_READINGS // len(self._river_next[0][0]))):
            self._river_next.append(self._river_next.pop(0))
            self.river.score(*self._river_next[0])

    def run_admit(self, tick: Tick) -> None:
        """Destinies of every reading."""
        for batch in tick.batches:
            disposition = self._scratch[: len(batch)]
            self.admission.admit(batch, batch.time_ns, (0, len(batch)), disposition)

    def run_hear(self, tick: Tick) -> None:
        """Deadlines of every channel."""
        for batch, lane_time_s, disposition in zip(
            tick.batches, tick.lane_time_s, tick.disposition, strict=True
        ):
            self.watch.hear(batch, disposition, lane_time_s, (0, len(batch)))

    def measure(self) -> dict[str, float]:
        """Median ns a reading of each arm."""
        arms = {"kernel": self.run_kernel, "numpy": self.run_numpy}
        arms |= {"admit": self.run_admit, "hear": self.run_hear}

        def whole(name: str) -> None:
            for tick in self.ticks:
                arms[name](tick)

        def later() -> None:
            for tick in self.ticks:
                tick.later(len(self.ticks))

        gc.collect()
        timed = {name: partial(whole, name) for name in arms}
        seconds = interleaved({**timed, "river": self.run_river}, ROUNDS, later, thread_time)
        readings = len(self.ticks) * self.channels
        ns = {name: seconds[name] * 1e9 / readings for name in arms}
        return {**ns, "river": seconds["river"] * 1e9 / RIVER_READINGS}


def claims(found: dict[int, dict[str, float]]) -> list[Claim]:
    """Goals: what the machine was found to allow, with room for a shared machine."""
    few, many, most = (found[n] for n in CHANNELS)
    ns, times = "ns/reading", "times"
    over_numpy = min(of["numpy"] / of["kernel"] for of in found.values())
    over_river = min(of["river"] / of["kernel"] for of in found.values())
    return [
        Claim("fused kernel, 1,000 channels", few["kernel"], 15, ns, "at most"),
        Claim("fused kernel, 100,000 channels", many["kernel"], 20, ns, "at most"),
        Claim("fused kernel, 1,000,000 channels", most["kernel"], 25, ns, "at most"),
        Claim(
            "fused kernel, 1,000,000 channels over 1,000",
            most["kernel"] / few["kernel"], 1.7, times, "at most",
        ),
        Claim("numpy over the kernel, any size", over_numpy, 5, times, "at least"),
        Claim("river over the kernel, any size", over_river, 120, times, "at least"),
        Claim("admission, 1,000,000 channels", most["admit"], 25, ns, "at most"),
        Claim("silence heard, 1,000,000 channels", most["hear"], 15, ns, "at most"),
    ]  # fmt: skip


def main() -> None:
    """Check, measure, tell."""
    found = {}
    for channels in CHANNELS:
        city = City(channels)
        city.check()
        found[channels] = city.measure()
        del city
    arms = ("kernel", "numpy", "river", "admit", "hear")
    rows = []
    for channels, ns in found.items():
        ratios = [f"{ns[arm] / ns['kernel']:.1f}" for arm in ("numpy", "river")]
        rows.append([f"{channels:,}", *(f"{ns[arm]:.1f}" for arm in arms), *ratios])
    print(f"ns of CPU time a reading, median of {ROUNDS} rounds of {PER_ROUND:,} readings or more")
    print(f"river: only {RIVER_READINGS:,} readings a round, of at most as many channels\n")
    print_table(["channels", *arms, "numpy/kernel", "river/kernel"], rows)
    print_claims(claims(found))


if __name__ == "__main__":
    main()
