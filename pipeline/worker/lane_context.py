"""What a lane's lives have in common: its doors to the world, and how often it does what."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from contracts.errors import TocsinError
from contracts.lane import LaneName
from contracts.ports.clock import Clock
from contracts.ports.lane_log import LaneLog, Message
from contracts.ports.source import Commands, Telemetry
from pipeline.snapshot.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class LanePorts:
    """What a lane needs of the world.

    Parameters
    ----------
    telemetry : Telemetry
    commands : Commands
    log_for : callable
        A new lane log for a lane.
    clock : Clock
    scoring : Executor
        Thread on which lanes compute, off the event loop.
    """

    telemetry: Telemetry
    commands: Commands
    log_for: Callable[[LaneName], LaneLog]
    clock: Clock
    scoring: Executor


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a lane does what nothing forces it to do.

    Parameters
    ----------
    look_s : float
        Longest wait for records before timers and commands are looked at.
    snapshot_s : float
        Time between snapshots.
    snapshot_readings : int
        Readings between snapshots, whichever comes first.
    shed_s : float
        How long records may wait for the lane before it lets go of its shadow.
    """

    look_s: float = 0.2
    snapshot_s: float = 60.0
    snapshot_readings: int = 5_000_000
    shed_s: float = 30.0


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What stays the same over all lives of a lane on this worker.

    Parameters
    ----------
    ports : LanePorts
    snapshots : Snapshots
        Snapshots and configuration bundles.
    config : str
        Hash of the configuration that this worker runs.
    pace : Pace
    stopped_alarm : callable
        Alarm of a lane that cannot go on, from its name, the reason and the time in ms.
    """

    ports: LanePorts
    snapshots: Snapshots
    config: str
    pace: Pace
    stopped_alarm: Callable[[LaneName, TocsinError, int], Message]
