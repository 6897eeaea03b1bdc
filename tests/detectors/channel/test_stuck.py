"""Standing values: the twin, the laws, pumps that are off, heartbeats, a real year."""

from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.batch import Disposition
from contracts.quantities import Duration
from detectors.base.kind import Scene
from detectors.channel.stuck import STUCK, Stuck, While, bucket, faults, longest_in
from runtime.installation import HOME
from tests.testkit.kind_case import Case, Reading, Seen, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.channel.stuck import QUICK, case, stream

REAL = HOME.parent / "shared/data/water_battledim/flows_levels_2019H1.parquet"


class StuckTwin:
    def __init__(self, rule: Stuck, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.chain: list[float] = []
        self.was_open = False
        self.learned: dict[bool, dict[tuple[int, int], int]] = {True: {}, False: {}}
        self.ended = {True: 0, False: 0}
        self.first_seen: dict[bool, int] = {}
        self.multiple: int | None = None

    def rests(self, value: float) -> bool:
        return self.rule.rest is not None and abs(value - self.rule.rest) <= self.rule.resolution

    def see(self, time_ns: int, value: float) -> Seen:
        here = self.rests(value)
        near = self.chain and abs(value - self.chain[0]) <= self.rule.resolution
        if near and here == self.rests(self.chain[0]):
            self.chain.append(value)
        else:
            if self.chain and self.was_open:
                self.take(time_ns)
            self.chain = [value]
            self.first_seen.setdefault(here, time_ns)
        self.was_open = False
        breached = 2 if self.too_long(here, time_ns) else 0
        return Seen(float(len(self.chain)), breached, breached)

    def take(self, time_ns: int) -> None:
        multiple = time_ns // self.rule.forget.ns
        for _ in range(multiple - self.multiple if self.multiple is not None else 0):
            for weights in self.learned.values():
                for key in weights:
                    weights[key] //= 2
        self.multiple = multiple
        state, length = self.rests(self.chain[0]), len(self.chain)
        octave = length.bit_length() - 1
        key = (octave, 4 * length // 2**octave)
        self.learned[state][key] = self.learned[state].get(key, 0) + length
        self.ended[state] += 1

    def too_long(self, state: bool, time_ns: int) -> bool:
        weights = self.learned[state]
        young = time_ns - self.first_seen[state] < self.rule.warm_up.ns
        if len(self.chain) < self.rule.least or self.ended[state] < self.rule.runs or young:
            return False
        above = 0
        for octave, quarter in sorted(weights, reverse=True):
            above += weights[octave, quarter]
            if above > (1.0 - self.rule.quantile) * sum(weights.values()):
                inside = (
                    n for n in range(2**octave, 2 ** (octave + 1)) if 4 * n // 2**octave == quarter
                )
                return len(self.chain) > self.rule.times * max(inside)
        return False

    def learn(self, time_ns: int, value: float) -> None:
        self.was_open = True


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_its_twin_and_keeps_the_laws(seed: int) -> None:
    equals_twin(case(seed), StuckTwin)
    keeps_the_laws(case(seed))


def test_delays_one_state_and_other_figures_equal_the_twin_too() -> None:
    words = {**QUICK, "runs": 2, "times": 1.5, "least": 12, "quantile": 0.9}
    delays: dict[str, Any] = {"on_delay": Duration("5 min"), "off_delay": Duration("2 min")}
    rule = Stuck(**words, **delays)
    equals_twin(Case(STUCK, {"water.q": rule}, roster({"water.q": 2}), stream(7)), StuckTwin)


def test_every_length_lies_in_its_bucket() -> None:
    tops = [longest_in(bucket(length)) for length in range(1, 60_000)]
    assert all(length <= top <= length * 1.25 for length, top in enumerate(tops, 1))


def days(values: list[float], period_s: float = 300.0) -> list[Reading]:
    return [Reading(0, period_s * i, value) for i, value in enumerate(values)]


def pump(nights: int, chance: np.random.Generator) -> list[float]:
    """A pump that runs by day and is off for up to 19 h."""
    values: list[float] = []
    for _ in range(nights):
        values += chance.normal(44, 0.1, int(chance.integers(60, 100))).round(2).tolist()
        values += [0.0] * int(chance.integers(96, 234))
    return values


def alone(rule: Stuck, readings: list[Reading]) -> Any:
    return run(Case(STUCK, {"water.q": rule}, roster({"water.q": 1}, period_s=300), readings))


def test_t1_a_pump_that_is_off_rings_nothing_and_one_that_is_stuck_while_on_does() -> None:
    rule = Stuck(at_most="blue", rest=0.0)
    calm = pump(120, np.random.default_rng(2))
    assert not len(alone(rule, days(calm)))
    transition = alone(rule, days([*calm, *[44.01] * 40]))[0]
    assert transition["ordinal"] == len(calm) + 23
    assert (transition["was"], transition["now"], transition["score"]) == (0, 1, 24.0)


def test_t1_a_rest_that_lasts_for_days_rings() -> None:
    calm = [*pump(120, np.random.default_rng(2)), 44.1, 43.9]
    transitions = alone(Stuck(at_most="blue", rest=0.0), days([*calm, *[0.0] * 700]))
    assert len(calm) + 400 < transitions[0]["ordinal"] < len(calm) + 600


def test_t1_a_coarse_slow_level_rings_nothing() -> None:
    chance = np.random.default_rng(4)
    walk = np.cumsum(chance.normal(0, 0.002, 30_000)).round(2)
    assert not len(alone(Stuck(at_most="blue"), days(walk.tolist())))


def test_t2_heartbeats_of_a_channel_that_reports_changes_ring_nothing() -> None:
    chance = np.random.default_rng(5)
    values: list[float] = []
    for _ in range(60):
        values += chance.normal(3, 0.1, 50).tolist()
        values += [float(chance.normal(3, 0.1))] * int(chance.integers(30, 44))
    assert not len(alone(Stuck(at_most="blue"), days(values, 900.0)))


def test_t3_repeats_that_are_duplicates_or_late_lengthen_no_run() -> None:
    chance = np.random.default_rng(6)
    readings: list[Reading] = []
    for i, value in enumerate(chance.normal(3, 0.1, 6000).tolist()):
        readings.append(Reading(0, 300.0 * i, value))
        if i > 5500:
            readings += [Reading(0, 300.0 * i, value, Disposition.DUPLICATE)] * 30
            readings += [Reading(0, 300.0 * (i - 5), value, Disposition.LATE)]
    assert not len(alone(Stuck(at_most="blue"), readings))


def test_a_companion_excuses_a_standing_value() -> None:
    rule = Stuck(at_most="blue", ignore_while=While("water.pump_state", 0.0))
    chance = np.random.default_rng(8)
    flows = [*chance.normal(44, 0.1, 5000).tolist(), *[0.0] * 200, *[44.0] * 60]
    states = [1.0] * 5000 + [0.0] * 200 + [1.0] * 60
    readings: list[Reading] = []
    for i, (flow, state) in enumerate(zip(flows, states, strict=True)):
        readings += [Reading(1, 300.0 * i, state), Reading(0, 300.0 * i, flow)]
    classes = {"water.q": 1, "water.pump_state": 1}
    here = Case(STUCK, {"water.q": rule}, roster(classes, group_size=2), readings)
    assert [int(transition["ordinal"]) // 2 for transition in run(here)] == [5200 + 23]
    keeps_the_laws(here, changes=1)
    apart = Case(STUCK, {"water.q": rule}, roster(classes, group_size=1), readings)
    assert int(run(apart)[0]["ordinal"]) // 2 == 5000 + 23


def test_a_run_that_rang_is_not_learned_before_the_gate_opens() -> None:
    chance = np.random.default_rng(9)
    flows: list[float] = chance.normal(44, 0.1, 5000).tolist()
    for _ in range(3):
        flows += [44.0] * 60 + chance.normal(44, 0.1, 50).tolist()
    assert len(alone(Stuck(at_most="blue"), days(flows))) == 6
    assert len(alone(Stuck(at_most="blue", relearn_after=Duration("1 h")), days(flows))) == 2


@pytest.mark.skipif(not REAL.exists(), reason="the L-Town set is not at hand")
def test_half_a_year_of_l_town_rings_nothing() -> None:
    from pyarrow import parquet  # noqa: PLC0415 - only where the set is

    table = parquet.read_table(REAL)
    for name in ("PUMP_1", "T1", "p227"):
        rule = Stuck(at_most="blue", rest=0.0 if name == "PUMP_1" else None)
        values = table[name].to_pylist()
        assert not len(alone(rule, days(values)))
        dead = [*values, values[-1] + 1.0, *[0.0] * 500]
        assert len(alone(rule, days(dead))) == 1, f"{name} is judged at all"


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"resolution": 1.0}, ("resolution",), "every reading would be a repeat"),
        ({"rest": 3.0}, ("rest",), "would never be at rest"),
        ({"warm_up": Duration("1 min")}, ("warm_up",), "expected room for 24 readings"),
        ({"forget": Duration("1 min")}, ("forget",), "expected room for 24 readings"),
        ({"relearn_after": Duration("1 s")}, ("relearn_after",), "expected room for 24"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    rule = Stuck(**{**QUICK, **words})
    where, said = next(faults(rule, Scene(0.0, 1.0, Duration("60 s"))))
    assert where == path
    assert text in said


def test_a_companion_is_written_in_words() -> None:
    written = {"at_most": "blue", "ignore_while": {"class": "water.pump_state", "is": 0}}
    assert msgspec.convert(written, Stuck).ignore_while == While("water.pump_state", 0.0)


def test_sensible_words_pass() -> None:
    assert not list(faults(Stuck(at_most="blue", rest=0.0), Scene(0.0, 1.0, Duration("60 s"))))
