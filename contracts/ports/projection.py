"""Records of topics as what reads them sees them, and what a projection of topics must do."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

# Offset of the next record to take, by topic and partition.
Positions = Mapping[tuple[str, int], int]


class TopicRecord(NamedTuple):
    """A committed record.

    Parameters
    ----------
    topic : str
    partition, offset : int
    time_ms : int
        Stamp of the log, milliseconds since 1970 UTC.
    key : bytes or None
    value : bytes or None
        None where a compacted topic says that the key is over.
    kind : str
        What its header `tocsin` says that it is: `revision`, `incident`, `notice`, `current`,
        `mark`, …; empty where it has none.
    """

    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    kind: str


class Projection(Protocol):
    """What can be dropped and made anew from the topics; called from one thread, may block.

    `apply` keeps what it was given together with the positions behind it, or neither: so that each
    record takes effect once, whatever dies when.

    Attributes
    ----------
    unreadable : int
        Records since this was made that are not what they say.
    """

    unreadable: int

    def positions(self) -> Positions:
        """Where to go on; a partition that is missing is read from its beginning."""

    def apply(self, records: Sequence[TopicRecord], behind: Positions) -> None:
        """Take records, in order of offsets within a partition, and note the positions behind them.

        Raises
        ------
        RetryableError
            When the same may succeed later: nothing of it was kept.
        FatalError
            When a person is needed.
        """

    def current(self, time_ms: int) -> None:
        """All that the topics held at a time (milliseconds since 1970 UTC) has been taken.

        Told every few seconds while it is so: whoever reads knows by it that somebody writes, and
        how old what is there is. Raises as `apply`.
        """

    def close(self) -> None:
        """Let go of files and connections."""
