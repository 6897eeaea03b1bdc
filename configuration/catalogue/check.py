"""Rows of a catalogue that no lane could use, each named by its place."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configuration.catalogue.columns import NUMBERS
from configuration.catalogue.id_hashes import id_hashes
from configuration.catalogue.read import TOLD_MAX, ChannelTable
from configuration.yaml.findings import NOWHERE, Findings, nearest, shown
from contracts.catalogue import LINK

NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,127}$"
LINK_NAME: Final = r"^([a-z0-9][a-z0-9_-]{0,63}[.][a-z0-9][a-z0-9._-]{0,127})?$"
TAGS: Final = r"^([a-z][a-z0-9_]{0,31}( [a-z][a-z0-9_]{0,31}){0,15})?$"


def check_channels(
    channels: ChannelTable, lifeline: str, classes: frozenset[str] | None, findings: Findings
) -> None:
    """Note rows that no lane could use.

    Parameters
    ----------
    channels : ChannelTable
    lifeline : str
        Folder of the file.
    classes : frozenset of str or None
        Classes that have a pack; None when that is not known, since a pack is broken.
    findings : Findings
    """
    for column, bad, text in _tests(channels.table, lifeline, classes):
        places = np.flatnonzero(bad)
        cells = channels.table.column(column)
        for row in places[:TOLD_MAX]:
            cell = cells[int(row)].as_py()
            got = "nothing" if cell in (None, "") else shown(cell)
            findings.add(channels.file, channels.spot(int(row)), column, text(got, cell))
        if len(places) > TOLD_MAX:
            rest = f"{len(places) - TOLD_MAX} more rows are wrong like those above"
            findings.add(channels.file, NOWHERE, column, rest)


Test = tuple[str, NDArray[np.bool_], Callable[[str, Any], str]]


def _holds(column: pa.ChunkedArray, test: Callable[[pa.Array], Any]) -> NDArray[np.bool_]:
    """Where a test of texts holds, of which each is looked at once where they are kept once."""
    if not len(column):
        return np.empty(0, np.bool_)
    array = column.combine_chunks() if column.num_chunks > 1 else column.chunk(0)
    if not pa.types.is_dictionary(array.type):
        held: NDArray[np.bool_] = test(array).to_numpy(zero_copy_only=False).astype(np.bool_)
        return held
    of_word: NDArray[np.bool_] = test(array.dictionary).to_numpy(zero_copy_only=False)
    found: NDArray[np.bool_] = of_word.astype(np.bool_)[array.indices.to_numpy()]
    return found


def _is_empty(texts: pa.Array) -> Any:
    return pc.equal(texts, "")


def _tests(table: pa.Table, lifeline: str, classes: frozenset[str] | None) -> list[Test]:
    """Column, bad rows and message (from the cell as shown, and as it is) of each test."""
    word = "lower-case letters, digits, `.`, `_` and `-`, at most 128"
    own = {name for name in classes or () if name.startswith(f"{lifeline}.")}
    named = table.column("class")
    alien = ~_holds(named, lambda names: pc.starts_with(names, f"{lifeline}."))
    there = pa.array(sorted(own), pa.string())
    unknown = ~_holds(named, lambda names: pc.is_in(names, there)) & ~alien
    tests: list[Test] = [
        ("class", alien, lambda got, _: f"expected a class of {lifeline}, got {got}; move the row"),
        (
            "class",
            unknown & (classes is not None),
            lambda got, cell: f"unknown class {got}; {nearest(cell, own)}",
        ),
        ("asset", _holds(table.column("asset"), _is_empty), lambda _, __: _EMPTY),
    ]
    for column in ("id", "group", "criticality"):
        bad = ~_holds(table.column(column), partial(pc.match_substring_regex, pattern=NAME))
        tests.append((column, bad, lambda got, _: f"expected {word}, got {got}; rename it"))
    odd = ~_holds(table.column("tags"), partial(pc.match_substring_regex, pattern=TAGS))
    expected = "words of lower-case letters, digits and `_`, with spaces between them"
    tests.append(("tags", odd, lambda got, _: f"expected {expected}, got {got}"))
    if LINK.name in table.column_names:
        odd = ~_holds(table.column("link"), partial(pc.match_substring_regex, pattern=LINK_NAME))
        tests.append(("link", odd, lambda got, _: f"{_LINK}, got {got}"))
    return tests + _number_tests(table)


_EMPTY: Final = "expected the name of an asset, got nothing; name it"


_LINK: Final = "expected `<lifeline>.<asset>` of the link as the topology has it, or nothing"


def _number_tests(table: pa.Table) -> list[Test]:
    scale, offset, lon, lat = (table.column(name).to_numpy() for name in NUMBERS)
    half = np.isnan(lon) != np.isnan(lat)
    with np.errstate(invalid="ignore"):
        far_lon, far_lat = np.abs(lon) > 180, np.abs(lat) > 90
    return [
        (
            "scale",
            ~np.isfinite(scale) | (scale == 0),
            lambda got, _: f"expected a finite number other than 0, got {got}",
        ),
        ("offset", ~np.isfinite(offset), lambda got, _: f"expected a finite number, got {got}"),
        ("lon", far_lon, lambda got, _: f"expected degrees from -180 to 180, got {got}"),
        ("lat", far_lat, lambda got, _: f"expected degrees from -90 to 90, got {got}"),
        ("lon", half, lambda *_: "expected both lon and lat or neither, got one; add the other"),
    ]


def check_ids(tables: list[ChannelTable], findings: Findings) -> list[NDArray[np.uint64]]:
    """Note ids that come twice, in one file or two, and ids whose hashes are equal.

    The hashes of each table's ids come back: only where two are equal ids need to be compared.
    """
    hashes = [id_hashes(channels.table.column("id")) for channels in tables]
    first: dict[str, tuple[int, int]] = {}
    known: dict[int, str] = {}
    for number, row in _alike(hashes):
        channels = tables[number]
        channel, code = channels.table.column("id")[row].as_py(), int(hashes[number][row])
        if channel in first:
            there, line = tables[first[channel][0]], first[channel][1]
            at = ":".join([there.file, *(str(part) for part in there.spot(line) if part)])
            text = f"expected each id once, got {channel!r} again after {at}; keep one"
            findings.add(channels.file, channels.spot(row), "id", text)
            continue
        first[channel] = (number, row)
        other = known.setdefault(code, channel)
        if other != channel:
            text = f"expected a hash of its own, got that of {other!r}; rename one"
            findings.add(channels.file, channels.spot(row), "id", text)
    return hashes


def _alike(hashes: list[NDArray[np.uint64]]) -> list[tuple[int, int]]:
    """Table and row of every hash that comes more than once, in their order."""
    whole = np.concatenate([*hashes, np.empty(0, np.uint64)])
    ordered = np.sort(whole)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return []
    found = []
    for number, some in enumerate(hashes):
        found += [(number, row) for row in np.flatnonzero(np.isin(some, twice)).tolist()]
    return found
