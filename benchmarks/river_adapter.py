"""What the adapter adds to a model of river: the same models, fed by `river` and by a bare loop.

River's pipeline of a scaler and half-space trees with its own defaults, over a value and the one
before it, one model a channel, score and learn. The bare loop keeps nothing, has no level and no
gate.
"""

from time import thread_time

import numpy as np
from river import anomaly, compose, preprocessing

from benchmarks.support.claims import Claim, interleaved, print_claims, print_table
from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from detectors.base.kind import Roster
from detectors.river.config import River
from detectors.river.models import SEED
from detectors.river.rule import RiverModels

CHANNELS, READINGS, ROUNDS = 20, 2_000, 11
RULE = River(
    model="half_space_trees",
    at_most="blue",
    features=["value", "lag1"],
    above=2.0,  # never: what rings is learned by nobody, and would be less work
    warm_up=2,
    memory=2_000,
    relearn_after=Duration("1 d"),
)
PERIOD_NS = 60_000_000_000


class Bare:
    """River's models in a plain loop."""

    def __init__(self) -> None:
        self._models = [
            compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=SEED))
            for _ in range(CHANNELS)
        ]
        self._before = [float("nan")] * CHANNELS

    def score(self, rows: list[int], values: list[float]) -> list[float]:
        """Scores of some readings, each learned afterwards."""
        scores = []
        for row, value in zip(rows, values, strict=True):
            model, before = self._models[row], self._before[row]
            self._before[row] = value
            if before == before:  # noqa: PLR0124 - NaN before the first
                inputs = {"value": value, "lag1": before}
                scores.append(model.score_one(inputs))
                model.learn_one(inputs)
        return scores


def adapter() -> RiverModels:
    """The rule on all channels."""
    names, groups = ("m",), tuple(f"g-{row}" for row in range(CHANNELS))
    class_of = np.zeros(CHANNELS, np.int64)
    places = np.full((CHANNELS, 2), np.nan)
    roster = Roster(names, names, class_of, groups, (PERIOD_NS,), places)
    return RiverModels(1, {"m": RULE}, roster)


def main() -> None:
    """Measure, tell."""
    chance = np.random.default_rng(7)
    row = np.arange(READINGS, dtype=np.int32) % CHANNELS
    time_ns = np.arange(READINGS) // CHANNELS * PERIOD_NS
    record, quality = np.arange(READINGS, dtype=np.int32), np.zeros(READINGS, np.uint8)
    batch = Batch(record, row, time_ns, chance.random(READINGS), quality)
    scored = np.full(READINGS, Disposition.SCORED, np.uint8)
    ours, bare = adapter(), Bare()

    def later() -> None:
        batch.time_ns[:] += READINGS // CHANNELS * PERIOD_NS
        batch.value[:] = chance.random(READINGS)

    def run_ours() -> None:
        ours.score(batch, scored, (0, READINGS), {"value": batch.value})

    def run_bare() -> None:
        bare.score(batch.row.tolist(), batch.value.tolist())

    seconds = interleaved({"adapter": run_ours, "bare": run_bare}, ROUNDS, later, thread_time)
    ns = {name: taken * 1e9 / READINGS for name, taken in seconds.items()}
    ratio = ns["adapter"] / ns["bare"]
    print(f"ns of CPU time a reading, median of {ROUNDS} rounds of {READINGS:,} readings\n")
    print_table(
        ["model", *ns, "adapter/bare"],
        [["half-space trees", *(f"{each:,.0f}" for each in ns.values()), f"{ratio:.2f}"]],
    )
    name = "river's half-space trees through the adapter, over a bare loop"
    print_claims([Claim(name, ratio, 1.15, "times", "at most")])


if __name__ == "__main__":
    main()
