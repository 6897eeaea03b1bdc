"""What a generator gives: channels, readings, the trouble put in, and how all was drawn."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

NS: Final = 1_000_000_000
READINGS: Final = "readings.parquet"
LABELS: Final = "labels.yaml"
CATALOGUE: Final = "catalogue.yaml"  # not .csv: that would be taken for readings beside them
PARAMETERS: Final = "parameters.json"

Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class MadeEvent:
    """Something that was put into the readings.

    Parameters
    ----------
    name : str
    begin_ns, end_ns : int
        An alarm that first rings between them, both included, rang for it. Nanoseconds since
        1970 UTC.
    channels : tuple of str
        Ids that may ring for it, empty for any.
    class_name, place : str
        As in a label file, empty for any. At least one of the three is there.
    rules : tuple of str
        That may ring for it, empty for any.
    colour : str
        Worst colour that should be reached, empty where nobody knows.
    drawn : mapping
        What was drawn for it, as plain data: kind, size, place. Kept beside the parameters.
    """

    name: str
    begin_ns: int
    end_ns: int
    channels: tuple[str, ...] = ()
    class_name: str = ""
    place: str = ""
    rules: tuple[str, ...] = ()
    colour: str = ""
    drawn: Mapping[str, Any] = field(default_factory=dict)

    def label(self) -> dict[str, str]:
        """Its row in a file that `tocsin backtest --labels` takes."""
        words = {
            "name": self.name,
            "from": moment(self.begin_ns),
            "to": moment(self.end_ns),
            "channel": " ".join(self.channels),
            "class": self.class_name,
            "place": self.place,
            "rules": " ".join(self.rules),
            "colour": self.colour,
        }
        return {key: word for key, word in words.items() if word}


@dataclass(frozen=True)
class Made:
    """Readings that were made, and everything that is known of them.

    Parameters
    ----------
    catalogue : sequence of dict
        Channels: at least `id`, `class`, `asset` and `group` of each, ids once each.
    row : int32, shape (n,)
        Row of the catalogue that each reading is of.
    time_ns : int64, shape (n,)
        Event times that never fall, nanoseconds since 1970 UTC.
    value : float64, shape (n,)
        In the unit of the class.
    events : sequence of MadeEvent
    parameters : mapping
        Everything that the readings follow from, seed included, as plain data.
    """

    catalogue: Sequence[Mapping[str, Any]]
    row: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    events: Sequence[MadeEvent]
    parameters: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.row)

    def of(self, channel: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values of one channel."""
        row = [cells["id"] for cells in self.catalogue].index(channel)
        mine = self.row == row
        return self.time_ns[mine], self.value[mine]

    def table(self) -> pa.Table:
        """Readings as `tocsin backtest` takes them: channel, time and value."""
        ids = pa.array([cells["id"] for cells in self.catalogue], pa.string())
        time = pa.array(self.time_ns, pa.timestamp("ns", "UTC"))
        channel = pa.DictionaryArray.from_arrays(pa.array(self.row, pa.int32()), ids)
        return pa.table({"channel": channel, "time": time, "value": pa.array(self.value)})

    def write(self, folder: Path) -> None:
        """Write readings, labels, catalogue and parameters; what was there is replaced.

        Parameters
        ----------
        folder : Path
            Made when it is not there. `tocsin backtest CONFIG FOLDER --labels FOLDER/labels.yaml`
            takes it, once its `catalogue.yaml` lies in the pack's folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.table(), folder / READINGS)
        _write_yaml(folder / LABELS, {"events": [event.label() for event in self.events]})
        _write_yaml(folder / CATALOGUE, [dict(cells) for cells in self.catalogue])
        drawn = [{"name": event.name, **event.drawn} for event in self.events]
        text = json.dumps({"parameters": dict(self.parameters), "events": drawn}, indent=2)
        (folder / PARAMETERS).write_text(text + "\n", encoding="utf-8")


def _write_yaml(path: Path, data: Any) -> None:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")


def moment(time_ns: int) -> str:
    """A time as a label file writes it.

    >>> moment(1_772_323_200 * 10**9)
    '2026-03-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(time_ns / NS, UTC).isoformat(timespec="seconds")


def columns(time_ns: NDArray[np.int64], values: NDArray[np.float64]) -> Columns:
    """Row, time and value of readings that all channels take at the same times, in order.

    Parameters
    ----------
    time_ns : int64, shape (t,)
    values : float64, shape (t, channels)
        NaN where a channel has no reading.

    >>> columns(np.array([5, 9]), np.array([[1.0, 2.0], [np.nan, 4.0]]))[0].tolist()
    [0, 1, 1]
    """
    there = ~np.isnan(values)
    at, row = np.nonzero(there)
    return row.astype(np.int32), time_ns[at].astype(np.int64), values[there]
