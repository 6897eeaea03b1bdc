"""A worker whose lanes note how long their thread took for each batch, and for what lay between.

Between two batches lies what holds a lane up by computing: a swap, a copy for a snapshot, a canary.
Transactions are not counted: they wait for brokers. Each note is a line: what it was, the moment on
the monotonic clock, which all processes of a machine share, and the seconds that it took.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, TypeVarTuple

from app.cli.main import main
from contracts.ports.lane_log import LaneLog, Past
from contracts.records import Records
from pipeline.lane.lane import Lane
from pipeline.worker import lane_runner
from pipeline.worker.lane_context import LaneContext, LaneMemory, LanePorts
from pipeline.worker.lane_loop import LaneLoop

VARIABLE: Final = "TOCSIN_NOTES"  # path of the file

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Note(NamedTuple):
    """What a lane's thread did: a `batch`, or the `pause` before it."""

    what: str
    at_s: float
    took_s: float


@dataclass(frozen=True, slots=True)
class NotedPorts(LanePorts):
    """Doors of a lane whose thread's time is added up.

    Parameters
    ----------
    took_s : list of float
        One number, seconds.
    """

    took_s: list[float]

    async def compute(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Do it, and add what it took, without what it waited for the thread."""

        def timed() -> T:
            began_s = time.monotonic()
            try:
                return work(*arguments)
            finally:
                self.took_s[0] += time.monotonic() - began_s

        return await LanePorts.compute(self, timed)


class NotedLoop(LaneLoop):
    """A lane at work that notes its batches and pauses."""

    def __init__(
        self, context: LaneContext, lane: Lane, log: LaneLog, past: Past, memory: LaneMemory
    ) -> None:
        self._took_s = [0.0]
        of = context.ports
        doors = of.telemetry, of.commands, of.log_for, of.clock, of.scoring
        ports = NotedPorts(*doors, self._took_s)
        super().__init__(replace(context, ports=ports), lane, log, past, memory)

    async def _feed(self, records: Records) -> None:
        self._note("pause")
        await super()._feed(records)
        self._note("batch")

    def _note(self, what: str) -> None:
        with Path(os.environ[VARIABLE]).open("a") as file:
            file.write(f"{what} {time.monotonic()} {self._took_s[0]}\n")
        self._took_s[0] = 0.0


def notes(path: Path) -> list[Note]:
    """What has been noted so far; a line that is being written is left out."""
    lines = path.read_text().rpartition("\n")[0].splitlines()
    words = (line.split() for line in lines)
    return [Note(what, float(at), float(took)) for what, at, took in words]


if __name__ == "__main__":
    setattr(lane_runner, "LaneLoop", NotedLoop)  # noqa: B010 - it is imported there for itself
    sys.exit(main())
