"""`tocsin look`: what was understood of files of readings, before anything runs over them."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingest.decode import DecodeLimits, Decoder
from lab.data import recording
from lab.data.open_data import Data, open_data
from lab.data.readings import Names, Readings
from runtime.exit_codes import FAILED, GOOD

_NAMED_MAX = 5


@dataclass
class Understood:
    """What was understood of some readings.

    Parameters
    ----------
    files : int
    places : int
        For readings; of a wide file one in each cell.
    readings, numbers, words : int
        All readings, and those with and without a finite number.
    refused : int
        Messages of recordings that cannot be decoded.
    channels : list of str
    first_ns, last_ns : int or None
        Event times.
    period_s : float or None
        Median time between readings of the same channel.
    qualities : list of int
        Readings that are good, uncertain and bad.
    example, refusal : str
        Where a reading without a number stands, and why a message is refused.
    notes : list of str
    """

    files: int
    places: int = 0
    readings: int = 0
    numbers: int = 0
    words: int = 0
    refused: int = 0
    channels: list[str] = field(default_factory=list)
    first_ns: int | None = None
    last_ns: int | None = None
    period_s: float | None = None
    qualities: list[int] = field(default_factory=lambda: [0, 0, 0])
    example: str = ""
    refusal: str = ""
    notes: list[str] = field(default_factory=list)


def look(arguments: argparse.Namespace) -> int:
    """Say what was understood; `FAILED` when most readings have no number."""
    found = understood(open_data(arguments.data, arguments.columns))
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines(found)) + "\n")
    odd = found.words + found.refused
    return FAILED if not found.readings or 2 * odd > found.readings + found.refused else GOOD


def understood(data: Data) -> Understood:
    """All readings, a block at a time."""
    found = Understood(len(data.files), sum(source.count for source in data.sources))
    steps: list[float] = []
    seen: set[int] = set()
    odd: tuple[int, int] | None = None
    recorded = (_recorded(path, data.names, found) for path in data.recordings)
    for block in chain(data.blocks(), *recorded):
        finite = np.isfinite(block.value)
        found.readings += len(block)
        found.numbers += int(finite.sum())
        counts = np.bincount(block.quality, minlength=3)
        found.qualities = [a + int(b) for a, b in zip(found.qualities, counts, strict=True)]
        seen.update(np.unique(block.code).tolist())
        first, last = int(block.time_ns.min()), int(block.time_ns.max())
        found.first_ns = first if found.first_ns is None else min(found.first_ns, first)
        found.last_ns = last if found.last_ns is None else max(found.last_ns, last)
        mine = np.sort(block.time_ns[block.code == block.code[0]])
        steps += (np.diff(mine[:1_000]) / 1e9).tolist()[: 1_000 - len(steps)]
        if odd is None and not finite.all():
            place = int(np.argmin(finite))
            odd = int(block.code[place]), int(block.time_ns[place])
    found.words = found.readings - found.numbers
    found.channels = sorted(data.names.ids[code] for code in seen)
    found.period_s = float(np.median(steps)) if steps else None
    found.notes = data.notes
    if odd is not None:
        places = (source.find(*odd, finite=False) for source in data.sources)
        found.example = next((place for place in places if place), found.example)
    return found


def _recorded(path: Path, names: Names, found: Understood) -> Iterator[Readings]:
    """Readings of a recording's messages, as sent; those that cannot be decoded are counted."""
    decoder = Decoder(pa.array([], pa.string()), np.ones(1), np.zeros(1), DecodeLimits())
    for chunk in recording.chunks(path):
        for lane, records in chunk:
            batch = decoder.decode(records)
            found.places += len(batch)
            found.refused += len(batch.refused)
            if batch.refused and not found.refusal:
                found.refusal = f"{path}: lane {lane}: {batch.refused[0].detail}"
            if not len(batch):
                continue
            ids = [batch.unknown_id[i] for i in range(len(batch))]
            if not found.example and not (finite := np.isfinite(batch.value)).all():
                odd = int(np.argmin(finite))
                at = records.offset[batch.record[odd]]
                found.example = f"{path}: offset {at} of lane {lane}, {ids[odd]}"
            code, time_ns = names.codes(ids), batch.time_ns
            yield Readings(code, time_ns, batch.value, batch.quality, time_ns)


def lines(found: Understood) -> Iterator[str]:
    """What a person reads of it on a terminal."""
    files = "file" if found.files == 1 else "files"
    yield f"{found.readings:,} readings in {found.files:,} {files}"
    named = ", ".join(found.channels[:_NAMED_MAX])
    more = ", …" if len(found.channels) > _NAMED_MAX else ""
    yield f"channels  {len(found.channels):,}: {named}{more}"
    if found.first_ns is not None and found.last_ns is not None:
        yield f"times     {_clock(found.first_ns)} to {_clock(found.last_ns)}, UTC"
    if found.period_s is not None:
        yield f"period    {found.period_s:g} s, median"
    yield f"numbers   {found.numbers:,}"
    yield f"words     {found.words:,}{', as ' + found.example if found.example else ''}"
    yield f"holes     {found.places - found.readings:,} cells without a reading"
    if found.refused:
        yield f"refused   {found.refused:,} messages, as {found.refusal}"
    good, uncertain, bad = found.qualities
    yield f"quality   {good:,} good, {uncertain:,} uncertain, {bad:,} bad"
    yield from (f"note      {note}" for note in found.notes)


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%dT%H:%M:%S}"
