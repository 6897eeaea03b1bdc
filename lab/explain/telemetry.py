"""Files of telemetry as records of lanes: recordings, JSON readings, exports of historians."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from configuration.configuration import Configuration
from configuration.lane_plan import Plan
from contracts.batch import Quality
from contracts.dead_letter import DeadLetter
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from ingest.partitioner import home_lane
from lab.data import recorded_lines, recording
from lab.data.open_data import FOREIGN, LINES, SUFFIXES, Data, is_recording, open_data
from lab.data.readings import Readings


class Telemetry:
    """One file of telemetry.

    Parameters
    ----------
    path : Path
        A recording or an export (`.parquet`), an export (`.csv`), or lines (`.jsonl`).
    columns : Path, optional
        What the columns of an export are, instead of a `columns.yaml` beside it.

    Attributes
    ----------
    path : Path
    data : Data or None
        Of an export.
    """

    def __init__(self, path: Path, columns: Path | None = None) -> None:
        self.path = path
        suffix = path.suffix.lower()
        self._recorded = suffix == ".parquet" and is_recording(path)
        lines = not self._recorded and suffix not in SUFFIXES - LINES and suffix not in FOREIGN
        self.data: Data | None = None
        if not self._recorded and not lines:
            self.data = open_data(path, columns)

    @property
    def count(self) -> int:
        """Records of all lanes."""
        if self._recorded:
            return recording.count(self.path)
        return recorded_lines.count(self.path) if self.data is None else self.data.count

    @property
    def units(self) -> dict[str, str]:
        """Declared units, by channel."""
        return {} if self.data is None else self.data.names.units

    def channels(self) -> set[str] | None:
        """Channels that it has readings of, None of a recording: it has what the topic had."""
        if self._recorded:
            return None
        if self.data is None:
            return recorded_lines.channels(self.path)
        return set(self.data.channels())

    def lifeline(self, configuration: Configuration) -> str:
        """Lifeline that most of its channels are of, the first one where none is known."""
        if self._recorded:
            return recording.lifeline_of(self.path)
        catalogue = configuration.catalogue
        known = np.isin(catalogue.ids, sorted(self.channels() or ()))
        classes = catalogue.take(known).classes()
        of = Counter(name.split(".", 1)[0] for name in classes)
        return max(configuration.partitions, key=lambda lifeline: of[lifeline])

    def records(self, plan: Plan, number: int) -> Iterator[Records]:
        """Records of one lane, in the order of the file, those of an export by time."""

        def home(channel: str) -> int:
            """Home lane of a channel; strangers go where their id as a group would."""
            row = plan.catalogue.row_of.get(channel)
            return home_lane(channel, plan.partitions) if row is None else int(plan.lane_of[row])

        if self._recorded:
            yield from recording.read(self.path, number)
        elif self.data is None:
            yield from recorded_lines.read_lines(self.path, number, home)
        else:
            ids = self.data.names.ids
            mine = np.array([home(name) == number for name in ids], np.bool_)
            first = 0
            for block in self.data.blocks():
                places = np.flatnonzero(mine[block.code])
                for cut in range(0, len(places), recorded_lines.ROWS_PER_BATCH):
                    some = places[cut : cut + recorded_lines.ROWS_PER_BATCH]
                    yield _records(block.take(some), some + first, ids)
                first += len(block)

    def place(self, letter: DeadLetter) -> str:
        """Where a refused reading stands, for a message."""
        if self._recorded:
            return f"{self.path}: offset {letter.offset} of lane {letter.partition}"
        if self.data is None:
            return f"{self.path}:{letter.offset + 1}: {letter.channel}, {letter.value}"
        return self.data.place(letter)

    @property
    def notes(self) -> list[str]:
        """What a person should know of its times, once it was read."""
        if self._recorded:
            return []
        if self.data is None:
            return recorded_lines.notes(self.path)
        return self.data.notes


def _records(readings: Readings, offset: np.ndarray, ids: list[str]) -> Records:
    """Readings as JSON messages, one each."""
    times = np.datetime_as_string(readings.time_ns.astype("datetime64[ns]"), timezone="UTC")
    words = [quality.name.lower() for quality in Quality]
    rows: list[tuple[int, int, bytes | None]] = [
        (
            at,
            time_ns // NS_PER_MS,
            msgspec.json.encode(
                {"channel": ids[code], "time": time, "value": value, "quality": words[quality]}
            ),
        )
        for at, time_ns, code, time, value, quality in zip(
            offset.tolist(),
            readings.time_ns.tolist(),
            readings.code.tolist(),
            times.tolist(),
            readings.value.tolist(),
            readings.quality.tolist(),
            strict=True,
        )
    ]
    return Records.of(rows)
