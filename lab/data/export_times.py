"""Times of an export as nanoseconds of UTC: epochs, day numbers, ISO 8601, declared formats."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.errors import ConfigError
from contracts.quantities import NS_PER_S
from ingest.timestamps import END_S
from lab.data.cells import Cells, first_refused, is_text, shown, undictionaried
from lab.data.export_sheet import TimeColumn
from lab.data.local_time import LocalHours
from lab.data.recorded_lines import PLAUSIBLE_S

Nanos = NDArray[np.int64]
_UTC: Final = pa.timestamp("ns", "UTC")
_LOCAL: Final = pa.timestamp("ns")
_UNIT_NS: Final = {
    "s": NS_PER_S,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
    "spreadsheet": 86_400 * NS_PER_S,
}
# No column of times that were not rounded has so few: days since 1970 are multiples of 100 s.
_EPOCH_DIGITS: Final = 8
_DAYS_TO_1970: Final = 25_569  # of a spreadsheet, from 1899-12-30
# What is left of a fraction of seconds, and of days, behind the noise of 53 bits.
_STEP_NS: Final = {"s": 1_000, "ms": 1_000, "us": 1_000, "ns": 1, "spreadsheet": 10**6}
_EPOCH: Final = re.compile(r"[-+]?[0-9]+([.,][0-9]*)?([eE][-+]?[0-9]+)?")
_ISO_ZONE: Final = r"[0-9]:[0-9][0-9].*(Z|[-+][0-9][0-9](:?[0-9][0-9])?)$"
_OFFSET: Final = re.compile(r"([-+])([01][0-9]|2[0-3]):?([0-5][0-9])?")
_OUTSIDE: Final = -(1 << 62)  # as a time: before 1970, whatever fraction or zone is added
# What Arrow's strptime reads; of others, as `%G` and `%V`, it drops the value without an error.
_DIRECTIVES: Final = frozenset("YymbBhdejFDHIMSpRTaAfzZ%")
# The end of a format that Arrow's strptime reads wrongly or not at all.
_TAIL: Final = re.compile(r"(.*?)((?:[^%]?%[fzZ])+)")
_TAIL_PART: Final = {
    "%f": "(?P<fraction>[0-9]{1,9})",
    "%z": "(?P<zone>Z|[-+][0-9]{2}(?::?[0-9]{2})?)",
    "%Z": "(?P<zone>[A-Za-z]+|[-+][0-9]{2}(?::?[0-9]{2})?)",
}


class TimeReader:
    """Reads the time column of one file.

    Parameters
    ----------
    how : TimeColumn
    cells : Cells
        Where they stand, for messages.

    Attributes
    ----------
    notes : dict of str to str
        What a person should know of the times that were read, by what it is about.
    """

    def __init__(self, how: TimeColumn, cells: Cells) -> None:
        self._how = how
        self._cells = cells
        self._first_row, self._column = 0, pa.chunked_array([], pa.string())
        self._hours = LocalHours(_zone(how.zone, cells)) if how.zone else None
        if how.format and (expected := _expected_of_format(how.format)):
            msg = f"{cells.file}: `format:`: expected {expected}, got {how.format!r}"
            raise ConfigError(msg)
        self.notes: dict[str, str] = {}

    def read(self, column: pa.ChunkedArray, streams: NDArray[np.int32], first_row: int) -> Nanos:
        """Times of some rows.

        Parameters
        ----------
        column : ChunkedArray
        streams : int32, shape (n,)
            Rows of one number follow each other in time, as those of one channel do.
        first_row : int
            Place of the first in the file.

        Raises
        ------
        ConfigError
            At the first row that has no time, or none from 1970 to 2200.
        """
        self._first_row = first_row
        self._column = column = undictionaried(column)
        if column.null_count:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise self._refused(row, "a time in every row, got none")
        if not len(column):  # whatever its type: of nothing, Arrow writes a column of nulls
            return np.empty(0, np.int64)
        number = self._number(column)
        if number is None:
            time_ns, zoned = self._read(column)
        else:
            time_ns, zoned = self._epochs(number)
        if not zoned.all():
            local = np.flatnonzero(~zoned)
            time_ns[local] = self._to_utc(time_ns[local], streams[local], local)
        wrong = (time_ns < 0) | (time_ns >= END_S * NS_PER_S)
        if wrong.any():
            row = int(np.argmax(wrong))
            got = shown(column[row].as_py())
            hint = "" if number is None else f", which is no `epoch: {self._how.epoch}`"
            hint += "; declare `epoch:` or `format:`" if hint and not self._how.format else ""
            raise self._refused(row, f"times from 1970 to 2200, got {got}{hint}")
        self._note_old(column, time_ns)
        return time_ns

    def _refused(self, row: int, text: str) -> ConfigError:
        place = self._cells.at(self._first_row + row, self._how.column)
        return ConfigError(f"{place}: column `{self._how.column}`: expected {text}")

    def _note_old(self, column: pa.ChunkedArray, time_ns: Nanos) -> None:
        old = time_ns < PLAUSIBLE_S * NS_PER_S
        if not old.any():
            return
        row = int(np.argmax(old))
        year = datetime.fromtimestamp(time_ns[row] / NS_PER_S, UTC).year
        self._note(
            "old",
            row,
            f"{int(old.sum()):,} times lie before 1980, {shown(column[row].as_py())} in {year}; "
            "are they in another unit? declare `time: {epoch: s}`",
        )

    def _note(self, what: str, row: int, text: str) -> None:
        if what not in self.notes:
            place = self._cells.at(self._first_row + row, self._how.column)
            self.notes[what] = f"{place}: {text}"

    def _number(self, column: pa.ChunkedArray) -> NDArray[Any] | None:
        """Epochs of a column of numbers, None of any other."""
        kind = column.type
        if pa.types.is_integer(kind):
            return np.asarray(column.to_numpy())
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return np.asarray(column.cast(pa.float64()).to_numpy())
        first = column[0].as_py() if is_text(kind) and not self._how.format else ""
        if not _EPOCH.fullmatch(first.strip()):
            return None
        text = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", ".")
        try:
            return np.asarray(text.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            if not _mostly(text, _EPOCH):
                return None  # the first cell does not decide for the others
            found = self._converted(text, lambda part: part.cast(pa.float64()))
        self._check_rounded(text)
        return np.asarray(found.to_numpy())

    def _check_rounded(self, text: pa.ChunkedArray) -> None:
        """Refuse epochs as a spreadsheet shows them: `1.77244E+12` is known to three hours."""
        digits = pc.replace_substring_regex(text, "[eE].*|[^0-9]", "")
        short = pc.less(pc.utf8_length(digits), _EPOCH_DIGITS)
        if pc.all(pc.and_(short, pc.match_substring_regex(text, "[eE]"))).as_py():
            got = shown(self._column[0].as_py())
            msg = f"epochs in whole digits, got {got}, which is rounded; format the column as"
            raise self._refused(0, f"{msg} numbers before it is exported")

    def _converted(self, column: pa.ChunkedArray, convert: Callable[[Any], Any]) -> Any:
        """A column converted, or an error that names the first cell that cannot be."""
        try:
            return convert(column)
        except pa.ArrowInvalid as error:
            row = first_refused(column, convert)
            got = shown(self._column[row].as_py())
            if _in_other_years(column[row]):
                raise self._refused(row, f"times from 1970 to 2200, got {got}") from error
            form = f"times as `{self._how.format}`" if self._how.format else "times"
            msg = f"{form}, got {got}; declare their `format:`"
            raise self._refused(row, msg) from error

    def _epochs(self, number: NDArray[Any]) -> tuple[Nanos, NDArray[np.bool_]]:
        """Nanoseconds since 1970, -1 outside the years that a time may name."""
        epoch = self._how.epoch
        unit, local = _UNIT_NS[epoch], epoch == "spreadsheet"
        if local:
            number = number - _DAYS_TO_1970
        inside = (number >= 0) & (number < END_S * NS_PER_S // unit)  # NaN is outside
        number = np.where(inside, number, 0)
        whole = np.floor(number).astype(np.int64)
        step = _STEP_NS[epoch]
        fraction = np.rint((number - whole) * (unit // step)).astype(np.int64) * step
        time_ns = np.where(inside, whole * unit + fraction, -1)
        return time_ns, ~inside | (not local)

    def _read(self, column: pa.ChunkedArray) -> tuple[Nanos, NDArray[np.bool_]]:
        """Nanoseconds of texts and of Arrow's times, and which of them are of UTC."""
        if self._how.format and is_text(column.type):
            return self._formatted(column)
        if is_text(column.type):
            return self._iso(column)
        zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
        if not pa.types.is_timestamp(column.type) and not pa.types.is_date(column.type):
            raise self._refused(0, f"times, got {column.type}")
        found = self._converted(column, lambda part: part.cast(_UTC if zoned else _LOCAL))
        return _nanos(found), np.full(len(column), zoned)

    def _iso(self, text: pa.ChunkedArray) -> tuple[Nanos, NDArray[np.bool_]]:
        for kind in (_UTC, _LOCAL):
            try:
                return _nanos(text.cast(kind)), np.full(len(text), kind is _UTC)
            except pa.ArrowInvalid:
                continue
        # Blanks, small letters, a decimal comma, or times with and without a zone side by side.
        tidy = pc.utf8_upper(pc.utf8_trim_whitespace(text))
        tidy = pc.replace_substring_regex(tidy, r"\s+(Z|[-+][0-9:]+)$", r"\1")
        tidy = pc.replace_substring_regex(tidy, r"(:[0-9]{2}),([0-9])", r"\1.\2")
        zoned = pc.match_substring_regex(tidy, _ISO_ZONE)
        utc = pc.if_else(zoned, tidy, pc.binary_join_element_wise(tidy, "Z", ""))
        found = self._converted(utc, lambda part: part.cast(_UTC))
        return _nanos(found), zoned.to_numpy()

    def _formatted(self, text: pa.ChunkedArray) -> tuple[Nanos, NDArray[np.bool_]]:
        form = self._how.format
        tail = _TAIL.fullmatch(form)
        head = tail[1] if tail else form
        if re.search("%[fzZ]", head):
            msg = f"`%f`, `%z` and `%Z` at the end of a format, got `{form}`"
            raise self._refused(0, f"{msg}; export the times so, or as ISO 8601")
        text = pc.utf8_trim_whitespace(text)
        if tail is None:
            return self._parsed(text, form), np.zeros(len(text), np.bool_)
        pattern = re.sub("%[fzZ]", lambda part: _TAIL_PART[part[0]], re.escape(tail[2]))
        parts = pc.extract_regex(text, f"^(?P<head>.*?){pattern}$").combine_chunks()
        if parts.null_count:
            row = int(np.argmax(parts.is_null().to_numpy(zero_copy_only=False)))
            raise self._refused(row, f"times as `{form}`, got {shown(text[row].as_py())}")
        time_ns = self._parsed(pa.chunked_array([parts.field("head")]), head)
        if "%f" in tail[2]:
            digits = pc.utf8_rpad(parts.field("fraction"), 9, "0")
            time_ns = time_ns + digits.cast(pa.int64()).to_numpy()
        if "%z" not in tail[2].lower():
            return time_ns, np.zeros(len(text), np.bool_)
        return time_ns - self._ahead_ns(parts.field("zone")), np.ones(len(text), np.bool_)

    def _parsed(self, text: pa.ChunkedArray, form: str) -> Nanos:
        """Nanoseconds of texts without fraction and zone, every day and second of which exists."""
        found = self._converted(text, lambda part: pc.strptime(part, format=form, unit="s"))
        # strptime reads 31 February as 3 March and second 60 as the next minute.
        odd = pc.or_(pc.less_equal(pc.day(found), 3), pc.match_substring_regex(text, "6[01]"))
        there = np.flatnonzero(odd.to_numpy())
        written, read = text.take(there), pc.strftime(found.take(there), format=form)
        changed = np.flatnonzero(pc.not_equal(_figures(written), _figures(read)).to_numpy())
        if len(changed):
            row = int(there[changed[0]])
            got = shown(self._column[row].as_py())
            raise self._refused(row, f"a day and second that exist, got {got}; mend the export")
        seconds = np.asarray(found.cast(pa.int64()).to_numpy())
        inside = (seconds >= 0) & (seconds < END_S)
        time_ns: Nanos = np.where(inside, np.where(inside, seconds, 0) * NS_PER_S, _OUTSIDE)
        return time_ns

    def _ahead_ns(self, zones: pa.Array) -> Nanos:
        """Nanoseconds that the zone of each time is ahead of UTC."""
        coded = zones.dictionary_encode()
        indices = coded.indices.to_numpy()
        known = _names(self._how.zone)
        ahead = []
        for i, name in enumerate(coded.dictionary.to_pylist()):
            offset = _ahead_s(name, known)
            if offset is None:
                row = int(np.argmax(indices == i))
                msg = f"a zone as +08:00 or a name of `zone: {self._how.zone or 'UTC'}`"
                msg += f", got {name!r}; declare the zone that has this name, as Europe/Berlin"
                raise self._refused(row, msg)
            ahead.append(offset * NS_PER_S)
        ahead_ns: Nanos = np.array(ahead, np.int64)[indices]
        return ahead_ns

    def _to_utc(self, local_ns: Nanos, streams: NDArray[np.int32], rows: Nanos) -> Nanos:
        if self._hours is None:
            text = "times with a zone, got local ones; declare `time: {zone: Asia/Shanghai}`"
            raise self._refused(int(rows[0]), f"{text} in columns.yaml")
        found = self._hours.to_utc(local_ns, streams)
        if len(found.unsettled):
            text = f"the hour that comes twice in {self._how.zone} in the order of time, got it in"
            text += " disorder; export UTC, or times with their offset"
            raise self._refused(int(rows[found.unsettled[0]]), text)
        zone = self._how.zone
        if len(found.missing):
            text = f"{len(found.missing):,} times in an hour that {zone} leaves out, read as if it"
            self._note(
                "missing", int(rows[found.missing[0]]), f"{text} had not; is the zone right?"
            )
        if len(found.once):
            text = f"{len(found.once):,} times in an hour that comes twice in {zone} but once here"
            self._note("once", int(rows[found.once[0]]), f"{text}, read as the first")
        return found.time_ns


