"""States of tickets as data: which follow which, who may move them, how long each may last."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import Duration

StateName = Annotated[str, Meta(min_length=1, max_length=64)]
# What a state is to the rules, whatever it is called. Of `feedback` and `check` each ticket that
# is closed has had one, by two people.
Meaning = Literal["", "first", "feedback", "check", "closed"]


class TicketState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One state of a ticket.

    Parameters
    ----------
    to : list of str
        States that may follow.
    within : Duration or None
        How long a ticket may stay here before it is overdue.
    by : list of str
        Roles of `commands.roles` that may bring a ticket here; any when empty.
    asks : str
        What must be said to bring it here: `reason`; or `until`, when it goes on by itself in the
        state where it was.
    means : str
        `first`, `feedback`, `check` or `closed`; each of them is one state.
    auto_close : bool
        Whether a ticket may close by itself from here.
    """

    to: list[StateName] = []
    within: Duration | None = None
    by: list[str] = []
    asks: Literal["", "reason", "until"] = ""
    means: Meaning = ""
    auto_close: bool = False


def _shipped() -> dict[str, TicketState]:
    """States of section 18 of the platform's guidance, and of China's urban grid management."""
    minutes = {n: Duration(f"{n} min") for n in (15, 30, 60)}
    aside = ["returned", "parked"]
    return {
        "registered": TicketState(
            to=["verified", "dispatched", *aside],
            within=minutes[15],
            means="first",
            auto_close=True,
        ),
        "verified": TicketState(
            to=["dispatched", "fed back", *aside], within=minutes[15], auto_close=True
        ),
        "dispatched": TicketState(to=["on site", *aside], within=minutes[60]),
        "on site": TicketState(to=["contained", "fed back", "extended", *aside]),
        "contained": TicketState(to=["fed back", "extended", "on site"]),
        "fed back": TicketState(to=["checked", "on site"], within=minutes[30], means="feedback"),
        "checked": TicketState(to=["closed", "on site"], within=minutes[30], means="check"),
        "returned": TicketState(
            to=["registered", "verified", "dispatched"],
            within=minutes[15],
            asks="reason",
            auto_close=True,
        ),
        "parked": TicketState(to=["dispatched", "returned"], asks="until"),
        "extended": TicketState(to=["contained", "fed back"], asks="until"),
        "closed": TicketState(means="closed"),
    }


class TicketRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How tickets go.

    Parameters
    ----------
    states : dict of str to TicketState
    auto_close : Duration or None
        How long an incident is over and acknowledged before its ticket closes by itself; never
        when left out, and never where lives hang on it.
    """

    states: dict[StateName, TicketState] = msgspec.field(default_factory=_shipped)
    auto_close: Duration | None = Duration("30 min")

    def named(self, meaning: Meaning) -> str:
        """The state that means something."""
        return next(name for name, state in self.states.items() if state.means == meaning)


MEANINGS: Final[tuple[Meaning, ...]] = ("first", "feedback", "check", "closed")
Fault = tuple[tuple[str | int, ...], str]  # place below `states`, and what is wrong


def faults(rules: TicketRules) -> Iterator[Fault]:
    """What is wrong with some rules, beyond the types of their fields.

    Examples
    --------
    >>> list(faults(TicketRules()))
    []
    """
    for meaning in MEANINGS:
        found = [name for name, state in rules.states.items() if state.means == meaning]
        if len(found) != 1:
            got = ", ".join(found) or "none"
            yield (), f"expected one state that means `{meaning}`, got {got}; mark one"
    for name, state in rules.states.items():
        for place, following in enumerate(state.to):
            if following not in rules.states:
                text = f"expected one of the states, got {following!r}; add it or correct the name"
                yield (name, "to", place), text
        if bool(state.to) == (state.means == "closed"):
            yield (
                (name, "to"),
                "expected states to follow, and none behind the one that means `closed`",
            )
    yield from _shortcuts(rules)


def _shortcuts(rules: TicketRules) -> Iterator[Fault]:
    """Ways to the end without a check, and to the check without feedback."""
    for meaning, before in (("closed", "check"), ("check", "feedback")):
        ends = {name for name, state in rules.states.items() if state.means == meaning}
        for name, state in rules.states.items():
            for place, following in enumerate(state.to):
                if following in ends and state.means != before:
                    text = f"expected only the state that means `{before}` before {following!r}"
                    yield (name, "to", place), f"{text}, got {name!r}; drop it"
