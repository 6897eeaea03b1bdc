"""Copies of groups, a slice at a time while they change: a group may hold very many records."""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import msgspec

from alarms.copies.records import raw
from alarms.copies.table import Chunk, Table
from contracts.ports.desk import SlicedCopy


class _Member(Protocol):
    id: str


class _Held(Protocol):
    """What `Groups` holds: a head, and records of its own by id."""

    alarms: dict[str, Any]
    copied: int

    @property
    def head(self) -> object: ...


G = TypeVar("G", bound=_Held)


class _Part:
    """A group as it was, its records copied one by one.

    Parameters
    ----------
    group : _Held
        As it is now. Its records are listed at once: that is one copy of references.
    """

    __slots__ = ("_left", "head", "records")

    def __init__(self, group: _Held) -> None:
        self.head = raw(group.head)
        self.records: dict[str, Any] = dict(group.alarms)
        self._left: Iterator[str] | None = None

    def keep(self, record: _Member) -> None:
        """Copy a record before it changes, unless that is done or it was not there."""
        if self.records.get(record.id) is record:
            self.records[record.id] = raw(record)

    def copy_some(self, most: int) -> int:
        """Copy some records in their order; how many it were."""
        if self._left is None:
            self._left = iter(list(self.records))
        done = 0
        while done < most and (name := next(self._left, None)) is not None:
            if type(record := self.records[name]) is not msgspec.Raw:
                self.records[name] = raw(record)
                done += 1
        return done


class Groups(Table[str, G]):
    """Groups by id, and copies of them, the records of each one by one.

    A group says when it is touched, and which of its records is about to change or to leave it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[G, _Part] = {}
        self._here: tuple[Chunk[str, G], Iterator[G]] | None = None
        self._part: _Part | None = None

    @property
    def copies(self) -> int:
        """How many copies have begun: a group that is new has no part in the last one."""
        return self._copy

    def begin(self) -> None:
        """Let the copy be of now."""
        super().begin()
        self._parts, self._here, self._part = {}, None, None

    def touch(self, group: G, record: _Member | None = None) -> None:
        """Copy what is about to change, unless that is done."""
        if group.copied < self._copy:
            group.copied = self._copy
            self._parts[group] = _Part(group)
        if record is not None and (part := self._parts.get(group)) is not None:
            part.keep(record)

    def copy_some(self, most: int) -> int:
        """Copy some records, or heads."""
        done = 0
        while done < most:
            if self._part is None:
                if (group := self._next()) is None:
                    break
                self.touch(group)
                self._part = self._parts[group]
                done += 1
            done += self._part.copy_some(most - done)
            if done < most:
                self._part = None
        return done

    def _next(self) -> G | None:
        """The next group in the order of then."""
        while True:
            if self._here is None:
                if (chunk := next(self._ahead, None)) is None:
                    return None
                self.note(chunk)
                self._here = chunk, iter(list((chunk.then or {}).values()))
            chunk, groups = self._here
            if (group := next(groups, None)) is not None:
                return group
            self._pass(chunk)
            self._here = None

    def copying(self, state: Any = lambda copies: copies) -> SlicedCopy:
        """Begin a copy of all groups as they are now, in their order."""
        self.begin()
        return SlicedCopy(self.copy_some, lambda: state(self._copies()))

    def _copies(self) -> list[dict[str, Any]]:
        """The groups of then; they are let go one by one, as all at once would hold everybody."""
        parts, self._parts = self._parts, {}
        found = []
        for some in self.taken():
            for group in some.values():
                part = parts.pop(group)
                found.append({"head": part.head, "alarms": list(part.records.values())})
        return found
