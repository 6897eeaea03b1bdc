"""State is kept across a reload as long as it means the same, of every kind and of each class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Detector
from detectors.base.thresholds import Steps
from detectors.channel.missing import LATE, MISSING, REPEATED
from detectors.channel.sequence import Repeats
from detectors.channel.slope import RISE, Rise
from detectors.registry import KINDS
from detectors.sums.rolling_sum import Window
from tests.detectors.channel.test_missing import EVERY
from tests.testkit.kind_case import Case, same
from tests.testkit.kinds import river
from tests.testkit.kinds.change import departure, drift, shift, trend
from tests.testkit.kinds.channel import (
    discord,
    missing,
    novelty,
    seasonal,
    sequence,
    slope,
    spectrum,
    stuck,
    unit_change,
)
from tests.testkit.kinds.group import balance, consensus, half_space, joint, multivariate, regress
from tests.testkit.kinds.sums import rolling_sum, total

pytestmark = pytest.mark.slow

OTHER = " tag:other"  # the variant of a class whose rule changes
# Arrays by row that are learned, and the arrays that say whose each row is.
LEARNED = {
    "rows": ("state", "memory", "masses", "recent", "eased", "excursions", "slices"),
    "anchors": ("counts", "clean", "mean", "scale", "parts", "variance", "limits"),
    "owners": ("models",),
    "sitting": ("seats",),
}


@dataclass(frozen=True)
class Reload:
    """A case, and changes of its rule: of what state means, and only of when it rings.

    Without a change of meaning the unit of the class changes: then all that a rule keeps does.
    """

    case: Case
    meaning: Mapping[str, Any]
    ringing: Mapping[str, Any]


def _missing(kind: Any) -> Case:
    rule = next(rule for one, rule in EVERY if one is kind)
    return missing.case(1, kind, rule)


def _rise() -> Case:
    falls = slope.case(1)
    words = structs.asdict(next(iter(falls.rules.values())))
    return replace(falls, kind=RISE, rules={label: Rise(**words) for label in falls.rules})


WIDER = {"band": Sigmas("9 sigma")}
OVER = {"over": Duration("2 h")}
RELOADS = {
    "balance": Reload(balance.case(1), {}, {"tolerance": 99.0}),
    "seasonal": Reload(seasonal.case(1), {"slot": Duration("30 min")}, WIDER),
    "regress": Reload(regress.case(1), {"forget": 0.95}, WIDER),
    "consensus": Reload(consensus.case(1), {"memory": 50}, WIDER),
    "rolling_sum": Reload(
        rolling_sum.case(1),
        {"every": Duration("10 min")},
        {"over": {key: Window(red=999.0) for key in rolling_sum.RULE.over}},
    ),
    "total": Reload(total.case(1), {"over": Duration("20 min")}, {"least": 1}),
    "fall": Reload(slope.case(1), {}, {"by": Steps(red=9.0)}),
    "rise": Reload(_rise(), {}, {"by": Steps(red=9.0)}),
    "stuck": Reload(stuck.case(1), {"resolution": 0.03}, {"times": 9.0}),
    "unit_change": Reload(unit_change.case(1), {"memory": 777}, {"confirm": 9}),
    "sequence": Reload(
        sequence.case(1),
        {"repeats": Repeats(of="closing>opening", more_than=9, within=Duration("60 s"))},
        {"at_most": {}},
    ),
    "trend": Reload(trend.case(1), {"from_hour": 1.0}, {"velocity": Steps(red=999.0)}),
    "missing": Reload(_missing(MISSING), OVER, {"below": Steps(red=0.1)}),
    "repeated": Reload(_missing(REPEATED), OVER, {"above": Steps(red=0.9)}),
    "late": Reload(_missing(LATE), OVER, {"above": Steps(red=0.9)}),
    "river": Reload(river.case(1), {"features": ["value"]}, {"above": 0.999}),
    "discord": Reload(discord.case(1), {"memory": 777}, {"times": 9.0}),
    "novelty": Reload(novelty.case(1), {"floor": 7.0}, {"above": 99.0}),
    "multivariate": Reload(multivariate.case(1), {"keep": 0.5}, {"times": 9.0}),
    "drift": Reload(drift.case(1), {"of": "other"}, {"off_delay": Duration("9 d")}),
    "shift": Reload(shift.case(1), {"memory": 7777}, {"h": Sigmas("99 sigma")}),
    "departure": Reload(departure.case(1), {"memory": 77}, WIDER),
    "isolation": Reload(half_space.case(1), {"seed": 7}, {"above": 0.99}),
    "spectrum": Reload(spectrum.case(1), {"memory": 777}, WIDER),
    "joint": Reload(joint.case(1), {"at_least": "red"}, {"within": Duration("9 min")}),
}


def beside_itself(case: Case) -> Case:
    """The same channels and rules once more, as a variant of their classes in other groups."""
    lane = case.roster
    n = len(lane.class_of)
    doubled = replace(
        lane,
        labels=(*lane.labels, *(label + OTHER for label in lane.labels)),
        classes=(*lane.classes, *lane.classes),
        class_of=np.concatenate([lane.class_of, lane.class_of + len(lane.labels)]),
        groups=[*lane.groups, *(f"{group}{OTHER}" for group in lane.groups)],
        period_ns=[*lane.period_ns, *lane.period_ns],
        places=np.concatenate([lane.places, lane.places]),
    )
    rules = {**case.rules, **{label + OTHER: rule for label, rule in case.rules.items()}}
    readings = [
        reading
        for one in case.readings
        for reading in (one, replace(one, row=one.row + n) if one.row >= 0 else one)
    ]
    return Case(case.kind, rules, doubled, readings)


def changed(case: Case, words: Mapping[str, Any]) -> Case:
    """The same with some words of the variant's rule changed."""
    rules = {
        label: structs.replace(rule, **words) if label.endswith(OTHER) else rule
        for label, rule in case.rules.items()
    }
    return replace(case, rules=rules)


