"""Copies of groups, a slice at a time while they change: a group may hold very many records."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from alarms.copies.records import raw


class _Member(Protocol):
    id: str


class _Held(Protocol):
    """What `GroupCopies` copies: a head, and records of its own by id."""

    alarms: dict[str, Any]

    @property
    def head(self) -> object: ...


class GroupCopies:
    """Copies of groups, the records of each one by one.

    A group says when it is touched, and which of its records is about to change.
    """

    def __init__(self) -> None:
        self._order: list[_Held] = []
        self._ahead: Iterator[_Held] = iter(())
        self._left: set[_Held] = set()
        self._heads: dict[_Held, tuple[msgspec.Raw, list[str]]] = {}
        self._waiting: dict[str, Any] = {}  # records of groups whose head has been copied
        self._copies: dict[str, msgspec.Raw] = {}

    def begin(self, groups: list[Any]) -> None:
        """Let the copy be of now."""
        self._order, self._ahead, self._left = groups, iter(groups), set(groups)
        self._heads, self._waiting, self._copies = {}, {}, {}

    def touch(self, group: _Held, record: _Member | None = None) -> None:
        """Copy what is about to change, unless that is done."""
        if self._left and group in self._left:
            self._left.remove(group)
            self._heads[group] = (raw(group.head), list(group.alarms))
            self._waiting.update(group.alarms)
        if record is None:
            return
        name = record.id
        if self._waiting.get(name) is record:
            del self._waiting[name]
            self._copies[name] = raw(record)

    def copy_some(self, most: int) -> int:
        """Copy some records, or heads."""
        done = 0
        while done < most:
            if self._waiting:
                name, record = self._waiting.popitem()
                self._copies[name] = raw(record)
            elif (group := next(self._ahead, None)) is not None:
                self.touch(group)
            else:
                break
            done += 1
        return done

    def copies(self) -> list[dict[str, Any]]:
        """The groups of then, all of which have been copied, in their order; they are let go."""
        copies, heads = self._copies, self._heads
        found = []
        for group in self._order:
            head, names = heads[group]
            found.append({"head": head, "alarms": [copies[name] for name in names]})
        self._order, self._heads, self._copies = [], {}, {}
        return found
