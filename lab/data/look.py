"""`tocsin look`: what was understood of files of readings, before anything runs over them."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import numpy as np

from contracts.errors import ConfigError
from lab.data.open_data import Data, open_data
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
    channels : list of str
    first_ns, last_ns : int or None
        Event times.
    period_s : float or None
        Median time between readings of the same channel.
    qualities : list of int
        Readings that are good, uncertain and bad.
    example : str
        Where a reading without a number stands.
    notes : list of str
    """

    files: int
    places: int = 0
    readings: int = 0
    numbers: int = 0
    words: int = 0
    channels: list[str] = field(default_factory=list)
    first_ns: int | None = None
    last_ns: int | None = None
    period_s: float | None = None
    qualities: list[int] = field(default_factory=lambda: [0, 0, 0])
    example: str = ""
    notes: list[str] = field(default_factory=list)


def look(arguments: argparse.Namespace) -> int:
    """Say what was understood; `FAILED` when most readings have no number."""
    data = open_data(arguments.data, arguments.columns)
    if data.recordings:
        msg = f"{data.recordings[0]}: expected an export or lines, got a recording of Kafka records"
        raise ConfigError(msg + "; run `tocsin replay` over it")
    found = understood(data)
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines(found)) + "\n")
    return FAILED if 2 * found.words > found.readings or not found.readings else GOOD


def understood(data: Data) -> Understood:
    """All readings, a block at a time."""
    found = Understood(len(data.files), data.count)
    steps: list[float] = []
    seen: set[int] = set()
    odd: tuple[int, int] | None = None
    for block in data.blocks():
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
        found.example = next((place for place in places if place), "")
    return found


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
    good, uncertain, bad = found.qualities
    yield f"quality   {good:,} good, {uncertain:,} uncertain, {bad:,} bad"
    yield from (f"note      {note}" for note in found.notes)


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%dT%H:%M:%S}"
