"""What a worker says of itself to Prometheus and to health probes."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

# Bounds of the histogram of leads: live minus shadow, so above 0 the shadow rang first.
LEADS_S: Final = (-1800.0, -600.0, -60.0, -10.0, 0.0, 10.0, 60.0, 600.0, 1800.0)

Phase = Literal["recovering", "replaying", "running", "stopping", "failed"]


class ShadowStatus(NamedTuple):
    """How a shadow's alarms compare with those that rang since it began.

    Parameters
    ----------
    config : str
        Hash of its bundle.
    both, only_live, only_shadow : int
        Findings by who rang.
    live_per_day, shadow_per_day : float
        Alarms of each side in a day of lane time.
    leads : tuple of int
        Findings of both by how much earlier the shadow rang, one more than `LEADS_S`.
    """

    config: str
    both: int
    only_live: int
    only_shadow: int
    live_per_day: float
    shadow_per_day: float
    leads: tuple[int, ...]


@dataclass(slots=True)
class LaneStatus:
    """Numbers of one lane since this worker took it; the hot path only adds to them.

    Parameters
    ----------
    name : str
        `water-3`.
    phase : Phase
    accounts : dict of str to int
        Received, and each disposition by its word, since the lane began.
    position, end : int
        Next telemetry offset to take, and the end of the log when last looked at.
    lane_time_s : int
        The watermark, -1 before it begins.
    revisions, dead_letters, shadow_outbox : int
        Outputs committed by this worker; whispers are what shadows told.
    flushes, snapshots, recoveries : int
        Transactions committed, snapshots published, times the lane was recovered here.
    damaged_snapshots : int
        Snapshot files that could not be read.
    hungry_s : float
        Time that the lane has waited for records since the last ones came.
    snapshot_hold_s : float
        How long the newest snapshot held the lane: its state was copied, not written, meanwhile.
    open_alarms : dict of str to int
        Alarms that have not cleared, by colour.
    sheds : int
        Shadows that the lane let go of by itself since it began.
    relearning : dict of str to int
        Channels whose learned state began anew since the lane began, by rule: a configuration
        gave it another meaning.
    shadow : ShadowStatus or None
        How the shadow compares, None when none runs.
    trouble : str
        Why the lane is not running, empty when it is.
    """

    name: str
    phase: Phase = "recovering"
    accounts: dict[str, int] = field(default_factory=dict)
    position: int = 0
    end: int = 0
    lane_time_s: int = -1
    revisions: int = 0
    dead_letters: int = 0
    shadow_outbox: int = 0
    flushes: int = 0
    flush_seconds: float = 0.0
    score_seconds: float = 0.0
    snapshots: int = 0
    recoveries: int = 0
    damaged_snapshots: int = 0
    snapshot_hold_s: float = 0.0
    hungry_s: float = 0.0
    open_alarms: dict[str, int] = field(default_factory=dict)
    sheds: int = 0
    relearning: dict[str, int] = field(default_factory=dict)
    shadow: ShadowStatus | None = None
    trouble: str = ""


class ProcessStatus(NamedTuple):
    """How the process around the lanes is.

    Parameters
    ----------
    lag_s : float
        Longest delay of the event loop within the last minute.
    rebuilds : int
        Times that all clients were made anew because lanes stood.
    """

    lag_s: float = 0.0
    rebuilds: int = 0


class WorkerStatus(Protocol):
    """Whoever can be asked how the worker is."""

    def lanes(self) -> list[LaneStatus]:
        """Every lane that this worker owns."""

    def alive(self) -> bool:
        """Whether the event loop turns; does not depend on Kafka."""

    def ready(self) -> bool:
        """Whether every owned lane is running and ownership is settled."""

    def process_status(self) -> ProcessStatus:
        """How the process is."""
