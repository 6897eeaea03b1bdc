"""Escalation clocks: who must answer within which time, and who is told when nobody does."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from alarms.duty.desks import Word
from contracts.quantities import NS_PER_S, Duration


class ClockRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a colour asks of desks.

    Parameters
    ----------
    told : list of str
        Levels, or `trade`: told at once and asked to answer. A level without a desk for the place
        falls to the next.
    informed : list of str
        Told at once, asked for nothing.
    acknowledge : Duration or None
        Time to acknowledge; None for a colour that waits for the daily list.
    escalate : Duration or None
        Time after which the level above is told that nobody has acknowledged.
    """

    told: Annotated[list[Word], Meta(min_length=1, max_length=5)]
    informed: Annotated[list[Word], Meta(max_length=5)] = []
    acknowledge: Duration | None = None
    escalate: Duration | None = None

    @property
    def daily(self) -> bool:
        """Whether the colour waits for the daily list: no calls, no clock."""
        return self.acknowledge is None or self.escalate is None


# Acknowledge and escalate clocks [E] of the four colours of Chinese emergency plans.
CLOCKS: Final = {
    "red": ClockRule(
        told=["city", "district", "trade"],
        acknowledge=Duration("1 min"),
        escalate=Duration("2 min"),
    ),
    "orange": ClockRule(
        told=["district", "trade"],
        informed=["city"],
        acknowledge=Duration("5 min"),
        escalate=Duration("10 min"),
    ),
    "yellow": ClockRule(
        told=["street", "trade"],
        informed=["district"],
        acknowledge=Duration("15 min"),
        escalate=Duration("60 min"),
    ),
    "blue": ClockRule(told=["neighbourhood"]),
}


class Clock(msgspec.Struct):
    """A running or fired clock; times in seconds since 1970 UTC.

    Parameters
    ----------
    desk, level : str
        Who must answer.
    acknowledge_s, due_s : int
        When an acknowledgement is late, and when the clock fires.
    to : str
        Desk that it escalates to.
    fired_s : int
        When it fired, -1 before.
    late : bool
        Whether it fired behind a restart.
    told_s : int
        When it began, -1 for one of an earlier release.
    """

    desk: str
    level: str
    acknowledge_s: int
    due_s: int
    to: str
    fired_s: int = -1
    late: bool = False
    told_s: int = -1


def seconds(duration: Duration | None) -> int:
    """Whole seconds of a time; 0 for none."""
    return duration.ns // NS_PER_S if duration else 0
