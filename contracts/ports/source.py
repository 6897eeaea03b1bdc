"""Where a worker's records and commands come from."""

from typing import NamedTuple, Protocol

from contracts.records import Records


class LogView(NamedTuple):
    """What the broker's newest answer to a fetch said of a lane's log.

    Parameters
    ----------
    answered_ms : int
        When it came, milliseconds since 1970 UTC on the client's clock; 0 when none has come yet.
    end : int
        Offset behind the last record (high watermark), -1 when it is not known.
    stable_end : int
        Offset behind the last record that a reader may see: where a transaction is open, its
        first record (last stable offset).
    """

    answered_ms: int = 0
    end: int = -1
    stable_end: int = -1


class Telemetry(Protocol):
    """Source of one lane's records, in offset order, without gaps of its own making."""

    async def fetch(self, lane: int, timeout_s: float) -> Records | None:
        """Next records behind the last ones given, None when none came in time.

        Raises
        ------
        DataLoss
            When the log no longer holds the next offset.
        RetryableError
            When the broker is away.
        """

    async def seek(self, lane: int, offset: int) -> None:
        """Go on from `offset`; anything fetched ahead is dropped."""

    async def prove_membership(self, lane: int) -> None:
        """Return only if the group still takes this worker for the lane's owner.

        Raises
        ------
        Fenced
            When it does not.
        """

    async def beginning_offset(self, lane: int) -> int:
        """First offset that the log still holds."""

    def view(self, lane: int) -> LogView:
        """What the newest answer said of the log; asks nobody."""

    async def end_offset(self, lane: int) -> int:
        """Offset behind the last record that a reader may see now."""

    async def commit(self, lane: int, offset: int) -> None:
        """Tell the group how far the lane's snapshot reaches; refused from a lost membership."""


class Commands(Protocol):
    """Source of one lane's commands."""

    async def fetch(self, lane: int, offset: int) -> list[tuple[int, bytes]]:
        """Commands at or behind `offset` that have arrived, each with the offset behind it."""

    def view(self, lane: int) -> LogView:
        """What the newest answer said of the lane's commands; asks nobody."""
