"""What a lane has told: outputs in order, their count and their rolling hash."""

import hashlib
from collections.abc import Iterable

from contracts.ports.lane_log import NOTHING_TOLD, Message, OutputMark


class Outbox:
    """Outputs since the last flush; during replay, only those the world has not seen.

    Parameters
    ----------
    sequence, digest : int, str
        Outputs told before, and the rolling hash over them.
    """

    def __init__(self, sequence: int = 0, digest: str = NOTHING_TOLD) -> None:
        self.sequence = sequence
        self.digest = digest
        self.known: OutputMark | None = None
        self.diverged = False
        self.heard: list[Message] | None = None  # everything told, while somebody listens
        self._waiting: list[Message] = []

    def emit(self, messages: Iterable[Message]) -> None:
        """Add outputs, in the order in which they happened."""
        for message in messages:
            if self.heard is not None:
                self.heard.append(message)
            self.sequence += 1
            self.digest = _roll(self.digest, message)
            if self.known is None or self.sequence > self.known.sequence:
                self._waiting.append(message)
            elif self.sequence == self.known.sequence:
                self.diverged = self.digest != self.known.digest

    @property
    def strayed(self) -> bool:
        """Whether what was repeated is other than what the world was told, or less."""
        return self.diverged or (self.known is not None and self.sequence < self.known.sequence)

    def take(self) -> list[Message]:
        """Outputs to be flushed; they are forgotten here."""
        messages, self._waiting = self._waiting, []
        return messages

    def __len__(self) -> int:
        return len(self._waiting)


def _roll(digest: str, message: Message) -> str:
    rolling = hashlib.blake2b(bytes.fromhex(digest), digest_size=16)
    for part in (message.kind.encode(), message.key, message.body):
        rolling.update(len(part).to_bytes(8, "little"))
        rolling.update(part)
    return rolling.hexdigest()