def state(detector: Detector) -> dict[str, tuple[NDArray[np.int64], NDArray[Any]]]:
    """What was learned: lane rows and state, by the name of the array."""
    arrays = {name: array.copy() for name, array in detector.arrays().items()}
    found = {}
    for of, names in LEARNED.items():
        for name, array in arrays.items():
            prefix, _, last = name.rpartition(".")
            if last in names and f"{prefix}.{of}" in arrays:
                found[name] = (arrays[f"{prefix}.{of}"], array)
    return found


def heirs(trained: Detector, case: Case) -> Detector:
    """A detector of a case that took over what another one had learned."""
    arrays = {name: array.copy() for name, array in trained.arrays().items()}
    heir = case.detector()
    heir.restore(arrays, np.arange(len(case.roster.class_of)))
    return heir


def trained(case: Case, half: int) -> Detector:
    """A detector that has seen the readings up to one of them."""
    detector = case.detector()
    batch, disposition = case.batch()
    detector.score(batch, disposition, (0, half), {"value": batch.value, "other": batch.value})
    return detector


def rest(detector: Detector, case: Case, half: int) -> NDArray[np.void]:
    """Level changes of the channels that did not change, over the rest of the readings."""
    batch, disposition = case.batch()
    columns = {"value": batch.value, "other": batch.value}
    found = detector.score(batch, disposition, (half, len(batch)), columns)
    return found[found["row"] < len(case.roster.class_of) // 2]


def equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Equal to the bit."""
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def test_every_kind_has_its_reload() -> None:
    assert set(RELOADS) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("name", RELOADS)
def test_a_class_whose_rule_means_something_else_begins_anew_and_no_other(name: str) -> None:
    reload = RELOADS[name]
    before = beside_itself(reload.case)
    half = len(before.readings) // 2
    after = changed(before, reload.meaning)
    if not reload.meaning:
        # Half a lane cannot have another unit: of this kind both classes begin anew.
        units = dict.fromkeys(before.roster.classes, "kPa")
        after = replace(after, roster=replace(after.roster, units=units))
    learned, fresh = trained(before, half), state(after.detector())
    heir = heirs(learned, after)
    n = len(before.roster.class_of) // 2 if reload.meaning else 0
    was, now, busy = state(learned), state(heir), 0
    for array, (rows, values) in now.items():
        at = np.flatnonzero(rows >= n)
        if name == "joint" and not array.endswith("joint.eased"):
            continue  # the slopes that it listens to keep theirs
        assert equal(values[at], fresh[array][1][at]), array
        busy += not equal(was[array][1][at], fresh[array][1][at])
        if values.dtype == was[array][1].dtype and values.shape == was[array][1].shape:
            kept = np.flatnonzero(rows < n)
            assert equal(values[kept], was[array][1][kept]), array
    assert busy, "idle: nothing had been learned"
    if reload.meaning:
        going_on = rest(learned, before, half)
        assert len(going_on), "idle: nothing rings after the reload"
        assert same(rest(heir, after, half), going_on)


@pytest.mark.parametrize("name", RELOADS)
def test_what_only_says_when_to_ring_changes_no_state(name: str) -> None:
    reload = RELOADS[name]
    before = beside_itself(reload.case)
    learned = trained(before, len(before.readings) // 2)
    fresh = state(before.detector())
    now = state(heirs(learned, changed(before, reload.ringing)))
    was, busy = state(learned), 0
    for array, (_, values) in now.items():
        assert equal(values, was[array][1]), array
        busy += not equal(values, fresh[array][1])
    assert busy, "idle: nothing had been learned"


@pytest.mark.parametrize("name", [name for name in RELOADS if name != "joint"])
def test_channels_that_begin_anew_are_counted(name: str) -> None:
    reload = RELOADS[name]
    before = beside_itself(reload.case)
    learned = before.detector()
    heir: Any = heirs(learned, changed(before, reload.ringing))
    assert heir.relearning == 0
    if reload.meaning:
        heir = heirs(learned, changed(before, reload.meaning))
        arrays = learned.arrays()
        rows = arrays[f"{name}.anchors" if name == "multivariate" else f"{name}.rows"]
        assert heir.relearning == np.count_nonzero(rows >= len(before.roster.class_of) // 2)


@pytest.mark.parametrize("name", RELOADS)
def test_a_snapshot_without_fingerprints_is_taken_to_mean_the_same(name: str) -> None:
    case = RELOADS[name].case
    learned = trained(case, len(case.readings) // 2)
    added = ("meaning", "units", "sources")
    arrays = {
        array: values.copy()
        for array, values in learned.arrays().items()
        if array.rpartition(".")[2] not in added
    }
    heir = case.detector()
    heir.restore(arrays, np.arange(len(case.roster.class_of)))
    was = learned.arrays()
    assert all(equal(values, was[array]) for array, values in heir.arrays().items())
