"""The seasonal profile: its twin, the laws, a surge, a closed station, holidays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import exp
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from contracts.civil_time import DayType
from contracts.quantities import Duration, Sigmas
from contracts.transition import Transitions
from detectors.base.kind import Scene
from detectors.channel.seasonal import SEASONAL, Seasonal, faults
from detectors.false_alarm_rate.rate import band
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
from tests.testkit.kinds.channel.seasonal import BEGIN, CITY, WORDS, case, stream, usual


@dataclass
class Slot:
    """What one slot of a kind of day has learned; days count since 1970."""

    mean: float
    seen: int = 0
    deviation: float = 0.0
    weight: float = 0.0
    day: int | None = None
    closed: int | None = None


class SeasonalTwin:
    def __init__(self, rule: Seasonal, period_ns: int) -> None:
        self.rule = rule
        a_day = max(rule.slot.ns / period_ns, 1.0)
        self.memory_d = rule.memory / a_day * (7 / 5)
        self.relearn_d = max(-(-rule.relearn_after.ns // (86_400 * 10**9)), 1)
        self.slots: dict[tuple[str, int], Slot] = {}
        self.breached = False
        self.before: list[tuple[int, float, float]] = []  # readings that are followed
        self.usual = 0.0

    def _slot(self, time_ns: int) -> tuple[tuple[str, int], int]:
        local = datetime.fromtimestamp(time_ns / 1e9, CITY)
        usual = ["workday"] * 5 + ["saturday", "sunday"]
        kind = self.rule.calendar.get(local.date().isoformat(), usual[local.weekday()])
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        day = (local.date() - date(1970, 1, 1)).days
        return (kind, seconds * 10**9 // self.rule.slot.ns), day

    def _expected(self, slot: Slot, time_ns: int) -> float:
        """Over all readings before, each with a weight of its own: slow, and nothing is kept."""
        if not self.rule.follow.ns:
            return slot.mean
        newest = max([time_ns, *(at for at, _, _ in self.before)])
        share = [exp(-(newest - at) / self.rule.follow.ns) for at, _, _ in self.before]
        off = sum(v * (x - m) for v, (_, x, m) in zip(share, self.before, strict=True))
        size = sum(v * abs(m) for v, (_, _, m) in zip(share, self.before, strict=True))
        moved = off / (size + 10 * self.rule.floor)
        return slot.mean + abs(slot.mean) * min(max(moved, -1.0), 1.0)

    def _unit(self, slot: Slot, expected: float) -> float:
        usual = abs(expected)
        unit = max(1.2533141373155003 * slot.deviation, self.rule.floor_share * usual)
        if self.rule.ceiling_share is not None:
            unit = min(unit, self.rule.ceiling_share * usual)
        return max(unit, self.rule.floor)

    def see(self, time_ns: int, value: float) -> Seen | None:
        slot = self.slots.get(self._slot(time_ns)[0])
        self.breached = False
        if slot is None or slot.seen < self.rule.warm_up:
            return None
        self.usual = self._expected(slot, time_ns)
        band, back = self.rule.band.count, self.rule.hysteresis.count
        beside = [(self.usual, self._unit(slot, self.usual))]
        if self.rule.follow_share is not None:
            widest = self.rule.follow_share * abs(slot.mean) / band
            beside.append((slot.mean, max(widest, self.rule.floor)))
        judged, score, expected, unit = max(
            (
                (self._far((value - mean) / unit), (value - mean) / unit, mean, unit)
                for mean, unit in beside
            ),
            key=lambda one: one[0],
        )
        top = ["blue", "yellow"].index(self.rule.at_most) + 1
        breached = top if judged > band else 0
        held = top if judged > band - back else breached
        self.breached = bool(breached)
        return Seen(score, breached, held, expected, band * unit)

    def _far(self, score: float) -> float:
        return {"both": abs(score), "above": score, "below": -score}[self.rule.side]

    def offer(self, time_ns: int, value: float, *, calm: bool) -> None:
        place, day = self._slot(time_ns)
        slot = self.slots.setdefault(place, Slot(value))
        if calm and slot.seen >= self.rule.warm_up:
            newest = max([time_ns, *(at for at, _, _ in self.before)])
            self.before.append((newest, value, slot.mean))
        if calm:
            slot.closed = None
            self._learn(slot, day, value)
            return
        slot.closed = day if slot.closed is None else slot.closed
        if day - slot.closed < self.relearn_d:
            return
        if self.breached:
            slot.mean, slot.weight, slot.day = value, 1.0, max(day, slot.day or day)
        else:
            self._learn(slot, day, value)

    def _learn(self, slot: Slot, day: int, value: float) -> None:
        away_d = 0 if slot.day is None else max(day - slot.day, 0)
        slot.day = day if slot.day is None else max(day, slot.day)
        slot.seen += 1
        weight = min(slot.weight * exp(-away_d / self.memory_d) + 1.0, float(self.rule.memory))
        slot.weight = float(np.float32(weight))
        if slot.seen == 1:
            slot.mean = value
        off = apart = value - slot.mean
        if slot.seen > self.rule.warm_up:
            most = 3.0 * self._unit(slot, self.usual)
            off, apart = (
                min(max(far, -most), most) for far in (value - slot.mean, value - self.usual)
            )
        if slot.seen > 1:
            slot.mean += off / weight
            slot.deviation += (abs(apart) - slot.deviation) / weight

    def learn(self, time_ns: int, value: float) -> None:
        raise AssertionError("its gates are its own")


@pytest.mark.parametrize("seed", range(2))
def test_the_kernel_equals_its_twin_and_keeps_the_laws(seed: int) -> None:
    equals_twin(case(seed), SeasonalTwin)
    keeps_the_laws(case(seed))


@pytest.mark.parametrize(
    "words",
    [
        {"ceiling_share": 0.12},
        {"follow": Duration("3 h"), "floor_share": 0.05},
        {"follow": Duration("10 h"), "follow_share": 0.3, "ceiling_share": 0.12},
        {"follow": Duration("5 h"), "follow_share": 0.25, "floor_share": 0.08, "side": "above"},
        {"slot": Duration("4 h"), "memory": 30},
        {"slot": Duration("1 d"), "relearn_after": Duration("12 h"), "side": "below"},
        {"off_delay": Duration("20 h"), "on_delay": Duration("2 h")},
    ],
)
def test_the_kernel_equals_its_twin_with_other_words_and_late_readings(
    words: dict[str, Any],
) -> None:
    one = case(7)
    rules = {name: structs.replace(rule, **words) for name, rule in one.rules.items()}
    late = list(one.readings)
    for at in range(300, len(late), 97):
        late[at - 60 : at] = [*late[at - 20 : at], *late[at - 60 : at - 20]]
    one = replace(one, rules=rules, readings=late)
    equals_twin(one, SeasonalTwin, ulps=2**20 if "follow" in words else 0)
    keeps_the_laws(one)


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
        (
            {"floor_share": 0.2, "ceiling_share": 0.1},
            ("ceiling_share",),
            "at least floor_share (0.2)",
        ),
        ({"warm_up": 9}, ("warm_up",), "at most memory (8)"),
        ({"floor": 1e6}, ("floor",), "inside the plausible width"),
        ({"follow_share": 0.2}, ("follow_share",), "none without `follow`"),
        ({"follow": Duration("2 d")}, ("follow",), "below a day"),
        ({"calendar": {"1 May": "sunday"}}, ("calendar",), "got '1 May'"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    where, said = next(faults(Seasonal(**{**WORDS, **words}), Scene(0, 4e4, Duration("1 h"))))
    assert where == path
    assert text in said


def hours(values: Callable[[datetime], float], days: int) -> list[Reading]:
    """A reading an hour of what a function gives for the moment."""
    moments = [BEGIN + timedelta(hours=hour) for hour in range(24 * days)]
    return [Reading(0, moment.timestamp(), values(moment)) for moment in moments]


def expected_at(rule: Seasonal, readings: list[Reading]) -> dict[tuple[int, int], float]:
    """Usual value of the first slot of a kind of day (0 workday, 1 Saturday, 2 Sunday)."""
    one = Case(SEASONAL, {"m": rule}, roster({"m": 1}, period_s=3600), readings)
    batch, disposition = one.batch()
    detector: Any = one.detector()
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    return {
        (kind, hour): float(detector.state["mean"][0, 24 * kind + hour])
        for kind in range(3)
        for hour in range(24)
    }


def test_saturdays_forget_in_as_many_days_as_workdays() -> None:
    """Of a step inside the band, as much is left after six weeks in slots of every kind of day."""
    step = BEGIN + timedelta(days=7 * 20)
    rule = Seasonal(**{**WORDS, "memory": 20, "floor": 50.0})
    usual = expected_at(rule, hours(lambda at: 100.0 if at < step else 200.0, 7 * 26))
    left = [(200.0 - usual[kind, 12]) / 100.0 for kind in range(3)]
    assert max(left) < 1.15 * min(left)
    assert all(share == pytest.approx(exp(-42 / 28), abs=0.02) for share in left)


def test_a_station_that_opens_is_usual_after_its_days_although_its_nights_are_calm() -> None:
    """One gate for all slots would open every night, and ring on all days that follow."""
    opens = BEGIN + timedelta(days=28)
    rule = Seasonal(**{**WORDS, "relearn_after": Duration("2 d")})
    told = ringing(rule, hours(lambda at: 0.0 if at < opens else usual(at), 56))
    days = sorted({hour // 24 - 28 for hour, colour in told if colour})
    assert days == [0, 1, 2, 5, 6, 12, 13], "three workdays, and two of each day of the weekend"


def test_a_day_that_is_as_before_keeps_a_slot_from_the_new_level() -> None:
    """Six days of another level are seven with one between them that was usual."""
    odd = {14, 15, 16, 18, 21, 22, 23}  # the Friday of the first week is as ever

    def crowd(at: datetime) -> float:
        return 3.0 * usual(at) if (at - BEGIN).days in odd else usual(at)

    rule = Seasonal(**{**WORDS, "relearn_after": Duration("7 d")})
    usual_then = expected_at(rule, hours(crowd, 24))
    assert usual_then[0, 12] == pytest.approx(usual(BEGIN.replace(hour=12)), rel=0.01)


def test_a_ceiling_rings_for_a_closed_station_whose_counts_scatter() -> None:
    chance = np.random.default_rng(3)
    closed = range(28 * 24 + 9, 28 * 24 + 15)
    readings = [
        replace(r, value=0.0 if hour in closed else r.value * chance.uniform(0.3, 1.7))
        for hour, r in enumerate(stream(30, {}))
    ]
    words = {**WORDS, "memory": 20, "floor": 20.0}
    assert not [hour for hour, _ in ringing(Seasonal(**words), readings) if hour in closed]
    capped = ringing(Seasonal(**words, ceiling_share=0.18), readings)
    assert (closed[0], 2) in capped


def hot(days: set[int], factor: float) -> Callable[[datetime], float]:
    """A Monday's course on every day, some days larger in all of their hours."""
    return lambda at: (
        (1000.0 + 300.0 * (at.hour in {8, 18})) * (factor if (at - BEGIN).days in days else 1.0)
    )


