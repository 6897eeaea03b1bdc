"""Times at which something falls due, soonest first."""

import heapq
from collections.abc import Callable, Generator
from typing import Final, Protocol, TypeVar

from contracts.ports.lane_log import Message

Key = tuple[str, ...]
T = TypeVar("T")
FIRED_AT_ONCE: Final = 10  # deadlines, between which nobody else computes
ALL: Final = 1 << 62  # deadlines that may fire at once, where nobody bounds them
_SLACK: Final = 1_024  # entries that may be out of date before they are worth sweeping out


class Deadlines:
    """One time for each key; those that fall due together come in order of their keys."""

    def __init__(self) -> None:
        self._due: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def __len__(self) -> int:
        return len(self._due)

    @property
    def soonest_s(self) -> int | None:
        """The next time, None when nothing is due."""
        self._sweep()
        return self._heap[0][0] if self._heap else None

    def set(self, key: Key, time_s: int) -> None:
        """Let a key fall due at a time, and at no other."""
        self._due[key] = time_s
        heapq.heappush(self._heap, (time_s, key))
        if len(self._heap) > 2 * len(self._due) + _SLACK:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

    def drop(self, key: Key) -> None:
        """Let a key fall due no more."""
        self._due.pop(key, None)

    def pop(self, time_s: int) -> tuple[int, Key] | None:
        """The soonest that is due at `time_s`, taken out; None when nothing is."""
        self._sweep()
        if not self._heap or self._heap[0][0] > time_s:
            return None
        due, key = heapq.heappop(self._heap)
        del self._due[key]
        return due, key

    def _sweep(self) -> None:
        """Take entries off the top that were dropped or set to another time."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)


class Timed(Protocol):
    """A part of the desk in which things fall due."""

    @property
    def soonest_s(self) -> int | None:
        """When the next does, None when nothing does."""


def firing(
    part: Timed, advance: Callable[[int, int], list[T]], time_s: int
) -> Generator[list[Message], None, list[T]]:
    """What falls due in a part, a bounded number of deadlines at a time, a pause behind each."""
    found: list[T] = []
    while (soonest_s := part.soonest_s) is not None and soonest_s <= time_s:
        found += advance(time_s, FIRED_AT_ONCE)
        yield []
    return found
