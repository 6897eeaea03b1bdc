"""Readings of files as columns, channels by number, in the order in which they arrive."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


class Names:
    """Numbers of channel names, given in the order in which they are met.

    Parameters
    ----------
    ids : iterable of str
        Names by number.
    units : mapping of str to str, optional
        Declared units, by name.

    >>> names = Names()
    >>> names.codes(["b", "a", "b"]).tolist(), names.ids
    ([0, 1, 0], ['b', 'a'])
    """

    def __init__(self, ids: Iterable[str] = (), units: Mapping[str, str] | None = None) -> None:
        self.ids: list[str] = list(ids)
        self.units: dict[str, str] = dict(units or {})
        self._code: dict[str, int] = {name: code for code, name in enumerate(self.ids)}

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


@dataclass(frozen=True, slots=True)
class Ahead:
    """A source that is not looked at before its time.

    Parameters
    ----------
    begin_ns : int
        Nothing in it arrives earlier; -1 where nobody knows.
    blocks : iterator of Readings
        By arrival.
    """

    begin_ns: int
    blocks: Iterator[Readings]


def merged(sources: Iterable[Ahead]) -> Iterator[Readings]:
    """Readings of several sources by arrival, those of one moment in the order of the sources.

    What one source has is given as soon as no other can have anything before it. A source is
    opened when that moment may be its own: of a year in a file a day, a few are held at once.
    """
    ahead = sorted(enumerate(sources), key=lambda pair: pair[1].begin_ns, reverse=True)
    waiting: list[tuple[int, Iterator[Readings], Readings]] = []
    while ahead or waiting:
        until = min((int(head.arrival_ns[-1]) for _, _, head in waiting), default=None)
        if ahead and (until is None or ahead[-1][1].begin_ns <= until):
            place, source = ahead.pop()
            waiting = sorted([*waiting, *_begun(place, source.blocks)], key=lambda one: one[0])
            continue
        assert until is not None
        parts, left = [], []
        side: Literal["left", "right"] = "right"
        for place, source_blocks, head in waiting:
            cut = int(np.searchsorted(head.arrival_ns, until, side))
            if head.arrival_ns[-1] == until:
                side = "left"  # it may have more of this moment, before that of later sources
            if cut:
                parts.append(head.cut(0, cut))
            if cut < len(head):
                left.append((place, source_blocks, head.cut(cut, len(head))))
            else:
                left += _begun(place, source_blocks)
        yield joined(parts)
        waiting = left


def _begun(
    place: int, blocks: Iterator[Readings]
) -> list[tuple[int, Iterator[Readings], Readings]]:
    """A source with its next readings; nothing when it has no more."""
    head = next((readings for readings in blocks if len(readings)), None)
    return [] if head is None else [(place, blocks, head)]
