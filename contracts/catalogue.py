"""The table of channels, and the rows of it that one lane owns."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import eq
from typing import Any, Final, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.alarm import Where as Where  # noqa: PLC0414 - a place is part of a channel

_SOME: Final = 1 << 16  # texts that are made at once

# Texts that many channels share: each is kept once, and every channel has its number.
WORD = pa.dictionary(pa.int32(), pa.string())
# Columns of a catalogue, in order. `scale` and `offset` turn what the source sends into the unit
# of the class: value = raw * scale + offset. A name that is empty is the id.
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("class", WORD, nullable=False),
        pa.field("asset", pa.string(), nullable=False),
        pa.field("group", WORD, nullable=False),
        pa.field("name_en", pa.string(), nullable=False),
        pa.field("name_zh", pa.string(), nullable=False),
        pa.field("scale", pa.float64(), nullable=False),
        pa.field("offset", pa.float64(), nullable=False),
        pa.field("district", WORD, nullable=False),
        pa.field("street", WORD, nullable=False),
        pa.field("neighbourhood", WORD, nullable=False),
        pa.field("grid", WORD, nullable=False),
        pa.field("lon", pa.float64()),
        pa.field("lat", pa.float64()),
        pa.field("criticality", WORD, nullable=False),
        pa.field("tags", WORD, nullable=False),  # words with spaces between them
    ]
)
HASH = pa.field("hash", pa.uint64(), nullable=False)  # `id_hash` of every channel, if it was kept
# Asset by which a channel speaks. Catalogues without it keep their bytes, and so their hash.
LINK = pa.field("link", WORD, nullable=False)
WORDS_MAX = 1 << 12  # that a column may have to be looked up by number: groups may be millions
RUNS_MAX = 1 << 16  # of rising ids, beyond which looking for an id in each would take too long


_NUMBERS: Final = {"scale", "offset"}  # which nobody asks for one by one


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of the catalogue."""

    id: str
    class_name: str
    asset: str
    group: str
    name: dict[str, str]
    where: Where
    criticality: str


