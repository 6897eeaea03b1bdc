"""What an interrupted backtest has done, put aside so that the next one goes on from there."""

import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from configuration.configuration import Configuration
from contracts.errors import Damaged
from lab.backtest.column_decoder import Window
from lab.backtest.lane_feed import LaneFeed
from lab.backtest.result import ResultBuilder
from lab.data.open_data import Data
from pipeline.snapshot.store import SnapshotStore, packed, unpack
from runtime.installation import sources

EVERY_S: Final = 20.0
NOTE: Final = "reached.json"
LOCK: Final = "lock"
BODIES: Final = "told.jsonl"
# What decides what lanes tell and remember.
ROOMS: Final = ("alarms", "app", "contracts", "detectors", "ingest", "pipeline", "runtime")


class Position(msgspec.Struct, frozen=True):
    """How far a backtest is: steps, readings and strangers behind it."""

    steps: int = 0
    taken: int = 0
    unknown_ids: int = 0

    def behind(self, count: int, unknown_ids: int) -> "Position":
        """One step further."""
        return Position(self.steps + 1, self.taken + count, self.unknown_ids + unknown_ids)


class _Note(msgspec.Struct, frozen=True):
    """What lies in the folder, and what it was made from."""

    made_from: dict[str, str]
    reached: Position
    told_bytes: int
    feeds: dict[int, tuple[str, str]]  # name and checksum of each snapshot


@dataclass(frozen=True)
class Timing:
    """When to put aside: so many seconds after the last time, by a clock."""

    every_s: float = EVERY_S
    clock: Callable[[], float] = time.monotonic


class Checkpoint:
    """A folder of snapshots of lanes and of the alarms that they told.

    Parameters
    ----------
    folder : Path
        Made when it is needed; nothing else lies there.
    made_from : dict of str to str
        Hashes of everything that the result depends on, by what a person calls it.
    timing : Timing
    """

    def __init__(self, folder: Path, made_from: dict[str, str], timing: Timing | None = None):
        self.folder = folder
        self._made_from = made_from
        self._timing = timing or Timing()
        self._kept_at = self._timing.clock()
        self._told_bytes = 0
        self._bodies: list[tuple[int, bytes]] = []  # since they were last written

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The folder for one process: what an interrupted one left running ends soon."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def restore(self, feeds: Mapping[int, LaneFeed]) -> Position:
        """Bring lanes to where an earlier run left them; nothing is reached when there is none."""
        try:
            note = msgspec.json.decode((self.folder / NOTE).read_bytes(), type=_Note)
        except FileNotFoundError:
            return Position()
        except msgspec.MsgspecError:
            return self._anew("what it left cannot be read")
        was = note.made_from
        changed = [what for what, name in self._made_from.items() if was.get(what) != name]
        if changed:
            return self._anew(f"{' and '.join(changed)} changed since")
        store = SnapshotStore(str(self.folder))
        try:
            states = {feed: unpack(store.read(*names)) for feed, names in note.feeds.items()}
        except Damaged as error:
            return self._anew(str(error))
        for feed, state in states.items():
            feeds[feed].go_on(state)
        self._told_bytes = note.told_bytes
        self._say(f"goes on behind {note.reached.taken:,} readings of the run before")
        return note.reached

    def _anew(self, why: str) -> Position:
        self._say(f"the run before was interrupted, but {why}; it begins anew")
        return Position()

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"backtest: {text}\n")

    def tell(self, feed: int, bodies: Iterable[bytes]) -> None:
        """Take what a lane told."""
        self._bodies += [(feed, body) for body in bodies]

    def due(self) -> bool:
        """Whether it is time to put everything aside."""
        return self._timing.clock() - self._kept_at >= self._timing.every_s

    def keep(self, feeds: Mapping[int, LaneFeed], reached: Position) -> None:
        """Put everything aside; a crash meanwhile leaves what was there before."""
        store = SnapshotStore(str(self.folder))
        self._write_told()
        names = {i: store.write(str(i), *packed(feed.put_aside())) for i, feed in feeds.items()}
        note = _Note(self._made_from, reached, self._told_bytes, names)
        part = self.folder / f"{NOTE}.part"
        part.write_bytes(msgspec.json.encode(note))
        part.replace(self.folder / NOTE)
        for i, (name, _) in names.items():
            for old in store.unlisted(str(i), {name}):
                store.delete(old)
        self._kept_at = self._timing.clock()

    def _write_told(self) -> None:
        bodies, self._bodies = self._bodies, []
        with (self.folder / BODIES).open("ab") as file:
            file.truncate(self._told_bytes)  # what was told behind the snapshots is told again
            file.writelines(b"%d\t%b\n" % one for one in bodies)
            file.flush()
            os.fsync(file.fileno())
            self._told_bytes = file.tell()

    def told(self, into: ResultBuilder) -> None:
        """Hand on everything that was told up to the last time that it was put aside."""
        with (self.folder / BODIES).open("rb") as file:
            for line in file:
                feed, _, body = line.rstrip(b"\n").partition(b"\t")
                into.add(int(feed), [body])


def made_from(
    configuration: Configuration, data: Data, windows: Iterable[Window]
) -> dict[str, str]:
    """Hashes of what a backtest depends on; of files their size and when they were changed."""
    paths = [*data.files, *data.declared]
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    pictured = [(sorted(w.channels), w.begin_ns, w.end_ns) for w in windows]
    return {
        "Tocsin": _hash("".join(path.read_text("utf-8") for path in sources(*ROOMS).values())),
        "the configuration": configuration.hash,
        "the readings": _hash(repr(files)),
        "the labels": _hash(repr(pictured)),
    }


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
