"""What one lane writes and reads back: journal, outputs with their mark, manifests."""

from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from contracts.journal import Entry

NOTHING_TOLD: Final = "0" * 32
E = TypeVar("E")  # entries of a journal


class Message(NamedTuple):
    """One output of a lane, in the order in which the lane told it.

    Parameters
    ----------
    kind : str
        `alarm`, `shelving`, `shadow`, `canary` or `dead_letter`, of the desk stage `incident`,
        `current`, `notice` or `dead_letter`: says to which topic it goes.
    key : bytes
        Alarm, shadow and canary: `<id>`; shelving: `<channel>`; dead letter: `<lane>@<offset>`.
    body : bytes
        Record as published; equal for equal (telemetry, journal). Empty where a `current` is over.
    traceparent : bytes
        Header of W3C Trace Context of an alarm, set when it is told; empty where nobody traces.
    """

    kind: str
    key: bytes
    body: bytes
    traceparent: bytes = b""


class OutputMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Last record of each flush: how much the world has been told.

    Parameters
    ----------
    sequence : int
        Number of outputs told since the lane began.
    digest : str
        Rolling hash over all of them, 32 hex digits.
    telemetry : int
        Next telemetry offset after the flush; of the desk stage, alarm records taken in all.
    journal : int
        Next journal offset after the flush.
    shadow_sequence, shadow_digest : int, str
        The same two for what shadows told: they have a count of their own.
    """

    sequence: int
    digest: str
    telemetry: int
    journal: int
    shadow_sequence: int = 0
    shadow_digest: str = NOTHING_TOLD


class Manifest(msgspec.Struct, frozen=True):
    """Names a snapshot and the positions that belong to it.

    Parameters
    ----------
    snapshot : str
        File name below the snapshot location.
    checksum : str
        BLAKE2b-128 of the file, hex.
    config : str
        Hash of the configuration bundle in force.
    telemetry, journal, alarms, commands : int
        Next offset of each of the lane's partitions. Of the desk stage `telemetry` counts alarm
        records taken in all, and `alarms` is the next offset of the incidents topic.
    sequence : int
        Outputs told up to here.
    digest : str
        Rolling hash up to here.
    format : int
        Version of the file format.
    size : int or None
        Bytes of the file; None in manifests of earlier releases.
    """

    snapshot: str
    checksum: str
    config: str
    telemetry: int
    journal: int
    alarms: int
    commands: int
    sequence: int
    digest: str
    format: int = 1
    size: int | None = None


class JournalPast(NamedTuple, Generic[E]):
    """What recovery finds in the lane's own partitions.

    Parameters
    ----------
    manifest : Manifest or None
        Newest one, None when the lane never made a snapshot.
    previous : Manifest or None
        The one before it.
    journal : list of (int, entry)
        Journal offset and entry, from the manifest's journal position on.
    mark : OutputMark or None
        Newest mark in the partition of marks, None when nothing was told since the manifest.
    journal_end, alarms_end : int
        Next offset to be written in the journal, and where marks lie.
    """

    manifest: Manifest | None
    previous: Manifest | None
    journal: list[tuple[int, E]]
    mark: OutputMark | None
    journal_end: int
    alarms_end: int


class JournalLog(Protocol[E]):
    """The lane's transactional writer and the reader of what it wrote.

    After any exception from a method the log and the lane's state are both worthless: close the
    log, drop the lane, recover from the start.
    """

    async def fence(self) -> None:
        """Start the transactional producer: earlier owners can no longer commit."""

    async def past(self, back: int = 0) -> JournalPast[E]:
        """Read the lane's own partitions read-committed up to their high watermarks.

        To be called after `fence`: nothing can be added behind these marks then.

        Parameters
        ----------
        back : int
            0 begins at the newest manifest, 1 at the one before it as if it were the newest, and
            so on.

        Raises
        ------
        DataLoss
            When a partition no longer holds what the manifest needs.
        """

    async def flush(
        self, entries: list[E], messages: list[Message], mark: OutputMark
    ) -> tuple[int, int]:
        """Write entries, messages and mark in one transaction and wait for its commit.

        `mark.journal` is filled in by the log: it is the offset behind the last entry.

        Returns
        -------
        (int, int)
            Next offsets of the journal and of the alarms partition.

        Raises
        ------
        Fenced
            When a newer owner has started.
        FatalError
            When any delivery or the commit failed or took longer than the deadline.
        """

    async def emit(self, message: Message, since: int | None) -> bool:
        """Tell the world of trouble outside the lane's own count, in a transaction of its own.

        To be called after `fence`.

        Parameters
        ----------
        message : Message
        since : int or None
            Messages of its kind from this offset on are looked through, None for all.

        Returns
        -------
        bool
            False, and nothing was told, when they hold the message's key already.
        """

    async def publish(self, manifest: Manifest) -> None:
        """Commit a manifest in a transaction of its own."""

    async def close(self) -> None:
        """Let go of sockets; never raises, never takes longer than its deadline."""


Past = JournalPast[Entry]
LaneLog = JournalLog[Entry]
