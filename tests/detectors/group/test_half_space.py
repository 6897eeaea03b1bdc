"""Half-space trees: river's scores bit for bit, the twin, the laws, rows that are rare."""

from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.batch import Disposition
from contracts.quantities import Duration
from contracts.seeded import seeded
from detectors.base.kind import Scene
from detectors.base.score_quantile import BUCKETS
from detectors.group.half_space import ISOLATION, Isolation, Isolations, Span, faults
from detectors.group.half_space_trees import build, count_row, isolation
from tests.testkit.kind_case import (
    FIGURES,
    SECOND,
    SLOT,
    Case,
    Reading,
    keeps_the_laws,
    roster,
    run,
)
from tests.testkit.kinds.group.half_space import QUICK, UNIT, case, stream
from tests.testkit.level_twin import Gate, LevelTwin

river = pytest.importorskip("river.anomaly")


class RiverTwin:
    """One channel: river's own trees, and the scores in a list of buckets."""

    def __init__(self, rule: Isolation) -> None:
        self.rule = rule
        self.model = river.HalfSpaceTrees(
            n_trees=rule.trees,
            height=rule.height,
            window_size=rule.window,
            limits={name: (span.low, span.high) for name, span in rule.features.items()},
            seed=rule.seed,
        )
        self.level = LevelTwin(rule.on_delay.ns, rule.off_delay.ns)
        self.gate = Gate(rule.relearn_after.ns)
        self.rows, self.learned = 0, 0
        self.weights = [0.0] * BUCKETS

    def usual(self) -> float:
        share, total = 1.0 - self.rule.quantile, sum(self.weights)
        farther = (k for k in reversed(range(BUCKETS)) if sum(self.weights[k:]) > share * total)
        return float(next(farther) + 1) * (1.0 / BUCKETS)

    def see(self, time_ns: int, row: dict[str, float]) -> tuple[Any, ...] | None:
        score = self.model.score_one(row) if self.rows >= self.rule.window else None
        breached, change = 0, None
        if score is not None and self.learned >= self.rule.warm_up:
            bound = max(self.rule.above, self.usual())
            top = 2 if self.rule.at_most == "yellow" else 1
            breached = top if score > bound else 0
            held = top if score - bound > -self.rule.hysteresis else 0
            change = self.level.advance(breached, max(breached, held), time_ns)
        first = self.gate.closed is None
        if self.gate.opens(calm=breached == 0 and self.level.level == 0, time_ns=time_ns):
            self.model.learn_one(row)
            self.rows += 1
            self.count(score)
        elif first:
            self.count(score)
        return (*change, time_ns, score) if change else None

    def count(self, score: float | None) -> None:
        if score is None:
            return
        self.weights[min(int(score / (1.0 / BUCKETS)), BUCKETS - 1)] += 1.0
        self.learned += 1
        if sum(self.weights) >= 2 * self.rule.memory:
            self.weights = [weight * 0.5 for weight in self.weights]


def river_notes(one: Case, of_row: Any) -> list[tuple[Any, ...]]:
    """Level changes by river; `of_row(said, row, time_ns)` gives the features of a reading."""
    twins: dict[int, RiverTwin] = {}
    said: dict[int, list[tuple[int, float]]] = {}
    told: list[tuple[Any, ...]] = []
    for ordinal, reading in enumerate(one.readings):
        if reading.disposition is not Disposition.SCORED:
            continue
        row, time_ns = reading.row, round(reading.at_s * SECOND)
        said.setdefault(row, []).append((time_ns, reading.value))
        name = one.roster.classes[one.roster.class_of[row]]
        features = of_row(said, row, time_ns) if name in one.rules else None
        if features is None:
            continue
        twin = twins.get(row) or twins.setdefault(row, RiverTwin(one.rules[name]))
        if transition := twin.see(time_ns, features):
            *levels, score = transition
            told.append((ordinal, row, *levels, reading.value, *[np.nan] * 3, score))
    return told


def equals_river(one: Case, of_row: Any) -> None:
    expected, got = river_notes(one, of_row), run(one)
    keys = ("ordinal", "row", "was", "now", "onset_ns", "time_ns")
    assert len(got) >= 4, "idle"
    assert [tuple(int(transition[key]) for key in keys) for transition in got] == [
        told[: len(keys)] for told in expected
    ]
    for i, name in enumerate(FIGURES):
        mine = np.array([told[len(keys) + i] for told in expected], np.float64)
        np.testing.assert_array_equal(np.ascontiguousarray(got[name]), mine)


def value_and_change(said: Any, row: int, time_ns: int) -> dict[str, float] | None:
    del time_ns
    mine = said[row]
    if len(mine) < 2:
        return None
    return {"value": mine[-1][1], "change": mine[-1][1] - mine[-2][1]}


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_river_bit_for_bit(seed: int) -> None:
    equals_river(case(seed), value_and_change)


def test_other_words_equal_river_too() -> None:
    words = {"seed": 7, "height": 3, "trees": 20, "at_most": "blue", "off_delay": Duration("3 min")}
    rules = {"a.b": Isolation(**{**QUICK, **words}), "c.d": Isolation(**QUICK)}
    equals_river(Case(ISOLATION, rules, roster({"a.b": 1, "c.d": 1}), stream(5)), value_and_change)


