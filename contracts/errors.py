"""Every error that Tocsin raises on purpose, as one tree.

TocsinError
├── ConfigError      the configuration or a command line is wrong: stop before start (exit code 2)
├── DecodeError      one message cannot be read: it becomes a dead letter
├── Hidden           an open transaction hides records that a lane waits for: told, never raised
├── RetryableError   a collaborator is away: try again after `retry_after_s`
│   └── AccessDenied     it is there and does not let us in, or a secret cannot be read
└── FatalError       going on would lose or falsify something: stop loudly
    ├── Damaged      a snapshot cannot be read: the one before it is taken
    │   └── Unreadable   it may be sound, but its disk or memory say no
    ├── DataLoss     what the lane still needs is gone from the log
    │   ├── LogCut       the log ends before what was taken from it
    │   └── SetAside     a record that cannot be judged was passed over
    ├── Diverged     replay told something other than what the world was told
    │   └── OtherLanes   the lifeline had another number of lanes
    ├── Fenced       another worker owns the lane now
    └── InputError   judging an input raised what nobody foresaw

Messages read *where: expected what, got what; what to do*, values with `!r`, no full stop.
"""

from typing import Final

from contracts.bounded_text import bounded

DETAIL_BYTES: Final = 1024  # of the text of a refusal, which may quote what was refused


class TocsinError(Exception):
    """Base of every error raised on purpose."""


class ConfigError(TocsinError):
    """Configuration or command line refused; one line per finding.

    Parameters
    ----------
    findings : str
        One or more complete messages, each beginning with `file:line:column:`.
    """

    def __init__(self, *findings: str) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


class DecodeError(TocsinError):
    """One message cannot be turned into readings.

    Parameters
    ----------
    reason : str
        Short machine word, used as a metric label and in the dead letter (`bad_json`).
    detail : str
        What was expected, what came, what to do; kept to `DETAIL_BYTES`, whatever it quotes.
    """

    def __init__(self, reason: str, detail: str) -> None:
        detail = bounded(detail, DETAIL_BYTES)
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[str, str]]:
        """Travel between processes whole: by itself only what `super` was given would."""
        return DecodeError, (self.reason, self.detail)


