"""What a backtest reads: files of readings and recordings, one file or all below a folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Final

import msgspec
import pyarrow.parquet as pq
from msgspec import Meta

from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings
from configuration.yaml.located import located
from contracts.civil_time import CITY
from contracts.dead_letter import DeadLetter
from contracts.errors import ConfigError
from lab.data import recording
from lab.data.export_files import SIZES, Source, open_csv, open_lines, open_parquet
from lab.data.export_sheet import Sheet
from lab.data.readings import Ahead, Names, Readings, merged

COLUMNS: Final = "columns.yaml"
LINES: Final = frozenset({".jsonl", ".ndjson"})
SUFFIXES: Final = frozenset({".csv", ".parquet", *LINES})
# Forms of readings that are not read, and what to do about each.
FOREIGN: Final = {
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst", ".7z"), "unpack it first"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "save its sheet as CSV UTF-8"),
    **dict.fromkeys((".tsv", ".txt", ".dat"), "name it .csv, and declare its `delimiter:`"),
    **dict.fromkeys((".json",), "write a reading on each line, and name it .jsonl"),
}

# A file or folder, what declares its columns, and labels among it: what `open_data` takes.
Opened = tuple[Path, Path | None, Path | None]


class Sheets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that says what the columns of the exports beside it are."""

    exports: Annotated[list[Sheet], Meta(min_length=1)]


@dataclass(frozen=True)
class Data:
    """Readings of some files.

    Parameters
    ----------
    names : Names
        Channels that they name.
    sources : list of Source
    recordings : list of Path
        Of Kafka records; their lanes read them as they came.
    files, declared : list of Path
        All of them, and what declares their columns.
    left_out : list of Path
        That look like readings in a form which is not read.
    undeclared : list of str
        What to say of files that no declaration beside them names.
    opened : Opened
        How another process opens the same.
    """

    names: Names
    sources: list[Source] = field(default_factory=list)
    recordings: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    declared: list[Path] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)
    opened: Opened = (Path(), None, None)

    @property
    def count(self) -> int:
        """Readings, and records of recordings."""
        recorded = sum(recording.count(path) for path in self.recordings)
        return recorded + sum(source.count for source in self.sources)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the files, and of the readings that were read."""
        read = [path for path in self.files if path not in self.recordings]
        empty = [
            f"{path}: no readings in it"
            for path, source in zip(read, self.sources, strict=True)
            if not source.count
        ]
        left_out = [f"{path}: left out; {_convert(path)}" for path in self.left_out]
        read_so = (note for source in self.sources for note in source.notes)
        return [*left_out, *self.undeclared, *empty, *read_so]

    def place(self, letter: DeadLetter) -> str:
        """Where a refused reading stands, `file:line:column` and what there, for a message.

        Files of many readings are not searched: the channel and its time are told then.
        """
        text = f"{letter.channel} at {_clock(letter.time_ns)}"
        if letter.channel is None or letter.time_ns is None or self.count > SIZES.sorted_max:
            return text
        code = int(self.names.codes([letter.channel])[0])
        for source in self.sources:
            if source.begin_ns <= letter.time_ns and code in source.channels():
                found = source.find(code, letter.time_ns, finite=letter.value is not None)
                if found is not None:
                    return f"{found}, {text}"
        return text

    def channels(self) -> list[str]:
        """Names of the channels that there may be readings of, outside recordings."""
        codes = sorted(set[int]().union(*(source.channels() for source in self.sources)))
        return [self.names.ids[code] for code in codes]

    def blocks(self) -> Iterator[Readings]:
        """All readings outside recordings, by arrival; may be called again."""
        return merged(Ahead(source.begin_ns, source.blocks()) for source in self.sources)


def open_data(
    place: Path,
    columns: Path | None = None,
    but: Path | None = None,
    names: Names | None = None,
) -> Data:
    """Files of readings.

    Parameters
    ----------
    place : Path
        A file, or a folder with files below it: `.csv`, `.parquet`, `.jsonl`.
    columns : Path, optional
        What their columns are, instead of a `columns.yaml` beside each.
    but : Path, optional
        Labels that may lie among them.
    names : Names, optional
        Numbers that channels already have.

    Raises
    ------
    ConfigError
        When there are none, or one cannot be read.
    """
    if not place.exists():
        raise FileNotFoundError(2, "no such file", str(place))
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*"))
    left_out = None if but is None else but.resolve()
    data = Data(names or Names(), opened=(place, columns, but))
    for path in files:
        if path.suffix.lower() in SUFFIXES and path.resolve() != left_out:
            _add(data, path, columns or path.with_name(COLUMNS))
        elif path.suffix.lower() in FOREIGN:
            data.left_out.append(path)
    if not data.sources and not data.recordings:
        msg = f"{place}: expected readings in {', '.join(sorted(SUFFIXES))}, got none"
        advice = "".join(f"; {path.name}: {_convert(path)}" for path in data.left_out[:1])
        raise ConfigError(msg + advice)
    return data


def _convert(path: Path) -> str:
    """What to do with a file in a form that is not read."""
    return FOREIGN[path.suffix.lower()]


def _add(data: Data, path: Path, columns: Path) -> None:
    data.files.append(path)
    data.declared.extend([columns] if columns.exists() else [])
    suffix = path.suffix.lower()
    if suffix in LINES:
        data.sources.append(open_lines(path, data.names))
    elif suffix == ".parquet" and is_recording(path):
        data.recordings.append(path)
    else:
        _add_export(data, path, columns)


def _add_export(data: Data, path: Path, columns: Path) -> None:
    """Open a file of columns as it is declared; as it stands where no declaration names it."""
    declared = _sheet(path, columns)
    unnamed = f"{columns}: no `files:` matches {path.name}, which is read as it stands"
    if declared is None and columns.exists():
        data.undeclared.append(unnamed)
    read = open_csv if path.suffix.lower() == ".csv" else open_parquet
    try:
        data.sources.append(read(path, declared or Sheet(), data.names))
    except ConfigError as error:
        if unnamed not in data.undeclared:
            raise
        raise ConfigError(*error.args, unnamed) from error


def is_recording(path: Path) -> bool:
    """Whether a Parquet file is a recording of Kafka records.

    Raises
    ------
    ConfigError
        When it is no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            return bool(file.schema_arrow.names == recording.SCHEMA.names)
    except (OSError, ValueError) as error:
        msg = f"{path}: expected a Parquet file, got {type(error).__name__}; export it again"
        raise ConfigError(msg) from error


def _clock(time_ns: int | None) -> str:
    if time_ns is None:
        return "no time"
    return f"{datetime.fromtimestamp(time_ns / 1e9, CITY):%Y-%m-%dT%H:%M:%S%z}"


def _sheet(path: Path, columns: Path) -> Sheet | None:
    """What is declared of a file; None without a declaration that matches its name."""
    if not columns.exists():
        return None
    findings = Findings()
    tree = located(columns.as_posix(), columns.read_bytes(), findings)
    found = fill(Sheets, Page(columns.as_posix(), tree, findings)) if tree else None
    if found is None or findings.found:
        raise ConfigError(*findings.lines())
    return next((sheet for sheet in found.exports if fnmatch(path.name, sheet.files)), None)