def test_a_day_that_is_larger_throughout_rings_unless_the_level_is_followed() -> None:
    """It comes over the morning, in steps inside the band."""
    words = {**WORDS, "band": Sigmas("4 sigma"), "floor_share": 0.04}
    rise = {26 * 24 + hour: 1.0 + 0.03 * min(hour - 5, 10) for hour in range(6, 24)}
    rise |= {27 * 24 + hour: 1.3 - 0.03 * hour for hour in range(10)}
    readings = [
        replace(r, value=r.value * rise.get(hour, 1.0))
        for hour, r in enumerate(hours(hot(set(), 1.0), 28))
    ]
    assert ringing(Seasonal(**words), readings)
    assert not ringing(Seasonal(**words, follow=Duration("3 h")), readings)
    capped = Seasonal(**words, follow=Duration("3 h"), follow_share=0.2)
    assert ringing(capped, readings), "a third more is told, however slowly it comes"


def test_what_begins_on_a_larger_day_stands_out_from_that_day() -> None:
    """A fifth less on a day that is a fifth larger is as usual, but for the hours before."""
    words = {**WORDS, "band": Sigmas("4 sigma"), "floor_share": 0.04}
    cut = range(26 * 24 + 12, 26 * 24 + 16)
    readings = [
        replace(r, value=r.value * 0.8 if hour in cut else r.value)
        for hour, r in enumerate(hours(hot(set(range(26, 27)), 1.15), 28))
    ]
    assert not [hour for hour, _ in ringing(Seasonal(**words), readings) if hour in cut]
    followed = ringing(Seasonal(**words, follow=Duration("3 h")), readings)
    assert [told for told in followed if told[0] in cut] == [(cut[0], 2)]


