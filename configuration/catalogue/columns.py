"""Columns of a catalogue that come as Arrow, typed as a whole: no cell becomes a Python object."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.catalogue import LINK, SCHEMA, WORD

COLUMNS: Final = SCHEMA.append(LINK)  # that a file may have
CELL_CHARS_MAX: Final = 500
NUMBERS: Final = ("scale", "offset", "lon", "lat")
DEFAULTS: Final[dict[str, Any]] = {
    "scale": 1.0,
    "offset": 0.0,
    "criticality": "normal",
    "lon": None,
    "lat": None,
}


def typed(name: str, column: pa.ChunkedArray) -> pa.Array | None:
    """A column as the catalogue has it, None when some cell has to be looked at by itself."""
    return _numbers(name, column) if name in NUMBERS else _texts(name, column)


def _numbers(name: str, column: pa.ChunkedArray) -> pa.Array | None:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return None
    values = _whole(column.cast(pa.float64(), safe=False))
    if DEFAULTS[name] is not None and values.null_count:
        values = values.fill_null(DEFAULTS[name])
    return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)


def _texts(name: str, column: pa.ChunkedArray) -> pa.Array | None:
    kind = COLUMNS.field(name).type
    coded = pa.types.is_dictionary(column.type)
    if not _is_text(column.type.value_type if coded else column.type):
        return None
    whole = _whole(column)
    if coded and not whole.null_count and _plain(whole.dictionary):
        return whole.cast(kind)
    texts = whole.cast(pa.string())
    if (pc.max(pc.utf8_length(texts)).as_py() or 0) > CELL_CHARS_MAX:
        return None
    if not _plain(texts):
        texts = pc.utf8_trim_whitespace(texts)
        empty = pc.or_kleene(pc.is_null(texts), pc.equal(texts, ""))
        texts = pc.if_else(empty, DEFAULTS.get(name, ""), texts)
    return texts.dictionary_encode() if kind == WORD else texts


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _plain(texts: pa.Array) -> bool:
    """Whether texts are taken as they are: none is missing, empty, long or begins with a space."""
    if texts.null_count or not len(texts):
        return not len(texts)
    odd = pc.match_substring_regex(texts, r"^[!-~]([ -~]{0,498}[!-~])?$")
    return bool(pc.all(odd).as_py())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """All chunks as one."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def default(name: str, count: int) -> pa.Array:
    """A column that nobody wrote."""
    kind, value = COLUMNS.field(name).type, DEFAULTS.get(name, "")
    if kind == WORD:
        return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([value]))
    return pa.repeat(pa.scalar(value, kind), count)
