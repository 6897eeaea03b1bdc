"""Ids of commands that were carried out, for as long as one of them could come again."""

import heapq
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from contracts.journal import CommandBase
from contracts.ports.desk import Ground, SlicedCopy

SKEW_MS: Final = 60_000  # how far a sender's clock may be ahead of a worker's
HELD_MAX: Final = 10_000  # ids of one lane, or of the desk stage


class RecentCommands:
    """Commands of one lane, or of the desk stage, by id.

    A function of the journal, so a replay holds the same.

    An id is forgotten once its command has expired by `floor_ms`, and what has expired by then is
    refused whatever a worker's clock shows. So none is ever carried out twice.

    Parameters
    ----------
    floor_ms : int
        From a snapshot.
    held : iterable of (int, str)
        When each command expires (epoch ms), and its id; from a snapshot.

    Attributes
    ----------
    floor_ms : int
        No worker's clock was behind this when it took the newest command: epoch ms.
    """

    def __init__(self, floor_ms: int = 0, held: Iterable[tuple[int, str]] = ()) -> None:
        self.floor_ms = floor_ms
        self._by_expiry = [(expires, id_) for expires, id_ in held]
        heapq.heapify(self._by_expiry)
        self._ids = {id_ for _, id_ in self._by_expiry}

    def __contains__(self, id_: str) -> bool:
        return id_ in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def full(self, at_ms: int) -> bool:
        """Whether there is no room for a command given at a time."""
        if len(self._ids) < HELD_MAX:
            return False
        floor_ms = max(self.floor_ms, at_ms - SKEW_MS)
        return sum(expires > floor_ms for expires, _ in self._by_expiry) >= HELD_MAX

    def repeated(self, command: CommandBase) -> Ground:
        """Why a command may be one that was carried out, or cannot be told from one; else None."""
        if not command.id:
            return None
        if command.id in self:
            return "duplicate_command", f"expected a new id, got {command.id!r} again"
        if command.expires <= self.floor_ms:
            late = (self.floor_ms - command.expires) / 1000
            text = f"expected a command that is still good, got one {late:.0f} s after it expired"
            return "expired_command", f"{text}; give it anew if it is still wanted"
        if self.full(command.at):
            text = f"expected at most {HELD_MAX} commands that have not expired, got more"
            return "too_many_commands", f"{text}; wait until some have expired"
        return None

    def add(self, id_: str, at_ms: int, expires_ms: int) -> None:
        """Hold the id of a command that is carried out, and drop what can not come again."""
        self.floor_ms = max(self.floor_ms, at_ms - SKEW_MS)
        heapq.heappush(self._by_expiry, (expires_ms, id_))
        self._ids.add(id_)
        while self._by_expiry and self._by_expiry[0][0] <= self.floor_ms:
            self._ids.discard(heapq.heappop(self._by_expiry)[1])

    def state(self) -> list[Any]:
        """For a snapshot: the arguments that make the same again."""
        return _arguments(self.floor_ms, self._by_expiry)

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now: no more than references, sorted later."""
        state = partial(_arguments, self.floor_ms, list(self._by_expiry))
        return SlicedCopy(lambda _: 0, state)


def _arguments(floor_ms: int, by_expiry: list[tuple[int, str]]) -> list[Any]:
    return [floor_ms, [list(held) for held in sorted(by_expiry)]]
