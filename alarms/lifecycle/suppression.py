"""What is suppressed by design: while one rule of an asset rings, others of it say nothing new."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta


class Suppression(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules that ring in vain while another rule of their asset does.

    Parameters
    ----------
    by : str
        As `class/rule`; what it suppresses tells nobody anything while it rings.
    rules : list of str
        As `class/rule`. Those of classes that guard life are never suppressed.

    References
    ----------
    ISA-18.2-2016, suppressed by design: an alarm is kept back by the state of the plant.
    """

    by: str
    rules: Annotated[list[str], Meta(min_length=1)]


class Ringing(NamedTuple):
    """An open alarm of an asset.

    Parameters
    ----------
    alarm, fault : str
        Its id, and its `class/rule`.
    active : bool
    """

    alarm: str
    fault: str
    active: bool


class Suppressions:
    """Which open alarms of an asset are suppressed by others of it.

    Parameters
    ----------
    rules : iterable of Suppression
    """

    def __init__(self, rules: Iterable[Suppression]) -> None:
        by: dict[str, set[str]] = {}
        for one in rules:
            for rule in one.rules:
                by.setdefault(rule, set()).add(one.by)
        self._by = {rule: sorted(some) for rule, some in by.items()}
        self._named = frozenset(by).union(*self._by.values())

    def concern(self, fault: str) -> bool:
        """Whether a rule suppresses, or is suppressed."""
        return fault in self._named

    def wanted(self, alarms: Iterable[Ringing]) -> dict[str, str]:
        """For the open alarms of an asset that may be suppressed, the one by which they are now.

        Empty for what is not.

        Examples
        --------
        >>> off = Suppression(by="water.pump/state", rules=["water.flow/low"])
        >>> stopped = Ringing("a-1", "water.pump/state", True)
        >>> low = Ringing("a-2", "water.flow/low", True)
        >>> Suppressions([off]).wanted([low, stopped])
        {'a-2': 'a-1'}
        >>> Suppressions([off]).wanted([low, stopped._replace(active=False)])
        {'a-2': ''}
        """
        there = list(alarms)
        active = {one.fault: one.alarm for one in there if one.active}
        found = {}
        for one in there:
            if one.fault in self._by:
                by = (active[rule] for rule in self._by[one.fault] if rule in active)
                found[one.alarm] = next(by, "") if one.active else ""
        return found


def both_ways(rules: Iterable[Suppression]) -> list[str]:
    """Rules that suppress and are suppressed: two that did so to each other would both be mute."""
    there = list(rules)
    suppressed = {rule for one in there for rule in one.rules}
    return sorted({one.by for one in there} & suppressed)