def _expected_of_format(form: str) -> str:
    """What a format should have and has not, empty when it is complete."""
    used = set(re.findall("%(.)", form))
    if not used or not used <= _DIRECTIVES:
        return "directives as `%Y-%m-%d %H:%M:%S` has them"
    in_year = used & set("mbBh") and used & set("de")
    if not (used & set("FD") or (used & set("Yy") and (in_year or "j" in used))):
        return "a year, a month and a day"
    return "`%I` and `%p` together, or `%H`" if ("I" in used) != ("p" in used) else ""


def _figures(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """The numbers in texts, without leading zeros."""
    apart = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, "[^0-9]+", " "))
    return pc.replace_substring_regex(apart, r"\b0+([0-9])", r"\1")


def _mostly(text: pa.ChunkedArray, form: re.Pattern[str]) -> bool:
    """Whether at least half of some texts have a form."""
    matched = pc.match_substring_regex(text, f"^(?:{form.pattern})$")
    return 2 * int(pc.sum(matched).as_py()) >= len(text)


def _in_other_years(cell: pa.Scalar) -> bool:
    """Whether a cell is a time that nanoseconds of 64 bits do not reach."""
    for zone in ("UTC", None):
        try:
            cell.cast(pa.timestamp("s", zone))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        return True
    return False