def id_hash(channel: str) -> int:
    """64-bit name of a channel by which snapshot rows are joined; BLAKE2b, little endian.

    >>> hex(id_hash("water.dma-0417.pressure"))
    '0x71d39f1589fdd27c'
    """
    digest = hashlib.blake2b(channel.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class Words(Sequence[str]):
    """A column of texts, each made when it is asked for: 35 million would fill the memory.

    >>> words = Words(pa.chunked_array([["b", "a"]]))
    >>> words[1], len(words), list(words), words == ["b", "a"]
    ('a', 2, ['b', 'a'], True)
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column.chunk(0) if column.num_chunks == 1 else column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        word: str = self._column[at].as_py()
        return word

    def take(self, rows: NDArray[np.int64]) -> pa.Array:
        """Texts of some rows, none of which is made."""
        taken = self._column.take(pa.array(rows))
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken

    def at(self, rows: NDArray[Any]) -> list[Any]:
        """Texts of some rows: of many a fifth of what they take one by one."""
        found: list[Any] = self._column.take(pa.array(rows)).to_pylist()
        return found

    def __iter__(self) -> Iterator[str]:
        """All texts, some thousands of them at a time."""
        for first in range(0, len(self), _SOME):
            yield from self._column.slice(first, _SOME).to_pylist()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __hash__(self) -> int:
        return id(self)


class Coded(Sequence[str]):
    """A column of words that many channels share.

    >>> list(Coded(["a", "b"], np.array([1, 0, 1], np.int32)))
    ['b', 'a', 'b']
    """

    def __init__(self, words: Sequence[str], codes: NDArray[np.int32]) -> None:
        self._words = words
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self._words[int(code)] for code in self._codes[at]]
        return self._words[int(self._codes[at])]

    def at(self, rows: NDArray[Any]) -> list[str]:
        """Words of some rows."""
        words = self._words
        return [words[code] for code in self._codes[rows].tolist()]


class RowOf(Mapping[str, int]):
    """Row by channel id, by halving the runs of rows in which ids rise.

    >>> row_of = RowOf(Words(pa.chunked_array([["a", "c", "b"]])), [0, 2])
    >>> row_of["b"], row_of.get("d"), "c" in row_of, dict(row_of)
    (2, None, True, {'a': 0, 'c': 1, 'b': 2})
    """

    def __init__(self, ids: Words, begins: Sequence[int]) -> None:
        self._ids = ids
        self._runs = list(pairwise([*begins, len(ids)]))

    def __getitem__(self, channel: str) -> int:
        for begin, end in self._runs:
            row = bisect_left(self._ids, channel, begin, end)
            if row < end and self._ids[row] == channel:
                return row
        raise KeyError(channel)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def among(self, channels: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each of some ids is there: all of them looked up side by side.

        A message may hold tens of thousands that are not, and a text is made for each row that one
        by one they would be compared with.

        >>> row_of = RowOf(Words(pa.chunked_array([["a", "c", "b"]])), [0, 2])
        >>> row_of.among(["b", "d", "a"]).tolist()
        [True, False, True]
        """
        wanted = pa.array(channels, pa.string())
        found = np.zeros(len(channels), np.bool_)
        for begin, end in self._runs:
            if begin < end:
                found |= self._in_run(wanted, begin, end)
        return found

    def _in_run(self, wanted: pa.Array, begin: int, end: int) -> NDArray[np.bool_]:
        low, high = np.full(len(wanted), begin), np.full(len(wanted), end)
        while (sought := low < high).any():
            middle = np.minimum((low + high) // 2, end - 1)
            less = pc.less(self._ids.take(middle), wanted).to_numpy(zero_copy_only=False)
            low = np.where(sought & less, middle + 1, low)
            high = np.where(sought & ~less, middle, high)
        there = self._ids.take(np.minimum(low, end - 1))
        same: NDArray[np.bool_] = pc.equal(there, wanted).to_numpy(zero_copy_only=False)
        return same & (low < end)


class Catalogue:
    """Channels as columns.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of `SCHEMA` and perhaps `LINK` and `HASH`; ids are unique, and rise in a few runs.
    """

    def __init__(self, table: pa.Table) -> None:
        wanted = SCHEMA
        for field in (LINK, HASH):
            wanted = wanted.append(field) if field.name in table.column_names else wanted
        self.table = table if table.schema.equals(wanted) else table.cast(wanted)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def ids(self) -> Words:
        """Channel ids by row."""
        return Words(self.table.column("id"))

    @cached_property
    def row_of(self) -> RowOf:
        """Row by channel id."""
        ids = self.table.column("id")
        falls = pc.indices_nonzero(pc.less(ids.slice(1), ids.slice(0, max(len(self) - 1, 0))))
        assert len(falls) < RUNS_MAX, "a catalogue lies in a few runs of rising ids"
        return RowOf(self.ids, [0, *(fall + 1 for fall in falls.to_pylist())])

    @cached_property
    def id_hashes(self) -> NDArray[np.uint64]:
        """`id_hash` of every channel, shape (n,)."""
        if HASH.name in self.table.column_names:
            kept: NDArray[np.uint64] = self.table.column(HASH.name).to_numpy()
            return kept
        return np.fromiter((id_hash(channel) for channel in self.ids), np.uint64, len(self))

    @cached_property
    def _columns(self) -> dict[str, Any]:
        """Columns by name: a cell of one is looked up four times faster than a slice is made."""
        return {name: self._cells(name) for name in SCHEMA.names if name not in _NUMBERS}

    def _cells(self, name: str) -> Words | Coded:
        """A column to look cells up in: by number among its words, where they are few."""
        column = self.table.column(name)
        if column.type == WORD and column.num_chunks == 1:
            chunk = column.chunk(0)
            if len(chunk.dictionary) < WORDS_MAX:
                return Coded(*self.codes(name))
        return Words(column)

    def column(self, name: str) -> NDArray[np.float64]:
        """A numeric column as float64, shape (n,)."""
        values: NDArray[np.float64] = self.table.column(name).to_numpy()
        return values

    def codes(self, name: str) -> tuple[list[str], NDArray[np.int32]]:
        """The words of a column, and the place among them of every channel's, shape (n,)."""
        joined = self._joined(name)
        words: list[str] = joined.dictionary.to_pylist()
        return words, joined.indices.to_numpy()

    def _joined(self, name: str) -> pa.DictionaryArray:
        column = self.table.column(name)
        if column.num_chunks == 1:
            return column.chunk(0)
        return column.unify_dictionaries().combine_chunks() if len(self) else pa.array([], WORD)

    def numbers(self, name: str) -> NDArray[np.int32]:
        """A number for the word of every channel, shape (n,): as words are alike, so are they.

        No text is made, of which `codes` makes one for each word that any channel has.
        """
        joined = self._joined(name)
        words = joined.dictionary
        codes: NDArray[np.int32] = joined.indices.to_numpy()
        once = words.unique()
        if len(once) == len(words):
            return codes
        numbers: NDArray[np.int32] = pc.index_in(words, once).to_numpy()[codes]
        return numbers

    def classes(self) -> Words:
        """Class of every channel, by row."""
        return Words(self.table.column("class"))

    def groups(self) -> Words:
        """Group of every channel, by row."""
        return Words(self.table.column("group"))

    def links(self) -> tuple[list[str], NDArray[np.int32]]:
        """Links, and the place among them of every channel's, -1 where it names none.

        No links, and places of shape (0,), where no channel of the table names one.
        """
        if LINK.name not in self.table.column_names:
            return [], np.empty(0, np.int32)
        words, codes = self.codes(LINK.name)
        place = {word: i for i, word in enumerate(word for word in words if word)}
        if not place or not len(codes):
            return [], np.empty(0, np.int32)
        return list(place), np.array([place.get(word, -1) for word in words], np.int32)[codes]

    def tags(self, row: int) -> list[str]:
        """Tags of one channel."""
        return str(self._columns["tags"][row]).split()

    def channel(self, row: int) -> Channel:
        """Everything about one channel."""
        columns = self._columns
        channel = columns["id"][row]
        return Channel(
            channel,
            columns["class"][row],
            columns["asset"][row],
            columns["group"][row],
            {"en": columns["name_en"][row] or channel, "zh": columns["name_zh"][row] or channel},
            Where(*[columns[key][row] for key in Where.__struct_fields__]),
            columns["criticality"][row],
        )

    def channels(self, rows: NDArray[Any]) -> list[Channel]:
        """The same of several channels, looked up together."""
        columns = self._columns
        names = ("id", "class", "asset", "group", "name_en", "name_zh", "criticality")
        cells = zip(*(columns[name].at(rows) for name in names), strict=True)
        places = zip(*(columns[key].at(rows) for key in Where.__struct_fields__), strict=True)
        return [
            Channel(
                *(channel, class_name, asset, group),
                {"en": name_en or channel, "zh": name_zh or channel},
                Where(*place),
                criticality,
            )
            for (channel, class_name, asset, group, name_en, name_zh, criticality), place in zip(
                cells, places, strict=True
            )
        ]

    def take(self, keep: NDArray[np.bool_]) -> "Catalogue":
        """The rows where `keep` holds, in their order."""
        return Catalogue(self.table.filter(pa.array(keep)).combine_chunks())

    def part(self, begin: int, end: int) -> "Catalogue":
        """Rows side by side, which lie where they lay."""
        return Catalogue(self.table.slice(begin, end - begin))
