"""Copies of very many records, made a slice at a time while the records change.

A copy is of one moment. What is about to change, and has not been copied yet, is copied before; so
nobody waits for more than a slice. Records are copied as MessagePack, which takes a tenth of the
time of plain data and no memory that a collector walks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar

import msgspec

from alarms.copies.table import Chunk, Table
from contracts.ports.desk import SlicedCopy

BYTES_A_RECORD: Final = 4_096  # what is larger counts as several: a slice must not take long

K = TypeVar("K")
T = TypeVar("T")
_ENCODER = msgspec.msgpack.Encoder()


class Remembering(Protocol):
    """A part of the desk that remembers very much."""

    def state(self) -> Any:
        """Everything that it remembers, as plain data."""

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""


def copies_of(parts: Mapping[str, SlicedCopy], **beside: Any) -> SlicedCopy:
    """Copies that began at one moment as one: each by its key, with what is copied already."""

    def part(most: int) -> int:
        done = 0
        for copy in parts.values():
            done += copy.slice(most - done) if done < most else 0
        return done

    return SlicedCopy(part, lambda: {name: one.state() for name, one in parts.items()} | beside)


def raw(record: object) -> msgspec.Raw:
    """A record as it is now, whatever becomes of it."""
    return msgspec.Raw(_ENCODER.encode(record))


def at_once(state: Callable[[], Any]) -> SlicedCopy:
    """A copy of what cannot change any more, or is no more than references: no slice is left."""
    return SlicedCopy(lambda _: 0, state)


class Records(Table[K, T]):
    """Records by key. Who looks one up may change it until the next slice is made."""

    def __init__(self, held: Mapping[K, T] | Iterable[tuple[K, T]] = ()) -> None:
        super().__init__(held)
        self._here: tuple[Chunk[K, T], Iterator[K]] | None = None

    def begin(self) -> None:
        """Let the copy be of now."""
        super().begin()
        self._here = None

    def copy_some(self, most: int) -> int:
        """Copy some records; how many it were, large ones as several."""
        done = 0
        while done < most:
            if self._here is None:
                if (chunk := next(self._ahead, None)) is None:
                    break
                self.note(chunk)
                self._here = chunk, iter(list(chunk.then or ()))
            chunk, keys = self._here
            for key in keys:
                done += self._keep(chunk, key)
                if done >= most:
                    return most
            self._pass(chunk)
            self._here = None
            done += 1  # however much of it was copied ahead
        return done

    def _keep(self, chunk: Chunk[K, T], key: K) -> int:
        """Copy a record, unless that is done or it was not there."""
        self.note(chunk)
        held = chunk.then.get(key) if chunk.then is not None else None
        if held is None or type(held) is msgspec.Raw:
            return 0
        assert chunk.then is not None, "it holds the record"
        body = _ENCODER.encode(held)
        chunk.then[key] = msgspec.Raw(body)
        return 1 + len(body) // BYTES_A_RECORD

    def _changing(self, key: K) -> None:
        if (chunk := self._of.get(key)) is not None:
            self._keep(chunk, key)

    def __getitem__(self, key: K) -> T:
        """A record, copied before."""
        chunk = self._of[key]
        if chunk.then is not None or chunk.copy < self._copy:
            self._keep(chunk, key)
        return chunk.held[key]

    def get(self, key: K, default: Any = None) -> Any:
        """A record, copied before, or a default."""
        return self[key] if key in self._of else default
