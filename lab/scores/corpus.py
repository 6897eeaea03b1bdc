"""NAB's files as they lie in a folder: values, times and labelled windows."""

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class File:
    """One file of the corpus."""

    name: str
    time_s: NDArray[np.float64]
    values: NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]


def read(folder: Path) -> list[File]:
    """Files of `folder` (windows.json and data/) by name."""
    labels = json.loads((folder / "windows.json").read_text())
    return [_file(folder, name, labels[name]) for name in sorted(labels)]


def _file(folder: Path, name: str, labels: list[list[str]]) -> File:
    with (folder / "data" / name).open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    time_s = np.array([_seconds(row["timestamp"]) for row in rows])
    values = np.array([float(row["value"]) for row in rows])
    windows = [_rows(time_s, _seconds(first), _seconds(last)) for first, last in labels]
    return File(name, time_s, values, tuple(sorted(windows)))


def _seconds(text: str) -> float:
    # The corpus gives no zone; only differences count.
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _rows(time_s: NDArray[np.float64], first: float, last: float) -> tuple[int, int]:
    # By equal times, not by order: some files step back by an hour in autumn.
    return int(np.flatnonzero(time_s == first)[0]), int(np.flatnonzero(time_s == last)[0])
