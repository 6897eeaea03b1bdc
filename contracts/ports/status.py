"""What a worker says of itself to Prometheus and to health probes."""

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from contracts.desk.performance import Performance

# Bounds of the histogram of leads: live minus shadow, so above 0 the shadow rang first.
LEADS_S: Final = (-1800.0, -600.0, -60.0, -10.0, 0.0, 10.0, 60.0, 600.0, 1800.0)

# Bounds of the histogram of latencies; the objective is judged at 1 s.
LATENCIES_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)

UNHEARD_S: Final = 2.0  # a broker that has nothing new answers within half a second
AWAY_S_MAX: Final = 15.0  # without an answer, or with records hidden: then a lane is not ready

# How a channel is heard: it sends, it has sent nothing valid for longer than its rule allows, or
# so has its whole link, which rings for it.
HEARING: Final = ("heard", "silent", "blind")

Phase = Literal["recovering", "replaying", "running", "stopping", "failed"]

# What a lane recovers from: brokers that do not answer or refuse, another owner, something that
# cannot be judged, files that cannot be read or written, and what nobody foresaw.
ErrorCause = Literal["brokers", "fenced", "input", "files", "other"]


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
class Latency:
    """How long records took from their Kafka timestamp until all that they caused was committed.

    One for all lanes of a lifeline, and kept when lanes go: what falls would look like a restart.

    Parameters
    ----------
    counts : list of int
        Records by latency, one more than `LATENCIES_S`.
    seconds : float
        Sum of the latencies.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCIES_S) + 1))
    seconds: float = 0.0

    def add(self, records: int, latency_s: float) -> None:
        """Count a batch of records with one latency, 0 where the sender's clock is ahead.

        >>> latency = Latency()
        >>> latency.add(3, 0.25)
        >>> latency.add(1, 99.0)
        >>> latency
        Latency(counts=[0, 3, 0, 0, 0, 0, 0, 0, 1], seconds=99.75)
        """
        latency_s = max(latency_s, 0.0)
        self.counts[bisect_left(LATENCIES_S, latency_s)] += records
        self.seconds += records * latency_s


@dataclass(slots=True)
class Canaries:
    """Known anomalies of a lifeline's lanes; shared and kept as latencies are.

    Parameters
    ----------
    judged : int
    told : int
        Those whose alarm has been committed.
    """

    judged: int = 0
    told: int = 0


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
        Next telemetry offset to take, and the end of the log in the broker's newest answer, -1
        when there was none.
    answered_at_s : float or None
        When a broker last answered a fetch, on the monotonic clock.
    unasked_at_s : float or None
        Since when brokers are not asked, because the lane has no room for more, on the monotonic
        clock; None while they are.
    hidden_at_s : float or None
        Since when an open transaction has hidden the same record and all behind it.
    commands_hidden_at_s : float or None
        The same of the lane's commands.
    lane_time_s : int
        The watermark, -1 before it begins.
    revisions, dead_letters, shadow_outbox, shelvings : int
        Outputs committed by this worker; whispers are what shadows told, shelvings what was told
        of channels that were shelved or are shown again.
    flushes, snapshots, recoveries : int
        Transactions committed, snapshots published, times the lane was recovered here.
    snapshots_in_vain : int
        Snapshots in a row that could not be written.
    damaged_snapshots : int
        Snapshot files that could not be read.
    in_vain : int
        Recoveries in a row at one position.
    set_aside : int
        Records that could not be judged and were passed over by this worker.
    errors : dict of str to int
        Errors after which this worker recovered the lane, by `ErrorCause`.
    undecodable : dict of str to int
        Messages that could not be decoded since the lane was recovered, by reason.
    fetched : int
        Polls between client and lane, with the one that waits for room there.
    hungry_s : float
        Time that the lane has waited for records since the last ones came.
    snapshot_hold_s : float
        How long the newest snapshot held the lane: its state was copied, not written, meanwhile.
    open_alarms : dict of str to int
        Alarms that have not cleared, by colour.
    shelved : int
        Channels that are shelved.
    sheds : int
        Shadows that the lane let go of by itself since it began.
    canaries_missed : int
        Canaries in a row that were judged and whose alarm has not been committed.
    hearing : dict of str to tuple of int
        Channels by district, of each the number of those that are heard as `HEARING` says; counted
        every now and then.
    kind_seconds : dict of str to float
        Time that scoring has taken under the configuration in force, by kind of rule.
    relearning : dict of str to int
        Channels whose learned state began anew since the lane began, by rule: a configuration
        gave it another meaning.
    shadow : ShadowStatus or None
        How the shadow compares, None when none runs.
    trouble : str
        Why the lane is not running, empty when it is.
    config : str
        Hash of the configuration in force, empty before the lane runs.
    taken_ms : int
        Kafka timestamp of the newest record taken, milliseconds since 1970 UTC, 0 before.
    flushed_ms : int
        When a transaction was last committed, likewise.
    began_at_s : float
        When this worker took the lane, on the monotonic clock.
    caught_up_at_s : float or None
        When nothing waited for the lane the last time, on the monotonic clock.
    snapshot_at_s : float
        When the newest snapshot of this worker was published, seconds since 1970 UTC, 0 before.
    snapshot_duration_s : float
        From the beginning of its copy until it was published.
    snapshot_bytes : int
        Size of its file.
    latency : Latency
    canaries : Canaries
        Shared by the lanes of a lifeline.
    """

    name: str
    phase: Phase = "recovering"
    accounts: dict[str, int] = field(default_factory=dict)
    position: int = 0
    end: int = -1
    answered_at_s: float | None = None
    unasked_at_s: float | None = None
    hidden_at_s: float | None = None
    commands_hidden_at_s: float | None = None
    lane_time_s: int = -1
    revisions: int = 0
    dead_letters: int = 0
    shadow_outbox: int = 0
    shelvings: int = 0
    flushes: int = 0
    flush_seconds: float = 0.0
    score_seconds: float = 0.0
    snapshots: int = 0
    snapshots_in_vain: int = 0
    recoveries: int = 0
    damaged_snapshots: int = 0
    in_vain: int = 0
    set_aside: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    undecodable: dict[str, int] = field(default_factory=dict)
    snapshot_hold_s: float = 0.0
    fetched: int = 0
    hungry_s: float = 0.0
    open_alarms: dict[str, int] = field(default_factory=dict)
    shelved: int = 0
    sheds: int = 0
    canaries_missed: int = 0
    hearing: dict[str, tuple[int, ...]] = field(default_factory=dict)
    kind_seconds: dict[str, float] = field(default_factory=dict)
    relearning: dict[str, int] = field(default_factory=dict)
    shadow: ShadowStatus | None = None
    trouble: str = ""
    config: str = ""
    taken_ms: int = 0
    flushed_ms: int = 0
    began_at_s: float = field(default_factory=time.monotonic)
    caught_up_at_s: float | None = None
    snapshot_at_s: float = 0.0
    snapshot_duration_s: float = 0.0
    snapshot_bytes: int = 0
    latency: Latency = field(default_factory=Latency)
    canaries: Canaries = field(default_factory=Canaries)

    @property
    def answer_age_s(self) -> float:
        """Time since a broker answered a fetch, NaN before the first time.

        It stands while brokers are not asked: that a lane is busy does not mean that they are away.
        """
        until_s = time.monotonic() if self.unasked_at_s is None else self.unasked_at_s
        return math.nan if self.answered_at_s is None else until_s - self.answered_at_s

    @property
    def hidden_s(self) -> float:
        """How long an open transaction has hidden the same record and all behind it."""
        return _since_s(self.hidden_at_s)

    @property
    def commands_hidden_s(self) -> float:
        """How long an open transaction has hidden the same command and all behind it."""
        return _since_s(self.commands_hidden_at_s)

    @property
    def lag(self) -> float:
        """Telemetry offsets between the lane and the log's end, NaN while nobody says the end."""
        unknown = self.end < 0 or self.answer_age_s > AWAY_S_MAX
        return math.nan if unknown else float(max(self.end - self.position, 0))

    @property
    def lag_s(self) -> float:
        """Longest time that a record may have waited for the lane, NaN before the end is known.

        What waits came behind the newest record taken, and after nothing waited the last time. What
        brokers hold that do not answer came after their last answer.
        """
        if self.end < 0:
            return math.nan
        unheard_s = self.answer_age_s if self.answer_age_s > UNHEARD_S else 0.0
        if self.position >= self.end:
            return unheard_s
        if self.caught_up_at_s is None and not self.taken_ms:
            return max(unheard_s, time.monotonic() - self.began_at_s)
        behind_s = time.time() - self.taken_ms / 1000 if self.taken_ms else math.inf
        if self.caught_up_at_s is not None:
            behind_s = min(behind_s, time.monotonic() - self.caught_up_at_s)
        return max(unheard_s, behind_s, 0.0)

    @property
    def blind(self) -> str:
        """Why a lane that runs does not see all that its logs hold, empty when it does."""
        if self.answer_age_s > AWAY_S_MAX:
            return f"no broker has answered for {self.answer_age_s:.0f} s"
        if self.hidden_s > AWAY_S_MAX:
            return f"an open transaction has hidden records for {self.hidden_s:.0f} s"
        if self.commands_hidden_s > AWAY_S_MAX:
            return f"an open transaction has hidden commands for {self.commands_hidden_s:.0f} s"
        return ""

    @property
    def ready(self) -> bool:
        """Whether the lane runs and sees all that its logs hold."""
        return self.phase == "running" and not self.blind


