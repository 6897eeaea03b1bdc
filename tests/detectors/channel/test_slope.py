"""Falls and rises: the twin, the laws, one wild reading, a burst main."""

import itertools
import statistics
from collections import deque
from typing import Any

import numpy as np
import pytest

from contracts.quantities import Duration
from detectors.base.kind import Kind, Scene
from detectors.base.thresholds import Steps
from detectors.channel.slope import FALL, RING, RISE, Fall, Rise, faults
from tests.testkit.kind_case import Case, Reading, Seen, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.channel.slope import RULE, stream

pytestmark = pytest.mark.slow


class SlopeTwin:
    def __init__(self, rule: Fall, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.sign = 1 if isinstance(rule, Rise) else -1
        self.kept: deque[tuple[int, float]] = deque(maxlen=RING)

    def see(self, time_ns: int, value: float) -> Seen | None:
        self.kept.append((time_ns, value))
        inside = [(t, v) for t, v in self.kept if time_ns - t <= self.rule.over.ns]
        if len(inside) < self.rule.least:
            return None
        pairs = itertools.combinations(inside, 2)
        slope = statistics.median((v2 - v1) / ((t2 - t1) / 10**9) for (t1, v1), (t2, v2) in pairs)
        score = self.sign * (slope * (self.rule.over.ns / 10**9))
        steps = enumerate((self.rule.by.blue, self.rule.by.yellow, None, self.rule.by.red), 1)
        given = [(colour, step) for colour, step in steps if step is not None]
        breached = max((c for c, step in given if score > step), default=0)
        held = max((c for c, step in given if score > step - self.rule.hysteresis), default=0)
        return Seen(score, breached, max(breached, held))

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing: a window forgets by itself."""


@pytest.mark.parametrize(("kind", "rule"), [(FALL, Fall(**RULE)), (RISE, Rise(**RULE))])
def test_the_kernel_equals_its_twin_and_keeps_the_laws(kind: Kind, rule: Fall) -> None:
    for seed in range(3):
        case = Case(kind, {"water.p": rule}, roster({"water.p": 3}), stream(seed))
        equals_twin(case, SlopeTwin)
        keeps_the_laws(case)


def test_delays_and_hysteresis_are_the_level_steps_own() -> None:
    rule = Fall(
        **RULE, on_delay=Duration("1 min"), off_delay=Duration("2 min"), hysteresis=0.01, least=3
    )
    case = Case(FALL, {"water.p": rule}, roster({"water.p": 3}), stream(9))
    equals_twin(case, SlopeTwin)


@pytest.mark.parametrize(("kind", "make"), [(FALL, Fall), (RISE, Rise)])
@pytest.mark.parametrize("step", [0.01, 0.02, 0.0625])
def test_a_change_that_equals_its_step_to_the_last_bit_is_below_it(
    kind: Kind, make: type[Fall], step: float
) -> None:
    """Slopes of powers of two, many of them equal: half of the pairs lie on the bound itself."""
    chance = np.random.default_rng(3)
    values = np.cumsum(chance.choice([-step, 0.0, 0.0, step], 400))
    readings = [Reading(0, 64.0 * i, value) for i, value in enumerate(values.tolist())]
    rule = make(over=Duration("256 s"), by=Steps(blue=step, red=4 * step), least=3)
    case = Case(kind, {"water.p": rule}, roster({"water.p": 1}), readings)
    equals_twin(case, SlopeTwin)
    assert len(run(case)) > 10


def test_one_wild_reading_moves_nothing_and_a_burst_rings_in_three() -> None:
    values = [0.3] * 10 + [0.1] + [0.3] * 10 + [0.16] * 3
    readings = [Reading(0, 60.0 * i, value) for i, value in enumerate(values)]
    rule = Fall(over=Duration("5 min"), by=Steps(yellow=0.03))
    transition = run(Case(FALL, {"water.p": rule}, roster({"water.p": 1}), readings))[0]
    assert 21 <= transition["ordinal"] <= 23
    assert transition["now"] == 2
    assert transition["score"] > 0.03


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"by": Steps()}, ("by",), "expected a step, got none"),
        ({"by": Steps(blue=-1.0)}, ("by",), "expected steps above 0"),
        ({"by": Steps(blue=0.2, red=0.1)}, ("by",), "expected rising steps"),
        ({"by": Steps(red=2.0)}, ("by",), "could never ring"),
        ({"hysteresis": 0.02}, ("hysteresis",), "would never clear"),
        ({"over": Duration("3 min")}, ("over",), "expected room for 5 readings"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    rule = Fall(**{**RULE, **words})
    where, said = next(faults(rule, Scene(0.0, 1.0, Duration("60 s"))))
    assert where == path
    assert text in said


def test_sensible_words_pass() -> None:
    assert not list(faults(Fall(**RULE), Scene(0.0, 1.0, Duration("60 s"))))
