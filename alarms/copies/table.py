"""A table of very many values, whose content at a moment is known although it changes since.

Values lie in chunks in the order in which their keys came. To begin a copy only the chunks are
listed; a chunk that is about to change before its turn has come is copied first. So the beginning
of a copy takes a two-hundredth of the references that are held, and a change waits for one chunk.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, Generic, TypeVar

from contracts.ports.desk import SlicedCopy

CHUNK: Final = 200  # values; a change meanwhile copies so many references at most, in some µs

K = TypeVar("K")
T = TypeVar("T")


class Chunk(Generic[K, T]):
    """Some values that came one after the other.

    Parameters
    ----------
    number : int
        Its place among the chunks.
    copy : int
        The newest copy that needs nothing of it any more, or has what it was in `then`.

    Attributes
    ----------
    held : dict
    then : dict or None
        What it held when that copy began; values may be replaced by copies of them.
    """

    __slots__ = ("copy", "held", "number", "then")

    def __init__(self, number: int, copy: int) -> None:
        self.number, self.copy = number, copy
        self.held: dict[K, T] = {}
        self.then: dict[K, Any] | None = None


class Table(MutableMapping[K, T]):
    """Values by key, in the order in which the keys came. Values are replaced, never changed.

    Parameters
    ----------
    held : mapping or iterable of pairs, optional
        What it holds at first.

    Examples
    --------
    >>> table = Table({"a": 1, "b": 2})
    >>> copying = table.copying()
    >>> del table["a"]
    >>> while copying.slice(1): pass
    >>> copying.state(), dict(table.items())
    ({'a': 1, 'b': 2}, {'b': 2})
    """

    def __init__(self, held: Mapping[K, T] | Iterable[tuple[K, T]] = ()) -> None:
        self._of: dict[K, Chunk[K, T]] = {}
        self._chunks: dict[int, Chunk[K, T]] = {}  # those that hold something
        self._numbers = 0
        self._copy = 0  # copies that have begun
        self._ahead: Iterator[Chunk[K, T]] = iter(())
        self._before: Chunk[K, T] | None = None  # the last that the copy has passed
        self._passed: list[dict[K, Any]] = []
        self.update(held)

    @property
    def chunks(self) -> int:
        """In how many chunks they lie: what is listed when a copy begins."""
        return len(self._chunks)

    def state(self) -> dict[K, T]:
        """All of it, by key."""
        return dict(self.items())

    def copying(self, state: Callable[[dict[K, Any]], Any] = lambda copies: copies) -> SlicedCopy:
        """Begin a copy of all values as they are now, in their order.

        Parameters
        ----------
        state : callable
            What it is made to in the end, from values by key.
        """
        self.begin()
        return SlicedCopy(self.copy_some, lambda: state(_joined(self.taken())))

    def begin(self) -> None:
        """Let the copy be of now; what was left of one before is let go."""
        self._copy += 1
        self._ahead = iter(list(self._chunks.values()))
        self._before, self._passed = None, []

    def copy_some(self, most: int) -> int:
        """Go on with the copy by so many chunks, or records; how many it were."""
        done = 0
        while done < most and (chunk := next(self._ahead, None)) is not None:
            self.note(chunk)
            self._pass(chunk)
            done += 1
        return done

    def taken(self) -> list[dict[K, Any]]:
        """What was copied, in parts; they are let go."""
        passed, self._passed = self._passed, []
        return passed

    def note(self, chunk: Chunk[K, T]) -> None:
        """Remember what a chunk holds before it changes, unless that is done."""
        if chunk.copy < self._copy:
            chunk.copy, chunk.then = self._copy, dict(chunk.held)

    def _pass(self, chunk: Chunk[K, T]) -> None:
        """A copy has all of a chunk; thin ones become one, so that there are never very many."""
        assert chunk.then is not None, "noted before"
        self._passed.append(chunk.then)
        chunk.then = None
        if not chunk.held:
            return
        before, newest = self._before, chunk.number == self._numbers
        if before is None or newest or len(before.held) + len(chunk.held) > CHUNK:
            self._before = chunk
            return
        if before.held:
            before.held.update(chunk.held)
            self._of.update(dict.fromkeys(chunk.held, before))
            del self._chunks[chunk.number]
        else:
            self._before = chunk

    def _changing(self, key: K) -> None:
        """A value is about to be replaced, or to leave."""
        if (chunk := self._of.get(key)) is not None:
            self.note(chunk)

    def __setitem__(self, key: K, value: T) -> None:
        """Put a value where its key is, or behind all others."""
        self._changing(key)
        chunk = self._of.get(key)
        if chunk is None:
            chunk = self._of[key] = self._newest()
        chunk.held[key] = value

    def _newest(self) -> Chunk[K, T]:
        """Where the next key goes."""
        chunk = self._chunks.get(self._numbers)
        if chunk is None or len(chunk.held) >= CHUNK:
            self._numbers += 1
            chunk = self._chunks[self._numbers] = Chunk(self._numbers, self._copy)
        self.note(chunk)
        return chunk

    def __delitem__(self, key: K) -> None:
        """Let a value go."""
        self._changing(key)
        chunk = self._of.pop(key)
        del chunk.held[key]
        if not chunk.held:
            del self._chunks[chunk.number]

    def __getitem__(self, key: K) -> T:
        """A value."""
        return self._of[key].held[key]

    def get(self, key: K, default: Any = None) -> Any:
        """A value, or a default."""
        chunk = self._of.get(key)
        return default if chunk is None else chunk.held[key]

    def pop(self, key: K, *default: Any) -> Any:
        """A value that leaves, or a default."""
        if default and key not in self._of:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def __contains__(self, key: object) -> bool:
        """Whether there is a value."""
        return key in self._of

    def __len__(self) -> int:
        """How many there are."""
        return len(self._of)

    def __iter__(self) -> Iterator[K]:
        """Keys in their order."""
        for chunk in self._chunks.values():
            yield from chunk.held

    def values(self) -> Any:
        """Values in the order of their keys."""
        return (value for chunk in self._chunks.values() for value in chunk.held.values())

    def items(self) -> Any:
        """Keys and values in their order."""
        return (item for chunk in self._chunks.values() for item in chunk.held.items())


def _joined(parts: list[dict[K, Any]]) -> dict[K, Any]:
    whole: dict[K, Any] = {}
    for part in parts:
        whole.update(part)
    return whole