def test_trouble_is_not_followed() -> None:
    """A station that is closed for a day rings through, and the level of its day is what it was."""
    closed = range(22 * 24 + 9, 22 * 24 + 21)
    rule = Seasonal(**WORDS, follow=Duration("3 h"), relearn_after=Duration("7 d"))
    assert ringing(rule, stream(25, dict.fromkeys(closed, 0.0))) == [
        (closed[0], 2),
        (closed[-1] + 1, 0),
    ]


def test_a_ceiling_promises_no_false_alarm_rate() -> None:
    scene = Scene(0, 4e4, Duration("1 h"))
    assert SEASONAL.false_alarm_rate(Seasonal(**WORDS), scene) is not None
    assert SEASONAL.false_alarm_rate(Seasonal(**WORDS, ceiling_share=0.2), scene) is None


def test_weekends_of_few_readings_promise_more_false_alarms_than_workdays() -> None:
    scene = Scene(0, 4e4, Duration("1 h"))
    rate = SEASONAL.false_alarm_rate(Seasonal(**{**WORDS, "memory": 20}), scene)
    assert rate is not None
    assert rate.share(1) > 5 * band(5.0, 20)(1)


def test_a_profile_of_the_release_before_is_read_and_judged_by() -> None:
    surge = 22 * 24 + 18
    before = Case(
        SEASONAL,
        {"m": Seasonal(**WORDS)},
        roster({"m": 1}, period_s=3600),
        stream(25, {surge: 3.8}),
    )
    batch, disposition = before.batch()
    columns = {"value": batch.value}
    old: Any = before.detector()
    new: Any = before.detector()
    old.score(batch, disposition, (0, surge), columns)
    arrays = {name: array.copy() for name, array in old.arrays().items()}
    del arrays["seasonal.memory"], arrays["seasonal.following"]
    new.restore(arrays, np.arange(1))
    told = new.score(batch, disposition, (surge, len(batch)), columns)
    assert new.relearning == 0
    assert [int(now) for now in told["now"]] == [2, 0], "it knows the surge at once"


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
