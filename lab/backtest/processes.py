"""A backtest on all processors: each process has its share of the lanes, which share nothing."""

import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from msgspec.structs import replace

from configuration.configuration import Configuration
from configuration.settings import Settings
from lab.backtest.checkpoint import Checkpoint, Timing, made_from
from lab.backtest.column_decoder import Window
from lab.backtest.lanes import BacktestRun, LaneFeeds, Progress, heard_on, lanes
from lab.backtest.result import BacktestResult, ResultBuilder, Sum
from lab.data.open_data import Opened, open_data
from lab.data.readings import Names

# A process takes some seconds to begin, in which one alone scores so many readings.
WORTH_A_PROCESS: Final = 10_000_000
POLL_S: Final = 0.5


@dataclass(frozen=True)
class Job:
    """Some lanes of a backtest, for any process that has the files.

    Parameters
    ----------
    bundle, contents, settings : bytes, dict of str to bytes, Settings
        The configuration: only channels that are fed.
    opened : Opened
        Where the readings are.
    ids, units : list of str, dict of str to str
        See `Names`.
    windows : tuple of Window
    """

    bundle: bytes
    contents: dict[str, bytes]
    settings: Settings
    opened: Opened
    ids: list[str]
    units: dict[str, str]
    windows: tuple[Window, ...]

    @classmethod
    def of(cls, run: BacktestRun) -> "Job":
        """The whole of a hall."""
        configuration, names, windows = run.configuration, run.data.names, tuple(run.windows)
        contents = {name: data.to_pybytes() for name, data in configuration.contents().items()}
        bundle, settings = (configuration.bundle(), contents), configuration.settings
        return cls(*bundle, settings, run.data.opened, names.ids, names.units, windows)

    def feeds(self, share: tuple[int, int] = (0, 1)) -> LaneFeeds:
        """Newborn lanes of a share."""
        return LaneFeeds(self.configuration(), self.names(), self.windows, share)

    def configuration(self) -> Configuration:
        """What the bundle holds."""
        return Configuration.from_bundle(
            self.bundle, self.settings, lambda name: pa.py_buffer(self.contents[name])
        )

    def names(self) -> Names:
        """Channels by number, as the process that asked has them."""
        return Names(self.ids, self.units)


def processors() -> int:
    """Processors that this process may use; where the system does not say, all that there are."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def processes(readings: int, lanes: int) -> int:
    """How many processes are worth it: at most one a processor and one a lane."""
    return max(min(processors(), lanes, readings // WORTH_A_PROCESS), 1)


def tried(
    run: BacktestRun, aside: Path, progress: Progress, timing: Timing | None = None
) -> BacktestResult:
    """Everything through the lanes, going on where an earlier run was interrupted.

    Parameters
    ----------
    run : BacktestRun
    aside : Path
        Where what is done is put aside; the caller deletes it when it needs it no more.
    progress : callable
    timing : Timing, optional
        When; by default every 20 seconds.
    """
    count = processes(run.data.count, len(lanes(run.configuration)))
    origin = made_from(run.configuration, run.data, run.windows)
    asides = [Checkpoint(aside / f"{i}-of-{count}", origin, timing) for i in range(count)]
    _sweep(aside, {one.folder for one in asides})
    if count == 1:
        feeds = LaneFeeds(run.configuration, run.data.names, run.windows)
        sums = [heard_on(feeds, run.data, progress, asides[0])]
    else:
        sums = _in_shares(Job.of(run), asides, progress)
    told = ResultBuilder()
    for one in asides:
        one.told(told)
    return told.trial(run.configuration, sums, run.windows)


def forget(aside: Path) -> None:
    """Delete what shares put aside, and the folder unless somebody else's files lie there too."""
    for folder in aside.glob("*-of-*"):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        aside.rmdir()


def _sweep(aside: Path, keep: set[Path]) -> None:
    """What a run with another number of processes left is of no use."""
    for folder in set(aside.glob("*-of-*")) - keep:
        sys.stderr.write("backtest: the number of processes changed since; it begins anew\n")
        shutil.rmtree(folder)


def _in_shares(job: Job, asides: list[Checkpoint], progress: Progress) -> list[Sum]:
    """All shares at once; the progress is that of the slowest."""
    spawn = multiprocessing.get_context("spawn")
    board = spawn.Array("q", 2 * len(asides) + 1)
    with ProcessPoolExecutor(
        len(asides), mp_context=spawn, initializer=_begin, initargs=(board,)
    ) as pool:
        work = [pool.submit(_share, job, (i, len(asides)), one) for i, one in enumerate(asides)]
        try:
            while wait(work, POLL_S, FIRST_EXCEPTION).not_done and not _failed(work):
                slowest = min(zip(board[:-1:2], board[1::2], strict=True))
                if slowest[0]:
                    progress(*slowest)
            for one in _failed(work):
                one.result()
        finally:
            board[-1] = any(not one.done() for one in work)  # the others stop at their next step
        sums = [one.result() for one in work]
        progress(*min(zip(board[:-1:2], board[1::2], strict=True)))
        return sums


def _failed(work: Sequence[Future[Sum]]) -> list[Future[Sum]]:
    return [one for one in work if one.done() and one.exception() is not None]


# In a process of a share: readings taken and time reached of each share, and whether to stop.
_BOARD: Final[list[Any]] = []


def _begin(board: Any) -> None:
    _BOARD.append(board)


def _share(job: Job, share: tuple[int, int], aside: Checkpoint) -> Sum:
    """One process's part."""
    data = open_data(*job.opened, names=job.names())
    found = heard_on(job.feeds(share), data, _teller(share[0]), aside)
    return replace(found, notes=data.notes)


def _teller(place: int) -> Progress:
    board, parent = _BOARD[0], multiprocessing.parent_process()

    def tell(taken: int, time_ns: int) -> None:
        board[2 * place], board[2 * place + 1] = taken, time_ns
        if board[-1] or parent is None or not parent.is_alive():
            sys.exit("backtest: stopped, since the process that asked for it was")

    return tell
