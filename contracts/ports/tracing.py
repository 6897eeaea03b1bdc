"""What a lane tells whoever traces its work: one span for each micro-batch."""

from typing import Final, Protocol

from contracts.lane import LaneName

NO_PARENT: Final = b""


class BatchSpan(Protocol):
    """The time from taking records until all that they caused is committed."""

    @property
    def traceparent(self) -> bytes:
        """Header of W3C Trace Context, by which others go on with the trace; empty for none."""

    def end(self) -> None:
        """All is committed."""

    def fail(self, why: str) -> None:
        """The lane came to an end before that; a span that has ended already stays as it is."""


class Tracer(Protocol):
    """Begins spans; called on the event loop, and never waits for a collector."""

    def micro_batch(self, lane: LaneName, first: int, records: int) -> BatchSpan:
        """A span that begins now.

        Parameters
        ----------
        lane : LaneName
        first : int
            Offset of the first record.
        records : int
            How many there are.
        """


class _Untraced:
    """Nobody traces."""

    traceparent: bytes = NO_PARENT

    def micro_batch(self, lane: LaneName, first: int, records: int) -> BatchSpan:
        return self

    def end(self) -> None:
        pass

    def fail(self, why: str) -> None:
        pass


UNTRACED: Final = _Untraced()
