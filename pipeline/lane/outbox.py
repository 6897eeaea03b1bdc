"""What a lane has told: outputs in order, their count and their rolling hash."""

import hashlib
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from contracts.errors import Diverged
from contracts.ports.lane_log import NOTHING_TOLD, Message, OutputMark

# What brokers take in a second or two when they are slow: transactions may last ten.
TRANSACTION_OUTPUTS: Final = 2_000
TRANSACTION_BYTES: Final = 8 << 20


class TransactionBound(NamedTuple):
    """Most that a lane tells in one transaction.

    Parameters
    ----------
    outputs : int
    size : int
        Bytes of their bodies; a single larger output is told alone.
    """

    outputs: int = TRANSACTION_OUTPUTS
    size: int = TRANSACTION_BYTES


class Outbox:
    """Outputs since the last transaction; during replay, only those the world has not seen.

    Parameters
    ----------
    sequence, digest : int, str
        Outputs told before, and the rolling hash over them.

    """

    def __init__(self, sequence: int = 0, digest: str = NOTHING_TOLD) -> None:
        self.sequence = sequence
        self._rolling = bytes.fromhex(digest)
        self._told = (sequence, self._rolling)
        self.diverged = False
        self.heard: list[Message] | None = None  # everything told, while somebody listens
        self._known: OutputMark | None = None
        self._waiting: deque[tuple[Message, bytes]] = deque()  # with the rolling hash up to each
        self._size = 0  # bytes of the bodies that wait

    @property
    def digest(self) -> str:
        """Rolling hash over all outputs so far."""
        return self._rolling.hex()

    @property
    def told(self) -> tuple[int, str]:
        """Count and rolling hash of the outputs that were taken to be told, or known already."""
        return self._told[0], self._told[1].hex()

    @property
    def known(self) -> OutputMark | None:
        """How much the world had been told before the lane was recovered."""
        return self._known

    @known.setter
    def known(self, mark: OutputMark | None) -> None:
        self._known = mark
        if mark is not None and mark.sequence > self._told[0]:
            self._told = (mark.sequence, bytes.fromhex(mark.digest))

    def emit(self, messages: Iterable[Message]) -> None:
        """Add outputs, in the order in which they happened."""
        for message in messages:
            if self.heard is not None:
                self.heard.append(message)
            self.sequence += 1
            self._rolling = _roll(self._rolling, message)
            if self._known is None or self.sequence > self._known.sequence:
                self._wait(message)
            elif self.sequence == self._known.sequence:
                self.diverged = self.digest != self._known.digest

    def _wait(self, message: Message) -> None:
        """Keep an output to be told; never what comes behind something else than was told."""
        if not self.diverged:
            self._waiting.append((message, self._rolling))
            self._size += len(message.body)

    @property
    def repeats(self) -> bool:
        """Whether the world knows more than was repeated so far."""
        return self._known is not None and self.sequence < self._known.sequence

    @property
    def strayed(self) -> bool:
        """Whether what was repeated is other than what the world was told, or less."""
        return self.diverged or self.repeats

    def divergence(self, lane: str) -> Diverged:
        """The error that says how it strayed."""
        known = self._known
        assert known is not None, "it strayed from something"
        return Diverged(
            f"{lane}: expected outputs up to {known.sequence} with hash {known.digest}, got "
            f"{self.sequence} with {self.digest}; the build or the log changed, start from the "
            "previous release or accept a new beginning"
        )

    def fills(self, bound: TransactionBound) -> bool:
        """Whether a transaction's worth of outputs waits."""
        return len(self._waiting) >= bound.outputs or self._size >= bound.size

    def take(self, bound: TransactionBound | None = None) -> list[Message]:
        """Outputs to be told next, all of them or as many as a transaction holds.

        They are forgotten here.
        """
        messages: list[Message] = []
        size = 0
        while self._waiting:
            message, rolling = self._waiting[0]
            size += len(message.body)
            full = bound is not None and (len(messages) == bound.outputs or size > bound.size)
            if full and messages:
                break
            self._waiting.popleft()
            self._size -= len(message.body)
            self._told = (self._told[0] + 1, rolling)
            messages.append(message)
        return messages

    def __len__(self) -> int:
        return len(self._waiting)


def _roll(before: bytes, message: Message) -> bytes:
    """Hash over all outputs up to a message: of the hash before it and of what it holds."""
    kind, key, body = message.kind.encode(), message.key, message.body
    parts = (_size_of(kind), kind, _size_of(key), key, _size_of(body), body)
    return hashlib.blake2b(b"".join((before, *parts)), digest_size=16).digest()


def _size_of(part: bytes) -> bytes:
    return len(part).to_bytes(8, "little")
