"""Where the cells of an export stand: what messages name, so that a person finds them."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

TEXT_MAX: Final = 40
_NO_TEXT: Final = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip file or a workbook",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"PAR1": "a Parquet file",
}
_BYTES: Final = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
_TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


@dataclass(frozen=True)
class Cells:
    """Cells of one file.

    Parameters
    ----------
    file : Path
    columns : sequence of str
        All of the file, in their order there.
    encoding, delimiter : str
        Of CSV.
    """

    file: Path
    columns: Sequence[str]
    encoding: str = "utf-8"
    delimiter: str = ","

    def at(self, row: int, column: str) -> str:
        """`file:line:column` of a cell; of Parquet the number of its row stands for the line."""
        return f"{self.file}:{self._line(row)}:{list(self.columns).index(column) + 1}"

    def _line(self, row: int) -> int:
        if self.file.suffix.lower() != ".csv":
            return row + 1
        encoding = "utf-8-sig" if self.encoding.lower() in ("utf-8", "utf8") else self.encoding
        with self.file.open(encoding=encoding, newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter)
            filled = (line for line in reader if line)  # the head line, then rows
            next(islice(filled, row + 1, None), None)
            return reader.line_num


def no_text(head: bytes) -> str:
    r"""What a file is that begins with these bytes, empty when it may be text.

    >>> no_text(b"\x1f\x8b\x08"), no_text(b"time")
    ('a gzip file', '')
    """
    return next((what for begin, what in _NO_TEXT.items() if head.startswith(begin)), "")


def is_text(kind: pa.DataType) -> bool:
    """Whether values of an Arrow type are text."""
    return any(is_one(kind) for is_one in _TEXTS)


def undictionaried(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with every value written out, and bytes that are UTF-8 as the text they are."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not any(is_one(column.type) for is_one in _BYTES):
        return column
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        return column


def first_refused(column: pa.ChunkedArray, convert: Callable[[pa.ChunkedArray], Any]) -> int:
    """Row of the first value that a conversion of the whole column fails at."""
    first, count = 0, len(column)
    while count > 1:
        half = count // 2
        try:
            convert(column.slice(first, half))
            first, count = first + half, count - half
        except pa.ArrowException:
            count = half
    return first


def shown(value: object) -> str:
    """A cell in a message: whole when it is short.

    >>> shown("Bad"), shown(1.5), shown(None)
    ("'Bad'", '1.5', 'none')
    """
    text = repr(value) if isinstance(value, str) else str(value)
    text = "none" if value is None else text
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
