"""The table of channels, and the rows of it that one lane owns."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Columns of a catalogue, in order. `scale` and `offset` turn what the source sends into the unit
# of the class: value = raw * scale + offset.
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("class", pa.string(), nullable=False),
        pa.field("asset", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("name_en", pa.string(), nullable=False),
        pa.field("name_zh", pa.string(), nullable=False),
        pa.field("scale", pa.float64(), nullable=False),
        pa.field("offset", pa.float64(), nullable=False),
        pa.field("district", pa.string(), nullable=False),
        pa.field("street", pa.string(), nullable=False),
        pa.field("neighbourhood", pa.string(), nullable=False),
        pa.field("grid", pa.string(), nullable=False),
        pa.field("lon", pa.float64()),
        pa.field("lat", pa.float64()),
        pa.field("criticality", pa.string(), nullable=False),
        pa.field("tags", pa.string(), nullable=False),  # words with spaces between them
    ]
)


class Where(msgspec.Struct, frozen=True):
    """Place of a channel, down to its grid cell; longitude and latitude in WGS 84 degrees."""

    district: str
    street: str
    neighbourhood: str
    grid: str
    lon: float | None
    lat: float | None


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


class Catalogue:
    """Channels as columns.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of `SCHEMA`; ids are unique.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table.cast(SCHEMA)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def ids(self) -> list[str]:
        """Channel ids by row."""
        ids: list[str] = self.table.column("id").to_pylist()
        return ids

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row by channel id."""
        return {channel: row for row, channel in enumerate(self.ids)}

    @cached_property
    def id_hashes(self) -> NDArray[np.uint64]:
        """`id_hash` of every channel, shape (n,)."""
        return np.fromiter((id_hash(channel) for channel in self.ids), np.uint64, len(self))

    @cached_property
    def _columns(self) -> dict[str, pa.ChunkedArray]:
        """Columns by name: a cell of one is looked up four times faster than a slice is made."""
        return {name: self.table.column(name) for name in self.table.column_names}

    def column(self, name: str) -> NDArray[np.float64]:
        """A numeric column as float64, shape (n,)."""
        values: NDArray[np.float64] = self.table.column(name).to_numpy()
        return values

    def classes(self) -> list[str]:
        """Class of every channel, by row."""
        names: list[str] = self.table.column("class").to_pylist()
        return names

    def groups(self) -> list[str]:
        """Group of every channel, by row."""
        names: list[str] = self.table.column("group").to_pylist()
        return names

    def tags(self) -> list[list[str]]:
        """Tags of every channel, by row."""
        return [words.split() for words in self.table.column("tags").to_pylist()]

    def channel(self, row: int) -> Channel:
        """Everything about one channel."""
        cells = {name: column[row].as_py() for name, column in self._columns.items()}
        place = {key: cells[key] for key in Where.__struct_fields__}
        return Channel(
            cells["id"],
            cells["class"],
            cells["asset"],
            cells["group"],
            {"en": cells["name_en"], "zh": cells["name_zh"]},
            Where(**place),
            cells["criticality"],
        )

    def take(self, keep: NDArray[np.bool_]) -> "Catalogue":
        """The rows where `keep` holds, sorted by id: the order of lane rows."""
        part = self.table.filter(pa.array(keep))
        return Catalogue(part.take(pc.sort_indices(part, [("id", "ascending")])))