class RetryableError(TocsinError):
    """A collaborator cannot answer now."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Hidden(TocsinError):  # noqa: N818 - the domain's word
    """An open transaction of another writer hides a log's records from whoever reads it.

    Parameters
    ----------
    where : str
        Lane that waits for them.
    first, end : int
        Offset of the first hidden record, and the one behind the last.
    what : str
        `telemetry` or `commands`.
    """

    def __init__(self, where: str, first: int, end: int, what: str = "telemetry") -> None:
        super().__init__(
            f"{where}: expected to read {what} up to offset {end}, got an open transaction that "
            f"hides all from {first} on; find its writer with `kafka-transactions.sh "
            "find-hanging` and end it with `abort`"
        )
        self.where = where
        self.first = first
        self.end = end
        self.what = what


class BrokersAway(TocsinError):  # noqa: N818 - the domain's word
    """No broker answered a lane for a while, which is over.

    Parameters
    ----------
    where : str
        Lane that was blind.
    began_ms, ended_ms : int
        The last answer before, and the first one behind it, milliseconds since 1970 UTC.
    """

    def __init__(self, where: str, began_ms: int, ended_ms: int) -> None:
        super().__init__(
            f"{where}: expected answers of the brokers, got none for "
            f"{(ended_ms - began_ms) // 1000} s; look at the brokers and the network"
        )
        self.where = where
        self.began_ms = began_ms
        self.ended_ms = ended_ms


class AccessDenied(RetryableError):  # noqa: N818 - the domain's word
    """A collaborator does not let us in: at a start somebody must act, later secrets may change."""


class FatalError(TocsinError):
    """Going on would lose or falsify something."""


class Damaged(FatalError):  # noqa: N818 - the domain's word
    """A snapshot file is gone, or is not what was written."""


class Unreadable(Damaged):
    """A snapshot file cannot be read now, and may be there another time."""


class DataLoss(FatalError):  # noqa: N818 - the domain's word
    """Offsets that the lane still needs are gone from the log.

    Parameters
    ----------
    where : str
        Lane, or topic and partition, that lost them.
    first, last : int
        First and last lost offset, both inclusive.
    what : str
        What lay there, in the plural.
    why : str
        How it is known; by default the log's start lies behind them.
    """

    def __init__(
        self, where: str, first: int, last: int, what: str = "readings", why: str = ""
    ) -> None:
        why = why or f"expected offset {first} in the log, its start is {last + 1}"
        super().__init__(
            f"{where}: {why}; {what} {first}..{last} are lost; restore them, or accept it with "
            "`tocsin begin-anew`, see docs/standing.md"
        )
        self.where = where
        self.first = first
        self.last = last
        self.what = what
        self.needed = first  # what the lane goes on from: the same however often it is looked for


class LogCut(DataLoss):
    """A log ends before an offset that was taken from it, or acknowledged by it.

    Parameters
    ----------
    where : str
        Lane, or topic and partition.
    end, needed : int
        Where it ends, and the offset that it must reach.
    what : str
        What lay there, in the plural.
    why : str
        How it is known.
    """

    def __init__(
        self, where: str, end: int, needed: int, what: str = "readings", why: str = ""
    ) -> None:
        cut = "the topic was made anew or lost what was acknowledged"
        why = why or f"expected offset {needed}, its end is {end}, {cut}"
        super().__init__(where, end, needed - 1, what, why)
        self.needed = needed


class SetAside(DataLoss):
    """A record whose judging raised again and again is passed over; its lane goes on.

    Parameters
    ----------
    where : str
        Lane.
    offset : int
    cause : str
        What was raised.
    entry : bool
        Whether the offset is one of the lane's journal.
    """

    def __init__(self, where: str, offset: int, cause: str, *, entry: bool = False) -> None:
        cause = bounded(cause, DETAIL_BYTES)
        super().__init__(where, offset, offset, "journal entries" if entry else "readings", cause)
        self.entry = entry
        what = "journal entry" if entry else "record"
        self.args = (f"{where}: {cause}; the {what} at offset {offset} is passed over",)


class InputError(FatalError):
    """Judging an input raised what is neither foreseen nor the world's doing.

    Recovery may help once. An input that does it again is set aside, which what the world did (a
    broker, a disk, memory, a network: `TocsinError`, `OSError`, `MemoryError`) never is.

    Parameters
    ----------
    what : str
        The input.
    cause : Exception
    offsets : (int, int), optional
        First and last telemetry offset of records.
    records : int
        How many these are, 0 when it was none of them.

    Attributes
    ----------
    command : int or None
        Offset behind the command that it was.
    entry : int or None
        Journal offset of the entry about a configuration that it was.
    lane : str
        Whose alarm record it was, in the desk stage.
    """

    command: int | None = None
    entry: int | None = None
    lane: str = ""

    def __init__(
        self, what: str, cause: Exception, offsets: tuple[int, int] = (-1, -1), records: int = 0
    ) -> None:
        self.detail = bounded(
            f"expected an effect or a refusal of {what}, judging it raised {cause!r}; "
            "report it with the record",
            DETAIL_BYTES,
        )
        super().__init__(self.detail)
        self.offsets = offsets
        self.records = records


class Diverged(FatalError):  # noqa: N818 - the domain's word
    """Replay of (telemetry, journal) gave other outputs than the ones already published."""


class OtherLanes(Diverged):
    """The lane's state was made where the lifeline had another number of lanes.

    Parameters
    ----------
    where : str
        Lane, or lifeline.
    wanted, got : int
        Lanes of the configuration, and those found.
    """

    def __init__(self, where: str, wanted: int, got: int) -> None:
        super().__init__(
            f"{where}: expected state of {wanted} lanes, got one of {got}; channels would be in "
            "two lanes or in none, see docs/other-lanes.md"
        )


class Fenced(FatalError):  # noqa: N818 - the domain's word
    """Another producer with this lane's transactional id has started."""
