"""Joint rules: a pressure that falls while a flow rises."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.quantities import Duration
from contracts.transition import Transitions
from detectors.base.kind import Columns, Detector, Kind, Listener, Roster
from detectors.base.thresholds import Steps
from detectors.channel.slope import FALL, RISE, Fall, Rise
from detectors.group.joint import JOINT, Joint
from tests.testkit.kind_case import Case, Reading, roster

PRESSURE, FLOW = "water.pressure", "water.flow"
SLOTS = {"fall": 4, "rise": 5}
BURST = Joint(
    all_of=["water.pressure.fall", "water.flow.rise"],
    within=Duration("3 min"),
    colour="orange",
    off_delay=Duration("2 min"),
)
STEEP = Fall(over=Duration("4 min"), by=Steps(yellow=0.06), least=3)
SURGE = Rise(over=Duration("4 min"), by=Steps(yellow=40.0), least=3)


class Together:
    """Slopes and the joint rule over them, as a lane runs them."""

    def __init__(self, slot: int, rules: Mapping[str, Any], lane: Roster) -> None:
        lane = replace(lane, slots=SLOTS)
        self._parts: list[Detector] = [
            FALL.build(SLOTS["fall"], _of_class(lane, PRESSURE, STEEP), lane),
            RISE.build(SLOTS["rise"], _of_class(lane, FLOW, SURGE), lane),
            JOINT.build(slot, rules, lane),
        ]
        self.others: list[Transitions] = []

    def score(
        self, batch: Batch, disposition: NDArray[np.uint8], span: tuple[int, int], columns: Columns
    ) -> Transitions:
        """Level changes of the joint rule alone; those of the others are kept."""
        *others, joint = self._parts
        said = np.concatenate([one.score(batch, disposition, span, columns) for one in others])
        self.others.append(said)
        assert isinstance(joint, Listener)
        joint.hear(said)
        return joint.score(batch, disposition, span, columns)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """State of all."""
        return {
            f"joint.{name}": array for one in self._parts for name, array in one.arrays().items()
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """State of all."""
        mine = {name.removeprefix("joint."): array for name, array in arrays.items()}
        for one in self._parts:
            one.restore(mine, old_row)


def _of_class(lane: Roster, name: str, rule: Any) -> dict[str, Any]:
    """The rule for a class and all of its variants."""
    labels = zip(lane.labels, lane.classes, strict=True)
    return {label: rule for label, class_name in labels if class_name == name}


TOGETHER = Kind("joint", Joint, Together, "joint")


def lane(groups: int = 2) -> Roster:
    """Two pressures and a flow in each group."""
    made = roster({PRESSURE: 2 * groups, FLOW: groups})
    names = [f"g-{row % groups}" for row in range(3 * groups)]
    return replace(made, groups=names, slots=SLOTS)


def stream(events: list[tuple[int, int]], n: int = 120, groups: int = 2) -> list[Reading]:
    """A reading a minute of each channel; at (minute, row) a channel moves for five minutes."""
    chance = np.random.default_rng(5)
    level = np.array([0.3] * 2 * groups + [100.0] * groups)
    moves = np.array([-0.03] * 2 * groups + [20.0] * groups)
    readings = []
    for minute in range(n):
        for row in chance.permutation(3 * groups).tolist():
            if any(at <= minute < at + 5 and row == which for at, which in events):
                level[row] += moves[row]
            elif any(minute == at + 20 and row == which for at, which in events):
                level[row] -= 5 * moves[row]
            readings.append(Reading(row, minute * 60.0 + row, float(level[row])))
    return readings


def case(seed: int = 0) -> Case:
    """Bursts at random times in both groups."""
    chance = np.random.default_rng(seed)
    starts = np.sort(chance.integers(5, 110, 6)).tolist()
    events = [(at + int(chance.integers(-4, 5)), at % 2 + 4) for at in starts]
    events += [(at, at % 2) for at in starts]
    return Case(TOGETHER, {PRESSURE: BURST}, lane(), stream(events))
