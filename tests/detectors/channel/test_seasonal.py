"""The seasonal profile: its twin, the laws, a surge, a closed station, holidays."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from math import nan
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from contracts.civil_time import DayType
from contracts.quantities import Duration, Sigmas
from contracts.transition import Transitions
from detectors.base.kind import Scene
from detectors.channel.seasonal import SEASONAL, Seasonal, faults
from tests.testkit.kind_case import (
    Case,
    Reading,
    Seen,
    equals_twin,
    keeps_the_laws,
    roster,
    run,
    same,
)
from tests.testkit.kinds.channel.seasonal import CITY, WORDS, case, stream, usual


class SeasonalTwin:
    def __init__(self, rule: Seasonal, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.slots: dict[tuple[str, int], list[float]] = {}  # readings seen, mean, deviation

    def _slot(self, time_ns: int) -> tuple[str, int]:
        local = datetime.fromtimestamp(time_ns / 1e9, CITY)
        usual = ["workday"] * 5 + ["saturday", "sunday"]
        kind = self.rule.calendar.get(local.date().isoformat(), usual[local.weekday()])
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        return kind, seconds * 10**9 // self.rule.slot.ns

    def _unit(self, mean: float, deviation: float) -> float:
        sigma = 1.2533141373155003 * deviation
        return max(sigma, self.rule.floor, self.rule.floor_share * abs(mean))

    def see(self, time_ns: int, value: float) -> Seen | None:
        seen, mean, deviation = self.slots.get(self._slot(time_ns), [0, nan, 0.0])
        if seen < self.rule.warm_up:
            return None
        unit = self._unit(mean, deviation)
        score = (value - mean) / unit
        judged = {"both": abs(score), "above": score, "below": -score}[self.rule.side]
        top = ["blue", "yellow"].index(self.rule.at_most) + 1
        band, back = self.rule.band.count, self.rule.hysteresis.count
        breached = top if judged > band else 0
        held = top if judged > band - back else breached
        return Seen(score, breached, held, mean, band * unit)

    def learn(self, time_ns: int, value: float) -> None:
        slot = self.slots.setdefault(self._slot(time_ns), [0, value, 0.0])
        slot[0] += 1
        if slot[0] == 1:
            return
        off = value - slot[1]
        if slot[0] > self.rule.warm_up:
            most = 3.0 * self._unit(slot[1], slot[2])
            off = min(max(off, -most), most)
        gain = 1.0 / min(slot[0], self.rule.memory)
        slot[1] += gain * off
        slot[2] += gain * (abs(off) - slot[2])


@pytest.mark.parametrize("seed", range(2))
def test_the_kernel_equals_its_twin_and_keeps_the_laws(seed: int) -> None:
    equals_twin(case(seed), SeasonalTwin)
    keeps_the_laws(case(seed))


def ringing(rule: Seasonal, readings: list[Reading]) -> list[tuple[int, int]]:
    """Hour and colour of each change."""
    one = Case(SEASONAL, {"m": rule}, roster({"m": 1}, period_s=3600), readings)
    return [(int(transition["ordinal"]), int(transition["now"])) for transition in run(one)]


def test_a_surge_and_a_closed_station_ring_and_clear() -> None:
    surge, closed = 15 * 24 + 18, range(17 * 24 + 8, 17 * 24 + 14)
    told = ringing(Seasonal(**WORDS), stream(20, {surge: 3.8, **dict.fromkeys(closed, 0.0)}))
    assert told == [(surge, 2), (surge + 1, 0), (closed[0], 2), (closed[-1] + 1, 0)]


def test_one_side_is_deaf_to_the_other() -> None:
    surge, closed = 15 * 24 + 18, 17 * 24 + 8
    readings = stream(20, {surge: 3.8, closed: 0.0})
    assert [hour for hour, _ in ringing(Seasonal(**WORDS, side="above"), readings)] == [
        surge,
        surge + 1,
    ]
    assert [hour for hour, _ in ringing(Seasonal(**WORDS, side="below"), readings)] == [
        closed,
        closed + 1,
    ]


def test_t6_a_holiday_rings_without_the_calendar_and_not_with_it() -> None:
    holiday = date(2026, 3, 25)  # a Wednesday that is lived as a Sunday
    moments = {r.at_s: datetime.fromtimestamp(r.at_s, CITY) for r in stream(28, {})}
    readings = [
        replace(r, value=usual(moments[r.at_s] + timedelta(days=4)))
        if moments[r.at_s].date() == holiday
        else r
        for r in stream(28, {})
    ]
    assert ringing(Seasonal(**WORDS), readings)
    calendar: dict[str, DayType] = {holiday.isoformat(): "sunday"}
    assert not ringing(Seasonal(**WORDS, calendar=calendar), readings)


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"slot": Duration("7 h")}, ("slot",), "a whole number of slots"),
        ({"hysteresis": Sigmas("5 sigma")}, ("hysteresis",), "could never clear"),
        ({"band": Sigmas("0 sigma")}, ("band",), "more than 0 sigma"),
        ({"warm_up": 9}, ("warm_up",), "at most memory (8)"),
        ({"floor": 1e6}, ("floor",), "inside the plausible width"),
        ({"calendar": {"1 May": "sunday"}}, ("calendar",), "got '1 May'"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    where, said = next(faults(Seasonal(**{**WORDS, **words}), Scene(0, 4e4, Duration("1 h"))))
    assert where == path
    assert text in said


def test_other_columns_are_judged() -> None:
    rules = {name: structs.replace(rule, of="balance") for name, rule in case().rules.items()}
    one = replace(case(), rules=rules)
    batch, disposition = one.batch()
    columns = {"value": np.zeros(len(batch)), "balance": batch.value}
    found = one.detector().score(batch, disposition, (0, len(batch)), columns)
    assert len(found) == len(run(case())) > 2


def reloaded(before: Case, after: Case, readings: int) -> tuple[Any, Transitions]:
    """A detector that took over what the one before learned of some readings, and what it tells."""
    batch, disposition = before.batch()
    columns = {"value": batch.value}
    old, new = before.detector(), after.detector()
    old.score(batch, disposition, (0, readings), columns)
    new.restore(
        {name: array.copy() for name, array in old.arrays().items()},
        np.arange(len(after.roster.class_of)),
    )
    return new, new.score(batch, disposition, (readings, len(batch)), {"value": batch.value})


def test_a_normal_day_after_a_reload_with_another_slot_rings_nothing() -> None:
    """Slots of an hour are no slots of half an hour, though both fit into one array."""
    lane = roster({"m": 1, "fine": 1}, period_s=3600)
    fine = Seasonal(**{**WORDS, "slot": Duration("30 min")})
    before = Case(SEASONAL, {"m": Seasonal(**WORDS), "fine": fine}, lane, stream(29, {}))
    after = replace(before, rules={"m": fine, "fine": fine})
    assert (
        after.detector().arrays()["seasonal.state"].dtype
        == before.detector().arrays()["seasonal.state"].dtype
    )
    detector, told = reloaded(before, after, 24 * 28)
    assert detector.relearning == 1
    assert not len(told)


def test_a_finer_slot_of_another_class_leaves_a_profile_as_it_was() -> None:
    lane = roster({"m": 1, "other": 1}, period_s=3600)
    surge = 22 * 24 + 18
    usual_rules = {"m": Seasonal(**WORDS), "other": Seasonal(**WORDS)}
    before = Case(SEASONAL, usual_rules, lane, stream(25, {surge: 3.8}))
    finer = {**usual_rules, "other": Seasonal(**{**WORDS, "slot": Duration("10 min")})}
    detector, told = reloaded(before, replace(before, rules=finer), surge - 8)
    assert detector.state.dtype != before.detector().arrays()["seasonal.state"].dtype
    assert [int(now) for now in told["now"]] == [2, 0], "the profile knows the surge at once"
    expected = run(before)
    assert same(told, expected[expected["ordinal"] >= surge - 8])