def _nanos(column: pa.ChunkedArray) -> Nanos:
    kind = column.type
    found = column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64())
    return np.array(found.to_numpy())


def _zone(name: str, cells: Cells) -> str:
    """Name of a zone as Arrow takes it."""
    if offset := _OFFSET.fullmatch(name):
        return f"{offset[1]}{offset[2]}:{offset[3] or '00'}"
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # the last is one that nobody knows
        msg = f"{cells.file}: `zone:`: expected a name as Europe/Berlin, or +08:00, got {name!r}"
        raise ConfigError(msg) from error
    return name


def _names(zone: str) -> dict[str, int]:
    """Seconds ahead of UTC by the names that a zone has in winter and in summer."""
    known = {"Z": 0, "UTC": 0, "GMT": 0}
    if zone and not _OFFSET.fullmatch(zone):
        for month in (1, 7):
            at = datetime(datetime.now(UTC).year, month, 1, tzinfo=ZoneInfo(zone))
            known[str(at.tzname())] = round((at.utcoffset() or timedelta()).total_seconds())
    return known


def _ahead_s(name: str, known: dict[str, int]) -> int | None:
    if offset := _OFFSET.fullmatch(name):
        ahead = int(offset[2]) * 3_600 + int(offset[3] or 0) * 60
        return -ahead if offset[1] == "-" else ahead
    return known.get(name.upper())
