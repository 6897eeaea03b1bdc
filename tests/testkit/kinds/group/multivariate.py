"""Groups in many dimensions: two loads that drive every channel of a pump."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.group.multivariate import MULTIVARIATE, Multivariate
from tests.testkit.kind_case import Case, Reading, roster

QUICK: dict[str, Any] = {
    "with_classes": {"pump.flow": 0.01, "pump.heat": 0.02},
    "floor": 0.01,
    "sync": Duration("80 s"),
    "train": 120,
    "retrain": 90,
    "quantile": 0.99,
    "at_most": "yellow",
    "hysteresis": 0.2,
    "relearn_after": Duration("30 min"),
}
CLASSES = {"pump.power": 2, "pump.flow": 2, "pump.heat": 4}


def lane(groups: int = 2) -> Any:
    """A power, a flow and two temperatures in each group."""
    made = roster({name: n * groups // 2 for name, n in CLASSES.items()})
    names = [made.classes[i] for i in made.class_of]
    of_group = [f"g-{names[:row].count(name) % groups}" for row, name in enumerate(names)]
    return type(made)(
        made.labels, made.classes, made.class_of, of_group, made.period_ns, made.places
    )


def stream(seed: int, n: int = 420) -> list[Reading]:
    """Two loads that drive all channels of a group; faults, losses, words that are too old."""
    chance = np.random.default_rng(seed)
    readings = []
    load = np.cumsum(chance.normal(0, 0.1, (n, 2)), axis=0)
    load -= np.linspace(0, 1, n)[:, None] * load[-1]
    mix = chance.normal(0, 1, (8, 2)) + 1.0
    wrong = {
        (int(at), int(row))
        for at, row in zip(chance.integers(150, n, 8), chance.integers(0, 8, 8), strict=True)
    }
    for step in range(n):
        for row in chance.permutation(8).tolist():
            value = float(mix[row] @ load[step] + chance.normal(0, 0.05))
            if any((step - back, row) in wrong for back in range(6)):
                value += 1.5
            if chance.random() > 0.03:
                late = 50.0 if chance.random() < 0.02 else 0.0
                readings.append(Reading(row, 60.0 * step + row - late, value))
    return readings


def case(seed: int = 0) -> Case:
    """Two pumps with faults of one channel each."""
    return Case(MULTIVARIATE, {"pump.power": Multivariate(**QUICK)}, lane(), stream(seed))
