"""What the desk stage's lives have in common: its doors to the world, and who judges commands."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final

from contracts.desk.commands import DeskCommand
from contracts.desk.journal import DeskEntry
from contracts.errors import InputError, TocsinError
from contracts.journal import Refuse
from contracts.lane import LaneName
from contracts.ports.alarm_source import AlarmSource
from contracts.ports.clock import Clock
from contracts.ports.desk import Desk
from contracts.ports.lane_log import JournalLog, Message
from contracts.ports.source import Telemetry
from contracts.ports.status import DeskStatus
from contracts.topics import TopicNames
from pipeline.desk.desk_lane import DeskFor
from pipeline.lane.outbox import TransactionBound
from pipeline.snapshot.snapshots import SnapshotFiles
from pipeline.worker.broker_contact import BrokerContacts
from pipeline.worker.lane_context import Computing, Deployment, Memory, Pace

# What a sender wrote, the offset it lies at, and the desk that knows what it is about; to what it
# means, or why it may not be given.
JudgeBody = Callable[[bytes, int, Desk], DeskCommand | Refuse]
SUSPECTS_MAX: Final = 1_000  # places remembered; a stage with more has another trouble


@dataclass(frozen=True, slots=True)
class DeskPorts(Computing):
    """What the desk stage needs of the world.

    Parameters
    ----------
    commands : Telemetry
        Its commands, as lane 0; whoever owns that partition is the stage.
    alarms : AlarmSource
    log_for : callable
        A new log.
    clock : Clock
    scoring : Executor
        One thread, on which it computes.
    """

    commands: Telemetry
    alarms: AlarmSource
    log_for: Callable[[LaneName], JournalLog[DeskEntry]]
    clock: Clock
    scoring: Executor


@dataclass(frozen=True, slots=True)
class DeskContext:
    """What stays the same over all lives of the stage in this process.

    Parameters
    ----------
    ports : DeskPorts
    files : SnapshotFiles
    topics : TopicNames
    desk_for : callable
        A new desk under the configuration with a hash.
    deployed : Deployment
        The configuration that this process runs; a reload changes it.
    judge : callable
        Judges the body of a command, at its offset, before the desk does: form, sender, signature.
    pace : Pace
    stopped_alarm : callable
        What is told of a stage that cannot go on.
    contacts : BrokerContacts
    transaction : TransactionBound, optional
    """

    ports: DeskPorts
    files: SnapshotFiles
    topics: TopicNames
    desk_for: DeskFor
    deployed: Deployment
    judge: JudgeBody
    pace: Pace
    stopped_alarm: Callable[[LaneName, TocsinError, int], Message]
    contacts: BrokerContacts
    transaction: TransactionBound = field(default_factory=TransactionBound)


@dataclass(slots=True)
class DeskMemory(Memory):
    """What outlives the stage's recoveries in this process.

    Parameters
    ----------
    status : DeskStatus
    suspects : dict of (str, int) to int
        How often the alarm record of a lane at an offset has raised when it was judged.
    convicted : dict of (str, int) to str
        Those that did so twice, and what was raised.
    commands : dict of int to str
        Offsets behind commands that raised when they took effect, and what was raised.
    """

    status: DeskStatus
    suspects: dict[tuple[str, int], int] = field(default_factory=dict)
    convicted: dict[tuple[str, int], str] = field(default_factory=dict)
    commands: dict[int, str] = field(default_factory=dict)

    def note(self, error: InputError) -> None:
        """Remember what raised; the first time is taken for chance."""
        if error.command is not None:
            self.commands[error.command] = error.detail
        elif error.records:
            place = error.lane, error.offsets[0]
            if len(self.suspects) >= SUSPECTS_MAX:
                self.suspects.clear()
            self.suspects[place] = self.suspects.get(place, 0) + 1
            if self.suspects[place] > 1:
                self.convicted[place] = error.detail
