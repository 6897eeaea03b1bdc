"""Values of an export as numbers: one cell never decides how the others are read."""

import re
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lab.data.cells import is_text, undictionaried
from lab.data.export_sheet import Sheet

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
NAN: Final = "nan"  # as a word of text, and what a number of Parquet may be
_WITH_MORE: Final = re.compile(
    r"[-+]?[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?(?![0-9.,])\s*((?![xX_][0-9A-Fa-f]|[dD][-+]?[0-9])[^\W_].*|[%‰°].*)"
)
_SEPARATED: Final = re.compile(r"[-+]?[0-9][0-9.,'\s]*")


class BrokenCell(Exception):  # noqa: N818 - names what it is
    """A cell that runs over lines: a quote that is not closed takes rows of readings with it.

    Parameters
    ----------
    row : int
    text : str
    """

    def __init__(self, row: int, text: str) -> None:
        super().__init__(row, text)
        self.row = row
        self.text = text


class Values(NamedTuple):
    """Values of a column.

    Parameters
    ----------
    number : float64, shape (n,)
        Not finite where the cell has no number.
    hole : bool, shape (n,), or None
        Where there is no reading at all; None where every cell has one.
    """

    number: Floats
    hole: Mask | None


class ValueReader:
    """Reads columns of values as a sheet declares them.

    Parameters
    ----------
    sheet : Sheet
    """

    def __init__(self, sheet: Sheet) -> None:
        self._decimal = sheet.decimal
        self._pattern = _pattern(sheet.decimal)
        meant: dict[str, float | None] = {_word(k): number for k, number in sheet.values.items()}
        meant.update((_word(text), None) for text in sheet.holes)  # None: no reading
        self._figures = {
            float(text.replace(sheet.decimal, ".")): number
            for text, number in meant.items()
            if re.fullmatch(self._pattern, text)
        }
        self._words = {
            text: number for text, number in meant.items() if not re.fullmatch(self._pattern, text)
        }

    def read(self, column: pa.ChunkedArray) -> Values:
        """Numbers of a column, whatever its type.

        Raises
        ------
        TypeError
            When the type has no numbers, as times have none.
        BrokenCell
            When a text has a line break.
        """
        column = undictionaried(column)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.string())
        if is_text(column.type):
            number, hole = self._texts(column)
        elif _numeric(column.type):
            hole = column.is_null().to_numpy() if column.null_count else None
            number = column.cast(pa.float64(), safe=False).to_numpy()
            if NAN in self._words:
                number, hole = _replaced(number, hole, np.isnan(number), self._words[NAN])
        else:
            raise TypeError(str(column.type))
        for figure, meant in self._figures.items():
            number, hole = _replaced(number, hole, number == figure, meant)
        return Values(number, hole)

    def _texts(self, text: pa.ChunkedArray) -> Values:
        if not self._words and (number := self._plain(text)) is not None:
            return Values(number, text.is_null().to_numpy() if text.null_count else None)
        text = pc.utf8_trim_whitespace(text)
        broken = pc.match_substring_regex(text, "[\r\n]")
        if pc.any(broken).as_py():
            row = pc.index(broken, True).as_py()
            raise BrokenCell(row, text[row].as_py())
        found = pc.if_else(pc.match_substring_regex(text, self._pattern), text, None)
        number, hole = self._cast(found).to_numpy(), None
        empty = pc.fill_null(pc.equal(text, ""), True).to_numpy()
        number, hole = _replaced(number, hole, empty, None)
        if self._words:
            place = pc.index_in(pc.utf8_lower(text), value_set=pa.array(list(self._words)))
            place = place.fill_null(-1).to_numpy()
            for i, meant in enumerate(self._words.values()):
                number, hole = _replaced(number, hole, place == i, meant)
        return Values(number, hole)

    def _plain(self, text: pa.ChunkedArray) -> Floats | None:
        """Numbers of a column that holds nothing else, None of any other."""
        if self._decimal != "." and pc.any(pc.match_substring(text, ".")).as_py():
            return None
        try:
            number: Floats = self._cast(text).to_numpy()
        except pa.ArrowInvalid:
            return None
        return number

    def _cast(self, text: pa.ChunkedArray) -> pa.ChunkedArray:
        if self._decimal != ".":
            text = pc.replace_substring(text, self._decimal, ".")
        return text.cast(pa.float64())


def _replaced(
    number: Floats, hole: Mask | None, here: Mask, meant: float | None
) -> tuple[Floats, Mask | None]:
    """The values with a number put in somewhere, or with no reading there."""
    if meant is None:
        return number, here if hole is None else hole | here
    return np.where(here, meant, number), hole


def _word(text: str) -> str:
    return text.strip().lower()


def _pattern(decimal: str) -> str:
    point = re.escape(decimal)
    return rf"^[-+]?([0-9]+({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]+)?$"


def _numeric(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_one(kind) for is_one in kinds)


def no_number(text: str, decimal: str = ".") -> str:
    r"""What an engineer can do about a cell that has no number.

    >>> no_number("0.31 MPa")
    "'MPa' stands behind the number; export numbers alone and declare their `unit:`"
    >>> no_number("1,234.5")
    "expected digits with the decimal sign '.' alone; declare `decimal:`, export no separators"
    >>> no_number("Bad")
    'declare `values: {Bad: number}` if it stands for one'
    """
    text = text.strip()
    if re.fullmatch(_pattern(decimal), text):
        return ""
    if _SEPARATED.fullmatch(text):
        return (
            f"expected digits with the decimal sign {decimal!r} alone; declare `decimal:`, "
            "export no separators"
        )
    if more := _WITH_MORE.fullmatch(text):
        return (
            f"{more[1]!r} stands behind the number; export numbers alone and declare their `unit:`"
        )
    if re.search(r"\d", text):
        return "expected digits as in 1234.5 or 1.2e3; export plain numbers"
    return f"declare `values: {{{text}: number}}` if it stands for one" if text else ""
