"""What desks were told, what was withheld, and how soon levels answer; kept in snapshots."""

from bisect import bisect_left
from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec

from alarms.duty.kpi import FLOOD_BEGINS, FLOOD_ENDS, WINDOW_S
from contracts.desk.performance import CLOCK_SHARES, LevelAnswers


class DeskCounts(msgspec.Struct):
    """Counts of one desk since the stage began.

    Parameters
    ----------
    told, floods : int
    withheld : dict of str to int
        By reason.
    window, in_window : int
        The last window of ten minutes in which it was told something, in windows since 1970 UTC,
        and how much.
    in_flood : bool
        Whether that window was part of a flood.
    """

    told: int = 0
    floods: int = 0
    withheld: dict[str, int] = msgspec.field(default_factory=dict)
    window: int = -1
    in_window: int = 0
    in_flood: bool = False

    def tell(self, time_s: int) -> None:
        """Count a notice that was told."""
        self.told += 1
        window = time_s // WINDOW_S
        if window > self.window:
            self.in_flood = self.flooded(time_s)
            self.window, self.in_window = window, 0
        self.in_window += 1
        if not self.in_flood and self.in_window > FLOOD_BEGINS:
            self.in_flood = True
            self.floods += 1

    def withhold(self, reason: str) -> None:
        """Count a notice that was not told."""
        self.withheld[reason] = self.withheld.get(reason, 0) + 1

    def flooded(self, time_s: int) -> bool:
        """Whether it is in a flood, which ends before the first window with fewer than 5."""
        passed = time_s // WINDOW_S - self.window
        return self.in_flood and (passed < 1 or (passed == 1 and self.in_window >= FLOOD_ENDS))


class AnswerCounts(msgspec.Struct):
    """Counts of one level since the stage began.

    Parameters
    ----------
    calls : int
        Clocks that began.
    counts : list of int
        Answers by their time over what the clock allowed, one more than `CLOCK_SHARES`.
    shares : float
        Sum of these.
    """

    calls: int = 0
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(CLOCK_SHARES) + 1))
    shares: float = 0.0

    def answer(self, took_s: int, allowed_s: int) -> None:
        """Count an answer."""
        share = took_s / max(allowed_s, 1)
        self.counts[bisect_left(CLOCK_SHARES, share)] += 1
        self.shares += share


class Counts:
    """Counts of all desks and levels; a function of notices and answers in order."""

    def __init__(self) -> None:
        self._desks: dict[str, DeskCounts] = {}
        self._levels: dict[str, AnswerCounts] = {}

    def desk(self, name: str) -> DeskCounts:
        """Counts of a desk."""
        return self._desks.setdefault(name, DeskCounts())

    def level(self, name: str) -> AnswerCounts:
        """Counts of a level."""
        return self._levels.setdefault(name, AnswerCounts())

    def desks(self) -> Iterable[tuple[str, DeskCounts]]:
        """Of all desks that anything was for, by id."""
        return sorted(self._desks.items())

    def levels(self) -> tuple[LevelAnswers, ...]:
        """Of all levels that were called, as metrics show them."""
        return tuple(
            LevelAnswers(name, one.calls, tuple(one.counts), one.shares)
            for name, one in sorted(self._levels.items())
        )

    def state(self) -> dict[str, Any]:
        """Everything counted, as plain data."""
        return {
            "desks": {name: msgspec.to_builtins(one) for name, one in self.desks()},
            "levels": {n: msgspec.to_builtins(self._levels[n]) for n in sorted(self._levels)},
        }

    def restore(self, state: Mapping[str, Any], known: Container[str]) -> None:
        """Take over what was counted of the desks that are still known."""
        desks = {n: one for n, one in state.get("desks", {}).items() if n in known}
        levels = state.get("levels", {})
        self._desks = {n: msgspec.convert(one, DeskCounts) for n, one in desks.items()}
        self._levels = {n: msgspec.convert(one, AnswerCounts) for n, one in levels.items()}
