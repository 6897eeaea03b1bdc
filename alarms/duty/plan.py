"""What a city has laid down: its desks, who is on duty, clocks and budget."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timezone
from typing import Final

from alarms.duty.budget import Budget
from alarms.duty.clocks import CLOCKS, ClockRule
from alarms.duty.coverage import Inventory
from alarms.duty.desks import Desk, Desks
from alarms.duty.roster import Roster
from alarms.rationalisation import Text

# What there is where nobody has laid down anything: one desk that is always on duty.
CITY_DESK: Final = Desk(
    id="city",
    level="city",
    name=Text(en="City operations centre", zh="市城运中心"),
    people=["city duty desk"],
)


@dataclass(frozen=True)
class DutyPlan:
    """Governs who is told what.

    Parameters
    ----------
    desks : Desks
        With a city desk for every lifeline.
    roster : Roster
    zone : timezone
        The city's.
    clocks : mapping of str to ClockRule
        By colour, all four.
    budget : Budget
    areas : mapping of str to Text
        Names of areas by their codes.
    inventory : Inventory
        Channels to be watched; without any no desk has a heartbeat.
    """

    desks: Desks
    roster: Roster
    zone: timezone
    clocks: Mapping[str, ClockRule] = field(default_factory=lambda: CLOCKS)
    budget: Budget = field(default_factory=Budget)
    areas: Mapping[str, Text] = field(default_factory=dict)
    inventory: Inventory = field(default_factory=Inventory)


def default_plan(zone: timezone) -> DutyPlan:
    """Plan of a city that has laid down nothing."""
    return DutyPlan(Desks([CITY_DESK]), Roster([CITY_DESK], [], zone), zone)
