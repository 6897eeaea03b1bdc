"""Alarm budget of a desk: how many notices people can bear, and what becomes of the rest."""

from bisect import insort
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from contracts.quantities import Duration

FOREMOST: Final = 5  # matters that a summary names; a person reads no more at one glance
LISTED_MAX: Final = 500  # matters that a daily list remembers by title; all are counted


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most one notice in `every` on average, and at most `burst` at once.

    ISA-18.2 and EEMUA 191: one alarm in 10 minutes on average can be handled, more than 10 in 10
    minutes is a flood. A full bucket and one refill are `burst` + 1 in the worst window.
    """

    every: Duration = Duration("10 min")
    burst: Annotated[int, Meta(ge=1, le=9)] = 4


class Bucket(msgspec.Struct):
    """Token bucket over whole seconds of lane time; exact, without fractions.

    Parameters
    ----------
    credit_s : int
        What is in it, in seconds of refill: a notice costs `every_s`.
    at_s : int
        Up to when it was refilled.
    """

    credit_s: int
    at_s: int

    def refill(self, time_s: int, every_s: int, burst: int) -> None:
        """Add what came in since; time that stands back adds nothing."""
        if time_s > self.at_s:
            self.credit_s = min(self.credit_s + time_s - self.at_s, burst * every_s)
            self.at_s = time_s

    def take(self, cost_s: int, reserve_s: int = 0) -> bool:
        """Take a notice's cost out unless less than the reserve would be left."""
        if self.credit_s < cost_s + reserve_s:
            return False
        self.credit_s -= cost_s
        return True

    def overdraw(self, cost_s: int) -> None:
        """Take the cost of a notice that is told in any case: what is there of it."""
        self.credit_s = max(self.credit_s - cost_s, 0)


class Matter(msgspec.Struct, frozen=True, order=True, array_like=True):
    """An incident as a list names it; the most consequential sorts first.

    Parameters
    ----------
    order : list of int
        Minus colour, minus critical users, minus people.
    incident, en, zh : str
    """

    order: list[int]
    incident: str
    en: str
    zh: str


class HeldBack(msgspec.Struct):
    """Notices that one notice will stand for.

    Parameters
    ----------
    counts : dict of str to int
        `all`, and how many by colour and by reason.
    foremost : list of Matter
        The most consequential ones, each incident once.
    """

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    foremost: list[Matter] = msgspec.field(default_factory=list)

    def add(self, matter: Matter, colour: str, reason: str, most: int) -> None:
        """Add a notice, keeping at most `most` matters by title."""
        for key in ("all", colour, reason):
            self.counts[key] = self.counts.get(key, 0) + 1
        if len(self.foremost) == most and self.foremost[-1] < matter:
            return
        for place, other in enumerate(self.foremost):
            if other.incident == matter.incident:
                del self.foremost[place]
                break
        insort(self.foremost, matter)
        del self.foremost[most:]

    def join(self, other: "HeldBack", most: int) -> None:
        """Add what was kept back elsewhere."""
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        known = {matter.incident: matter for matter in (*other.foremost, *self.foremost)}
        self.foremost = sorted(known.values())[:most]


class DeskLoad(msgspec.Struct):
    """What a desk was told lately, and what waits for it.

    Parameters
    ----------
    bucket : Bucket
    held : HeldBack or None
        Kept back by the budget, for the next summary.
    listed : HeldBack or None
        Kept for the daily list.
    summary_s, daily_s : int
        When the two are due.
    overdue : bool
        Whether the summary was put off because urgent notices had used up the budget.
    """

    bucket: Bucket
    held: HeldBack | None = None
    listed: HeldBack | None = None
    summary_s: int = 0
    daily_s: int = 0
    overdue: bool = False


def load_of(plain: Any) -> DeskLoad:
    """Load from plain data."""
    return msgspec.convert(plain, DeskLoad)
