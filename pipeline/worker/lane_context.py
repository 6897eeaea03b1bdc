"""What a lane's lives have in common: its doors to the world, and how often it does what."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar, TypeVarTuple

from contracts.errors import TocsinError
from contracts.lane import LaneName
from contracts.ports.clock import Clock
from contracts.ports.lane_log import JournalLog, LaneLog, Message
from contracts.ports.source import Commands, Telemetry
from contracts.ports.status import Canaries, LaneStatus, Latency
from contracts.ports.tracing import UNTRACED, Tracer
from pipeline.lane.outbox import TransactionBound
from pipeline.snapshot.snapshots import Snapshots
from pipeline.worker.authority import ANYONE, Authority
from pipeline.worker.broker_contact import BrokerContacts
from pipeline.worker.suspects import Suspects

E = TypeVar("E")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Computing:
    """Who has a thread on which lanes compute."""

    __slots__ = ()
    scoring: Executor

    async def compute(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Do work on a lane off the event loop; what it gave.

        Whatever grows with channels, open alarms or readings is done here, one work after the
        other: a lane of a million channels takes seconds to copy or to swap, and a loop that stands
        for so long loses the group's session. Whoever is cancelled meanwhile must drop the lane,
        whose work goes on to its end.
        """
        return await asyncio.get_running_loop().run_in_executor(self.scoring, work, *arguments)


@dataclass(frozen=True, slots=True)
class LanePorts(Computing):
    """What a lane needs of the world.

    Parameters
    ----------
    telemetry : Telemetry
    commands : Commands
    log_for : callable
        A new lane log for a lane.
    clock : Clock
    scoring : Executor
        One thread, on which lanes compute.
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
    canary_s : float
        Time between its canary's anomalies.
    copy_s : float
        Time between copies of its numbers for whoever asks.
    """

    look_s: float = 0.2
    snapshot_s: float = 60.0
    snapshot_readings: int = 5_000_000
    shed_s: float = 30.0
    canary_s: float = 20.0  # three missed in a row are known within two minutes
    copy_s: float = 0.1


@dataclass(slots=True)
class Deployment:
    """What lanes are to run; a reload changes it, and each lane swaps at a position of its own.

    Parameters
    ----------
    config : str
        Hash of a bundle that lies at the state location.
    """

    config: str


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What stays the same over all lives of a lane on this worker.

    Parameters
    ----------
    ports : LanePorts
    snapshots : Snapshots
        Snapshots and configuration bundles.
    deployed : Deployment
        The configuration that this worker runs.
    pace : Pace
    stopped_alarm : callable
        Alarm of a lane that cannot go on, from its name, the reason and the time in ms.
    contacts : BrokerContacts
        What is known of the brokers; outlives clients and assignments.
    authority : Authority
        Who may give commands.
    transaction : TransactionBound, optional
    latency : Latency, optional
        Of the records of all its lanes.
    canaries : Canaries, optional
        Of all its lanes.
    tracer : Tracer, optional
    """

    ports: LanePorts
    snapshots: Snapshots
    deployed: Deployment
    pace: Pace
    stopped_alarm: Callable[[LaneName, TocsinError, int], Message]
    contacts: BrokerContacts
    authority: Authority = ANYONE
    transaction: TransactionBound = field(default_factory=TransactionBound)
    latency: Latency = field(default_factory=Latency)
    canaries: Canaries = field(default_factory=Canaries)
    tracer: Tracer = UNTRACED


@dataclass(frozen=True, slots=True)
class Ownership(Generic[E]):
    """What proves that a lane is this worker's, and tells when it stands.

    Parameters
    ----------
    log_for : callable
        A new log for a lane.
    prove_membership : callable
        Returns only if the group still takes this worker for the owner of a lane, by its number.
    stopped_alarm : callable
        What is told of a lane that cannot go on, from its name, the reason and the time in ms.
    clock : Clock
    contacts : BrokerContacts
    """

    log_for: Callable[[LaneName], JournalLog[E]]
    prove_membership: Callable[[int], Awaitable[None]]
    stopped_alarm: Callable[[LaneName, TocsinError, int], Message]
    clock: Clock
    contacts: BrokerContacts


@dataclass(slots=True)
class Memory:
    """What outlives a lane's recoveries on this worker.

    Parameters
    ----------
    status : LaneStatus
        Where its numbers go.
    furthest : int
        Position that it had reached before it was recovered.
    position : int
        Where it stands; its status may tell an earlier one.
    """

    status: LaneStatus
    furthest: int = -1
    position: int = -1


@dataclass(slots=True)
class LaneMemory(Memory):
    """The same of a lane that scores readings.

    Parameters
    ----------
    suspects : Suspects, optional
        What it could not judge.
    """

    suspects: Suspects = field(default_factory=Suspects)
