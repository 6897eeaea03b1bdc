"""The 17 labelled recordings of `corpora/`: tables of columns, and events beside them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.quality_data.labelled.corpus import Corpus, Event, Reals, Recording, corpus
from runtime.installation import HOME

CORPORA: Final = HOME.parent / "shared" / "data" / "corpora"
DAILY, PLANT, NATURE = "daily course", "plant", "nature"  # kinds of signal


@dataclass(frozen=True)
class Sheet:
    """How a set of `corpora/` is written.

    Parameters
    ----------
    files : str
        Which files are tables of readings.
    time : str
        Column of the time.
    without : tuple of str
        Columns that are no channels, by what their names end with.
    unit_s : float
        Seconds of a number in the time column.
    before_s : float
        How long before its label an event may be told, by the set's own notes.
    by : tuple of (str, str)
        Columns of channel and value, where readings of all channels stand below each other.
    """

    signal: str
    files: str
    time: str
    without: tuple[str, ...] = ()
    unit_s: float = 1.0
    before_s: float = 0.0
    by: tuple[str, str] | None = None


SHEETS: Final = {
    "aiops2018_kpi": Sheet(DAILY, "*.parquet", "timestamp", ("label",)),
    "akl_pedestrian": Sheet(DAILY, "data.parquet", "t"),
    "calit2_people": Sheet(DAILY, "data.csv", "t", before_s=1800.0),
    "gecco2018_drinking_water": Sheet(PLANT, "data.parquet", "Time", ("EVENT",)),
    "i94_traffic": Sheet(
        *(DAILY, "data.parquet", "date_time"), ("temp", "rain_1h", "snow_1h", "clouds_all")
    ),
    "iberia_blackout_2025": Sheet(PLANT, "toledo_2s.csv", "time"),
    "lbnl_fdd_ahu": Sheet(PLANT, "*.parquet", "Datetime", ("Ground Truth",)),
    "lro_logan_river": Sheet(NATURE, "*.parquet", "datetime", ("_cor", "_qual")),
    "melbourne_pedestrian": Sheet(DAILY, "data.parquet", "t_local", by=("Sensor", "Count")),
    "obspy_uh_seismic": Sheet(NATURE, "data.parquet", "t", by=("trace", "counts")),
    "oddwater_rivers": Sheet(
        NATURE, "pioneer_river.parquet", "Timestamp", ("label_Level", "label_Cond", "label_Tur")
    ),
    "ozone_houston": Sheet(NATURE, "data.csv", "Date", ("ozone_day",)),
    "pv_inverters": Sheet(DAILY, "*.csv", "timestamp", ("label", "outlier", "mask")),
    "river_waterflow": Sheet(DAILY, "data.csv", "time"),
    "seismic_bumps": Sheet(NATURE, "data.csv", "shift_no", ("class",), unit_s=8 * 3600.0),
    "threew_wells": Sheet(PLANT, "*.parquet", "timestamp", ("class", "event")),
    "uci_wwtp": Sheet(PLANT, "data.csv", "Date"),
}


def read(name: str) -> Corpus | None:
    """One of the sets; None where it is not at hand."""
    sheet, folder = SHEETS[name], CORPORA / name
    if not folder.is_dir():
        return None
    known = labels(name)
    several = len({label["series"] for label in known}) > 1
    recordings = []
    for path in sorted(set(folder.glob(sheet.files)) - {folder / "events.csv"}):
        mine = [one for one in known if not several or one["series"] in path.stem]
        table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
        time_s, channels, values = _wide(table, sheet) if sheet.by is None else _long(table, sheet)
        events = tuple(_events(mine, sheet, channels))
        recordings.append(Recording(path.stem, time_s, values, tuple(channels), events))
    return corpus(name, sheet.signal, recordings)


def _wide(table: pa.Table, sheet: Sheet) -> tuple[Reals, list[str], Reals]:
    """One column for each channel."""
    time_s = _seconds(table[sheet.time], sheet.unit_s)
    channels = [
        field.name
        for field in table.schema
        if (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
        and field.name != sheet.time
        and not field.name.endswith(sheet.without or ("\0",))
    ]
    values = np.stack([_numbers(table[name]) for name in channels], axis=1)
    order = np.argsort(time_s, kind="stable")
    return time_s[order], channels, values[order]


def _long(table: pa.Table, sheet: Sheet) -> tuple[Reals, list[str], Reals]:
    """One row for each reading; only vertical components of seismometers are labelled."""
    name, value = sheet.by or ("", "")
    of = np.array(table[name].to_pylist())
    time_s, numbers = _seconds(table[sheet.time], sheet.unit_s), _numbers(table[value])
    channels = sorted({one for one in of.tolist() if name != "trace" or "HZ" in one})
    times, place = np.unique(np.round(time_s, 3), return_inverse=True)
    values = np.full((len(times), len(channels)), np.nan)
    for i, channel in enumerate(channels):
        mine = of == channel
        values[place[mine], i] = numbers[mine]
    return times, channels, values


def _numbers(column: pa.ChunkedArray) -> Reals:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy())


def _seconds(column: pa.ChunkedArray, unit_s: float) -> Reals:
    """Seconds of a column of times, dates, texts or numbers."""
    if pa.types.is_string(column.type):
        return np.array([second(text, unit_s) for text in column.to_pylist()])
    if pa.types.is_integer(column.type):
        numbers: NDArray[Any] = column.to_numpy()
        return numbers * unit_s
    micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return np.asarray(micros.to_numpy()) / 1e6


def second(text: str, unit_s: float) -> float:
    """A time as labels have it: a number, ISO 8601, or month/day/year."""
    if text.isdigit():
        return int(text) * unit_s
    if "/" in text:
        return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC).timestamp()
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _events(labels: list[dict[str, str]], sheet: Sheet, channels: list[str]) -> Iterator[Event]:
    """Labels of a recording; of one that names no channel by its name, any may tell."""
    for label in labels:
        first, last = (second(label[key], sheet.unit_s) for key in ("start", "end"))
        named = frozenset(label["channel"].split(",")) & frozenset(channels)
        if named or label["channel"].startswith("*") or sheet.by is not None:
            yield Event(first - sheet.before_s, last, named)


@cache
def labels(name: str) -> list[dict[str, str]]:
    """Rows of the events of a set."""
    with (CORPORA / name / "events.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
