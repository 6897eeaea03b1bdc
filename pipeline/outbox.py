"""What a lane has told: outputs in order, their count and their rolling hash."""

import hashlib
from collections.abc import Iterable

from contracts.lane_log import Mark, Message

START = "0" * 32


class Outbox:
    """Outputs since the last flush; during replay, only those the world has not seen.

    Parameters
    ----------
    sequence, digest : int, str
        Outputs told before, and the rolling hash over them.
    """

    def __init__(self, sequence: int = 0, digest: str = START) -> None:
        self.sequence = sequence
        self.digest = digest
        self.known: Mark | None = None
        self.diverged = False
        self._waiting: list[Message] = []

    def tell(self, messages: Iterable[Message]) -> None:
        """Add outputs, in the order in which they happened."""
        for message in messages:
            self.sequence += 1
            self.digest = _roll(self.digest, message)
            if self.known is None or self.sequence > self.known.sequence:
                self._waiting.append(message)
            elif self.sequence == self.known.sequence:
                self.diverged = self.digest != self.known.digest

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