def _since_s(at_s: float | None) -> float:
    return 0.0 if at_s is None else time.monotonic() - at_s


@dataclass(slots=True)
class DeskStatus(LaneStatus):
    """Numbers of the desk stage since this process took it.

    Parameters
    ----------
    open : dict of str to int
        Open `alarms` and `incidents`.
    taken : int
        Alarm revisions judged by this process, those that a recovery repeats included.
    waiting : int
        Alarm offsets between the stage and the ends of the logs, as far as they are known.
    behind_s : float
        Age of the newest alarm taken while others wait, else 0.
    commands, refusals : int
        Commands carried out and refused by this process.
    incidents, notices, currents : int
        Outputs committed by this process, by kind.
    performance : Performance
        How well desks were served when it was last looked at.
    """

    open: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    waiting: int = 0
    behind_s: float = 0.0
    commands: int = 0
    refusals: int = 0
    incidents: int = 0
    notices: int = 0
    currents: int = 0
    performance: Performance = field(default_factory=Performance)

    @property
    def lag(self) -> float:
        """Alarm offsets between the stage and the ends of the logs."""
        return float(self.waiting)


@dataclass(slots=True)
class ProjectionStatus(LaneStatus):
    """Numbers of a projection of topics since this process began.

    Parameters
    ----------
    taken : int
        Records kept.
    waiting : int
        Offsets between what was fetched and the ends of the logs, as far as they are known.
    lost : int
        Offsets that logs had dropped before they were read.
    unreadable : int
        Records that are not what they say.
    """

    taken: int = 0
    waiting: int = 0
    lost: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class ReceiverStatus(LaneStatus):
    """Numbers of one receiver of notices since this process began.

    Parameters
    ----------
    oldest_s : callable
        Age of the oldest notice that waits for it, 0 when none does.
    outcomes : dict of str to int
        Notices by what became of them.
    waiting : int
        Notices that were read and wait.
    failed_tries : int
        Requests that were not confirmed.
    disabled : bool
        Whether it wants no more.
    """

    oldest_s: Callable[[], float] = float
    outcomes: dict[str, int] = field(
        default_factory=lambda: {"delivered": 0, "failed": 0, "superseded": 0}
    )
    waiting: int = 0
    failed_tries: int = 0
    disabled: bool = False


