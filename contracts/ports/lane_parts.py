"""The parts of a lane that keep state, as the lane sees them.

Every part gives its arrays for a snapshot and takes them back with `old_row`: for each present
row, the row it had in the snapshot, or -1 for a channel that is new.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.catalogue import Catalogue
from contracts.ports.lane_log import Message
from contracts.records import Records
from contracts.transition import Transitions

Arrays = Mapping[str, NDArray[Any]]
Span = tuple[int, int]


def carry(rows: NDArray[Any], kept: NDArray[Any], old_row: NDArray[np.int64]) -> None:
    """Put kept rows where their channels are now; rows of new channels stay as they are.

    Most restarts change no channel: then all rows are copied as they lie, four times as fast.

    >>> rows = np.zeros(3)
    >>> carry(rows, np.array([5.0, 7.0]), np.array([1, -1, 0]))
    >>> rows.tolist()
    [7.0, 0.0, 5.0]
    """
    if len(rows) == len(kept) and (old_row == np.arange(len(rows))).all():
        rows[...] = kept
        return
    known = old_row >= 0
    rows[known] = kept[old_row[known]]


class Part(Protocol):
    """Something whose state is arrays by lane row."""

    def arrays(self) -> Arrays:
        """State to be put into a snapshot; not a copy."""

    def restore(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot."""


class Decoder(Protocol):
    """Messages to readings."""

    def decode(self, records: Records) -> Batch:
        """Readings of some records, in arrival order; never raises on bad input."""


class Admission(Part, Protocol):
    """Readings to dispositions."""

    def admit(
        self, batch: Batch, stamp_ns: NDArray[np.int64], span: Span, disposition: NDArray[np.uint8]
    ) -> None:
        """Fill `disposition` for a span of readings, in order."""

    def shelve(self, row: int, *, shelved: bool) -> None:
        """Hold a channel's readings from now on, or score them again; `restore` forgets it."""


class Scorer(Part, Protocol):
    """Readings to level changes."""

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: Span,
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span that are to be scored, in order."""

    def time_by(self, clock: Callable[[], float]) -> None:
        """Measure from now on what each kind of rule takes, by a clock in seconds."""

    def seconds(self) -> dict[str, float]:
        """Time that scoring has taken since it is measured, by kind of rule."""

    def relearning(self) -> dict[str, int]:
        """Channels by rule whose state the last `restore` let begin anew.

        It does so where the rule of the channel's class now gives that state another meaning.
        """

    def accept(self, row: int) -> frozenset[int]:
        """Let what a channel's rules learned begin anew; slots of those that do."""

    def interrupt(self, rows: NDArray[np.int32]) -> None:
        """Begin on-delays anew for channels that sent nothing valid for too long."""

    def warm(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        """Take over what was learned elsewhere: nothing rings, nothing is waited for."""


class Fired(NamedTuple):
    """What timers found.

    Parameters
    ----------
    changes : Transitions
        What is told.
    quiet : int, shape (m,)
        Rows that sent nothing valid for too long, told or not.
    """

    changes: Transitions
    quiet: NDArray[np.int32]


class Silence(Part, Protocol):
    """Lane time to level changes."""

    def bound_s(self, lane_time_s: int) -> int:
        """Lane time before which no deadline can lie, whatever readings come after now."""

    def bound_before_s(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: Span,
    ) -> int:
        """Lane time before which no deadline can lie when the readings of a span come next.

        The span has a reading, and `disposition` says what becomes of each.
        """

    def begin(self, lane_time_s: int) -> None:
        """Start the wait for channels that have not been waited for yet."""

    def hear(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: Span,
    ) -> Transitions:
        """Note who was heard; silences that end come back as level changes."""

    def fire(self, lane_time_s: int) -> Fired:
        """Let every deadline up to now pass, in (deadline, kind, row) order."""

    def hearing(self) -> NDArray[np.uint8]:
        """Place among `HEARING` of how each channel is heard, shape (n,)."""

    def outage(self, lane_time_s: int, seconds: int) -> NDArray[np.int32]:
        """Wait longer for channels, none of which could be heard for `seconds` from now.

        Returns rows whose wait would have ended within that time.
        """

    def shelve(self, row: int, lane_time_s: int, *, shelved: bool) -> None:
        """Stop waiting for a channel, or start again from now; `restore` forgets it."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of the readings behind a level change, both inclusive."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Why:
    """Who decided something, and for what reason."""

    by: str
    reason: str


class Shelved(NamedTuple):
    """Who shelved a channel, why, and for how long in lane time.

    `command` is the command's id; `once` says that it ends once nothing rings on the channel.
    """

    channel: str
    since_s: int
    until_s: int
    by: str
    role: str
    reason: str
    command: str
    once: bool = False


class Shown(NamedTuple):
    """How a shelving ended in lane time, and by whom if a command ended it."""

    at_s: int
    how: Literal["time", "command", "life_safety", "return"]
    by: str = ""
    role: str = ""
    reason: str = ""


class Book(Protocol):
    """Level changes to alarm revisions."""

    def foresee(self, rows: NDArray[Any]) -> None:
        """Get ready for level changes of some rows; whether it is called changes nothing told."""

    def emit(self, transition: np.void, offsets: OffsetRange, *, shelved: bool = False) -> Message:
        """Revision for one level change; it does not ring while its channel is shelved."""

    def shelve(self, row: int, time_ns: int, *, shelved: bool) -> list[Message]:
        """Revisions for the open alarms of a channel that is shelved, or shown again."""

    def rings(self, row: int) -> bool:
        """Whether any alarm of a channel is open, shelved or not."""

    def record(self, shelved: Shelved, shown: Shown | None = None) -> Message:
        """What the world is told of a shelving when it begins, and when it is over."""

    def life_safety(self, row: int) -> bool:
        """Whether a channel's class guards life, so that it is never shelved."""

    def accept(self, row: int, time_ns: int, slots: frozenset[int], why: Why) -> list[Message]:
        """Revisions that clear the open alarms of some rules of a channel."""

    def colours(self) -> dict[str, int]:
        """Open alarms by colour, every colour named."""

    def state(self) -> dict[str, Any]:
        """Open alarms, as plain data for a snapshot."""

    def restore(self, state: dict[str, Any], time_ns: int) -> list[Message]:
        """Take over open alarms; revisions for those whose rule or channel is gone."""

    def take_over(self, state: dict[str, Any], time_ns: int) -> list[Message]:
        """Go on for another book, which the world knows; revisions for what differs here."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything one configuration makes of one lane.

    Parameters
    ----------
    config : str
        Hash of the configuration bundle.
    catalogue : Catalogue
        The lane's channels, in row order.
    home_of : callable
        Lane that owns a channel of the lifeline by its id, None when none does.
    canary : callable or None
        New parts of a lane that holds nothing but this one's canary, for one use; None where the
        lane has none.
    """

    config: str
    catalogue: Catalogue
    decoder: Decoder
    admission: Admission
    scorer: Scorer
    silence: Silence
    book: Book
    home_of: Callable[[str], int | None] = lambda channel: None
    canary: "Callable[[], Parts] | None" = None
