"""A small city with desks on all levels, and incidents in it."""

from datetime import datetime
from typing import Any

import msgspec

from alarms.duty.case import Facts
from alarms.duty.desks import Desk, Desks
from alarms.duty.duty import Duty
from alarms.duty.plan import DutyPlan
from alarms.duty.roster import Roster, Shift
from alarms.rationalisation import Text
from contracts.catalogue import Where
from contracts.civil_time import CITY
from contracts.desk.incident import Impact, Member, Situation, Why

HERE = Where("310101", "310101002", "n-05", "g-1", None, None)
NOBODYS = Where("310101", "310101009", "n-77", "", None, None)  # a street without a desk
NONE = Facts()


def at(text: str) -> int:
    """Seconds since 1970 UTC of a time of the city, from `2026-03-02T12:00`, a Monday."""
    return int(datetime.fromisoformat(text).replace(tzinfo=CITY).timestamp())


NOON = at("2026-03-02T12:00")
NIGHT = at("2026-03-02T23:00")


def desk(name: str, level: Any, area: str = "", **more: Any) -> Desk:
    """A desk that is always on duty unless told otherwise."""
    more.setdefault("people", [f"phone of {name}"])
    return Desk(id=name, level=level, name=Text(en=name, zh=name), area=area, **more)


DESKS = [
    desk("city", "city"),
    desk("city-water", "city", lifelines=["water"]),
    desk("district", "district", "310101"),
    desk("district-water", "district", "310101", lifelines=["water"]),
    desk("street", "street", "310101002", people=[]),
    desk("grid", "neighbourhood", "n-05", daily="08:00"),
]
DAY_SHIFT = Shift(desk="street", people=["Li"], begins="08:00", ends="20:00")


def plan(desks: list[Desk] = DESKS, shifts: list[Shift] | None = None, **more: Any) -> DutyPlan:
    """Plan of that city, the street's desk on duty by day alone."""
    there = {desk.id for desk in desks}
    some = [DAY_SHIFT] if shifts is None else shifts
    roster = Roster(desks, [shift for shift in some if shift.desk in there], CITY)
    return DutyPlan(Desks(desks), roster, CITY, **more)


def duty(**more: Any) -> Duty:
    """Duty of that city."""
    return Duty(plan(**more))


def situation(number: int = 1, colour: str = "orange", **more: Any) -> Situation:
    """An incident on water, people behind it unless told otherwise."""
    name = f"{number:016x}"
    member = Member(
        alarm=f"a-{name}",
        asset=more.pop("asset", f"pump-{number}"),
        channel=f"water.pump-{number}.state",
        lifeline="water",
        colour=colour,
        worst=colour,
        state="active",
        onset="2026-03-02T12:00:00+08:00",
        why=Why("first"),
    )
    plain = Situation(
        id=f"i-{name}",
        opened=True,
        state="active",
        colour=colour,
        worst=colour,
        raised=[],
        title={"en": f"Pump {number} has stopped", "zh": f"{number}号泵停运"},
        lifelines=["water"],
        where=HERE,
        root=None,
        alternatives=[],
        members=[member],
        counts={"all": 1},
        impact=Impact(more.pop("people", 0), 0, 0, []),
        next=[],
        redundancy=[],
        onset="2026-03-02T12:00:00+08:00",
        detected="2026-03-02T12:00:00+08:00",
        life_safety=False,
    )
    return msgspec.structs.replace(plain, **more)