class QueueStatus(NamedTuple):
    """How full one queue, or one thread or lock that work takes turns with, is.

    Parameters
    ----------
    name : str
        Value of the metrics' label `queue`.
    depth, limit : int
        What is in it, and the most that it takes.
    waiters : int
        Who waits for room in it.
    """

    name: str
    depth: int
    limit: int
    waiters: int

    @classmethod
    def of(cls, name: str, count: int, limit: int) -> "QueueStatus":
        """From a count of what is in it and what waits together.

        >>> QueueStatus.of("fetched", 3, 2)
        QueueStatus(name='fetched', depth=2, limit=2, waiters=1)
        """
        return cls(name, min(count, limit), limit, max(count - limit, 0))


def totals(queues: Iterable[QueueStatus]) -> tuple[QueueStatus, ...]:
    """Sums over queues of the same name, in the order in which names were first met."""
    found: dict[str, QueueStatus] = {}
    for name, *numbers in queues:
        former = found.get(name, QueueStatus(name, 0, 0, 0))
        sums = (old + new for old, new in zip(former[1:], numbers, strict=True))
        found[name] = QueueStatus(name, *sums)
    return tuple(found.values())


# What came of it; `asked` where other processes are to say so.
ReloadOutcome = Literal["reloaded", "unchanged", "refused", "asked"]


class ReloadStatus(NamedTuple):
    """How often this process read its configuration again.

    Parameters
    ----------
    reloaded, unchanged, refused, asked : int
        Times by what came of it.
    good : bool
        Whether the last one was not refused; True before the first.
    """

    reloaded: int = 0
    unchanged: int = 0
    refused: int = 0
    asked: int = 0
    good: bool = True

    def after(self, outcome: ReloadOutcome) -> "ReloadStatus":
        """With one more.

        >>> ReloadStatus().after("refused")
        ReloadStatus(reloaded=0, unchanged=0, refused=1, asked=0, good=False)
        """
        counts = {outcome: getattr(self, outcome) + 1}
        return self._replace(**counts, good=outcome != "refused")


class ProcessStatus(NamedTuple):
    """How the process around the lanes is.

    Parameters
    ----------
    lag_s : float
        Longest delay of the event loop within the last minute.
    rebuilds : int
        Times that all clients were made anew because lanes stood.
    fetch_path : str
        How records come out of the Kafka client: `raw` batches or `plain` records, empty where
        nothing is fetched.
    queues : tuple of QueueStatus
        Each name once.
    reloads : ReloadStatus or None
        None where a configuration cannot be read again.
    """

    lag_s: float = 0.0
    rebuilds: int = 0
    fetch_path: str = ""
    queues: tuple[QueueStatus, ...] = ()
    reloads: ReloadStatus | None = None


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
