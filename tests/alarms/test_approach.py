"""What is at a limit before anybody can be there is told, and is one colour up."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alarms.book import AlarmBook
from alarms.rationalisation import Owner, Rationalisation, Respond
from alarms.rule_card import Approach, ClassCards, RuleCard, approach_of
from configuration.lane_plan import plan_of
from contracts.ports.lane_parts import OffsetRange
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import TRANSITION, Colour
from tests.testkit.config_folder import PACK, loaded

DUTY = Rationalisation(
    owner=Owner("district", "desk", Duration("10 min"), "city"),
    cause="-",
    consequence="-",
    respond=Respond("-", ["-"]),
    source="-",
)
LIMIT = RuleCard("limit", "-", DUTY, low=(0.20, 0.16, None, 0.10), high=(None, None, 0.7, 0.8))
RISE = """
rise:
  over: 10 min
  by: {blue: 0.05, yellow: 0.2}
  duty:
    cause: valve
    consequence: burst
    respond: {procedure: W-7, first: [look]}
    owner: {level: district, role: water bureau, within: 10 min, then: city}
    source: "[E]"
"""


def change(observed: float, now: int = 1) -> Any:
    one = np.zeros(1, TRANSITION)[0]
    one["now"], one["observed"] = now, observed
    return one


def found(observed: float, per_min: float, **more: Any) -> Approach | None:
    """What is reached at a value that moves so fast."""
    given: dict[str, Any] = {"now": 1, "cards": {0: LIMIT}, "column": "value", **more}
    card = RuleCard("rise", "-", DUTY, rate=lambda _: per_min / 60, column=given["column"])
    return approach_of(ClassCards("MPa", given["cards"]), card, change(observed, given["now"]))


@pytest.mark.parametrize(
    ("observed", "per_min", "reached"),
    [
        (0.5, 0.04, (Colour.ORANGE, 0.7, 300.0)),
        (0.75, 0.01, (Colour.RED, 0.8, 300.0)),  # the nearest that lies ahead
        (0.3, -0.02, (Colour.BLUE, 0.20, 300.0)),
        (0.15, -0.01, (Colour.RED, 0.10, 300.0)),  # there is no orange one
        (0.5, 0.02, (Colour.ORANGE, 0.7, 600.0)),  # just in time
        (0.5, 0.019, None),  # somebody is there first
        (0.9, 0.04, None),  # nothing lies ahead
        (0.5, 0.0, None),
        (0.5, math.nan, None),
        (math.nan, 0.04, None),
    ],
)
def test_the_next_limit_ahead_counts_where_it_is_reached_within_the_time_to_respond(
    observed: float, per_min: float, reached: tuple[Colour, float, float] | None
) -> None:
    told = found(observed, per_min)
    if reached is None:
        assert told is None
    else:
        assert told is not None
        assert (told.colour, told.limit) == reached[:2]
        assert told.ahead_s == pytest.approx(reached[2])


def test_what_has_no_limits_cleared_or_is_no_value_approaches_none() -> None:
    assert found(0.5, 0.04)
    assert found(0.5, 0.04, cards={}) is None
    assert found(0.5, 0.04, now=0) is None
    assert found(0.5, 0.04, column="residual") is None


def test_an_alarm_of_a_rise_says_which_limit_it_reaches_and_when(tmp_path: Path) -> None:
    """0.2 MPa in ten minutes, now at 0.55: 0.7 in seven minutes and a half."""
    plan = plan_of(loaded(tmp_path, {"water/pressure.yaml": PACK + RISE}), "water")
    books = [plan.parts(lane).book for lane in range(4)]
    book = next(one for one in books if isinstance(one, AlarmBook) and len(one._catalogue.ids))
    slot = next(s for s, card in book._classes[0].cards.items() if card.name == "rise")

    def told(now: int, was: int, score: float, second: int) -> dict[str, Any]:
        one = change(0.55, now)
        one["rule"], one["was"], one["score"] = slot, was, score
        one["time_ns"] = second * NS_PER_S
        alarm: dict[str, Any] = json.loads(book.emit(one, OffsetRange(1, 2)).body)
        return alarm

    alarm = told(2, 0, 0.2, 0)
    assert alarm["approach"] == {
        "colour": "orange", "at": "1970-01-01T08:07:30+08:00", "above": 0.7,
    }  # fmt: skip
    assert "; at this rate 0.7 MPa, the orange limit, in 7 min 30 s" in alarm["say"]["en"]
    assert "；按此速率 7 分 30 秒后达橙色限值 0.7 MPa" in alarm["say"]["zh"]
    slower = told(1, 2, 0.06, 60)
    assert "approach" not in slower, "25 minutes away"
    assert "rate" not in slower["say"]["en"]