def with_companion() -> Case:
    rule = msgspec.structs.replace(
        Isolation(**QUICK), features={"value": UNIT, "pump.flow": UNIT}, sync=Duration("65 s")
    )
    lane = roster({"pump.a": 1, "pump.flow": 1}, group_size=2)
    return Case(ISOLATION, {"pump.a": rule}, lane, stream(6))


def test_a_companion_is_a_feature_while_its_word_is_fresh() -> None:
    def both(said: Any, row: int, time_ns: int) -> dict[str, float] | None:
        if 1 not in said or abs(said[1][-1][0] - time_ns) > 65 * SECOND:
            return None
        return {"value": said[row][-1][1], "pump.flow": said[1][-1][1]}

    equals_river(with_companion(), both)


def test_the_laws_are_kept() -> None:
    keeps_the_laws(case())
    keeps_the_laws(with_companion())


@pytest.mark.parametrize("features", [1, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_rivers_over_random_rows(features: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    names = [f"f{k}" for k in range(features)]
    limits = [(float(a), float(a + w)) for a, w in chance.uniform(0.1, 3, (features, 2))]
    theirs = river.HalfSpaceTrees(
        n_trees=9, height=4, window_size=30, limits=dict(zip(names, limits, strict=True)), seed=seed
    )
    trees, shape = build(seeded(seed), limits, 9, 4), (9, 4, 30)
    masses, ready = np.zeros((2, 9, 31), np.uint16), False
    for n, x in enumerate(chance.normal(1.5, 1, (200, features)), 1):
        row = dict(zip(names, x.tolist(), strict=True))
        mine = isolation(trees, shape, masses[0], x) if ready else 0
        assert mine == theirs.score_one(row)
        count_row(trees, shape, masses[1], x)
        theirs.learn_one(row)
        if n % 30 == 0:
            masses[0], masses[1], ready = masses[1], 0, True


RULE = Isolation(
    features={"value": UNIT, "pump.flow": UNIT}, sync=Duration("2 min"), at_most="yellow"
)


def notes_of(pairs: Any) -> Any:
    """Level changes of a pump's power with its flow."""
    readings = [
        Reading(row, 60.0 * step + (1 - row), float(pair[row]))
        for step, pair in enumerate(pairs)
        for row in (1, 0)
    ]
    lane = roster({"pump.a": 1, "pump.flow": 1}, group_size=2)
    return run(Case(ISOLATION, {"pump.a": RULE}, lane, readings))


def pumps(n: int, seed: int = 0) -> Any:
    """Off, or on at one of two speeds; power and flow go together."""
    speed = np.repeat([0.05, 0.45, 0.85], 60)[np.arange(n) % 180]
    return speed[:, None] + np.random.default_rng(seed).normal(0, 0.02, (n, 2))


def test_a_pair_of_values_that_never_came_together_rings() -> None:
    pairs = pumps(9000)
    pairs[8100:8110, 1] = 0.05  # no flow, at a power that is usual
    pairs[8100:8110, 0] = 0.85
    transitions = notes_of(pairs)
    assert [int(transition["now"]) for transition in transitions] == [2, 0]
    assert transitions[0]["ordinal"] == 2 * 8100 + 1
    assert transitions[1]["ordinal"] <= 2 * 8111 + 1
    assert transitions[0]["score"] > 0.9


def test_t1_rest_and_usual_speeds_ring_nothing() -> None:
    pairs = pumps(9000)
    pairs[:, 0] = np.round(pairs[:, 0], 1)
    pairs[np.arange(9000) % 180 < 60] = 0.0
    assert not len(notes_of(pairs))


def test_a_restore_with_other_cuts_begins_anew() -> None:
    one = case()
    batch, disposition = one.batch()
    old = one.detector()
    old.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    other = {"pump.a": msgspec.structs.replace(one.rules["pump.a"], seed=1)}
    new = Isolations(SLOT, other, one.roster)
    new.restore(old.arrays(), np.arange(2))
    assert not new.state["learned"].any()
    assert not new.arrays()["isolation.masses"].any()
    assert np.array_equal(new.levels, old.arrays()["isolation.levels"])


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"features": {}}, ("features",), "expected a feature"),
        ({"features": {"value": Span(1.0, 1.0)}}, ("features", "value"), "could not be cut"),
        ({"warm_up": 200}, ("warm_up",), "expected at most memory (150)"),
        ({"quantile": 0.999}, ("warm_up",), "expected at least 1000 scores"),
        ({"hysteresis": 0.9}, ("hysteresis",), "could never clear"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    found = list(faults(Isolation(**{**QUICK, **words}), Scene(0.0, 1.0, Duration("60 s"))))
    assert [where for where, _ in found] == [path]
    assert text in found[0][1]


def test_sensible_words_pass() -> None:
    assert not list(faults(Isolation(**QUICK), Scene(0.0, 1.0, Duration("60 s"))))
