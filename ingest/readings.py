"""Readings of files as columns, channels by number, in the order in which they arrive."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class Names:
    """Numbers of channel names, given in the order in which they are met.

    Attributes
    ----------
    ids : list of str
        Names by number.
    units : dict of str to str
        Declared units, by name.

    >>> names = Names()
    >>> names.codes(["b", "a", "b"]).tolist(), names.ids
    ([0, 1, 0], ['b', 'a'])
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.units: dict[str, str] = {}
        self._code: dict[str, int] = {}

    def codes(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Number of each name, shape (n,)."""
        return np.array([self._of(name) for name in ids], np.int32)

    def _of(self, name: str) -> int:
        code = self._code.setdefault(name, len(self.ids))
        if code == len(self.ids):
            self.ids.append(name)
        return code


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings in order of arrival.

    Parameters
    ----------
    code : int32, shape (n,)
        Number of the channel in `Names`.
    time_ns : int64, shape (n,)
        Event time, nanoseconds since 1970 UTC.
    value : float64, shape (n,)
        As the file has it.
    quality : uint8, shape (n,)
        `Quality` of each.
    arrival_ns : int64, shape (n,)
        Never falls: the event time where files are put into order, the newest event time so far
        where their own order is kept.
    """

    code: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    arrival_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.code)

    def _each(self, change: Callable[[NDArray[np.generic]], NDArray[np.generic]]) -> "Readings":
        columns = [getattr(self, name) for name in Readings.__slots__]
        return Readings(*(change(column) for column in columns))  # type: ignore[arg-type]

    def cut(self, first: int, last: int) -> "Readings":
        """Readings `first` up to but not including `last`; nothing is copied."""
        return self._each(lambda column: column[first:last])

    def take(self, places: NDArray[np.int64]) -> "Readings":
        """Readings at places."""
        return self._each(lambda column: column[places])

    def in_order(self) -> "Readings":
        """Readings by arrival, those of one moment as they stood; itself where that is so."""
        if (self.arrival_ns[1:] >= self.arrival_ns[:-1]).all():
            return self
        return self.take(np.argsort(self.arrival_ns, kind="stable"))


def joined(parts: Sequence[Readings]) -> Readings:
    """Readings of several parts as one, by arrival."""
    if len(parts) == 1:
        return parts[0]
    columns = [
        np.concatenate([getattr(part, name) for part in parts]) for name in Readings.__slots__
    ]
    return Readings(*columns).in_order()


def merged(sources: Iterable[Iterator[Readings]]) -> Iterator[Readings]:
    """Readings of several sources by arrival, those of one moment in the order of the sources.

    What one source has is given as soon as no other can have anything before it.
    """
    waiting = [(source, head) for source in sources if (head := _next(source)) is not None]
    while waiting:
        until = min(int(head.arrival_ns[-1]) for _, head in waiting)
        parts, left = [], []
        for source, head in waiting:
            place = int(np.searchsorted(head.arrival_ns, until, "right"))
            if place:
                parts.append(head.cut(0, place))
            rest = head.cut(place, len(head)) if place < len(head) else _next(source)
            if rest is not None:
                left.append((source, rest))
        yield joined(parts)
        waiting = left


def _next(source: Iterator[Readings]) -> Readings | None:
    return next((readings for readings in source if len(readings)), None)
