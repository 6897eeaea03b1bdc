"""Notices lanes that stand although records wait for them and the brokers answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.ports.status import LaneStatus

NOBODY: Final = -1
_AT_WORK: Final = frozenset({"running", "replaying"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker may stand before its clients are made anew.

    Parameters
    ----------
    look_s : float
        Between looks.
    hungry_s : float
        A lane at work that waits for records which are there.
    lost_s : float
        A lane that cannot recover, and a worker that the group gives nothing: longer than any
        deadline within a recovery, and than a rebalance.
    most_s : float
        Each new try in vain doubles both, up to this: a client that is made anew disturbs others.
    """

    look_s: float = 3.0
    hungry_s: float = 12.0
    lost_s: float = 100.0
    most_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class _Stand:
    """A lane that stood at a look, and since when."""

    status: LaneStatus | None
    position: int
    at_work: bool
    hungry_s: float
    since: float


class Watchdog:
    """Looks at lanes from outside: what counts is whether their positions move.

    A long snapshot, a long batch or a slow sink is not hunger: a lane counts the time that it
    waited for records itself. Brokers that do not answer are no reason either: a new client would
    find the same.

    Parameters
    ----------
    owned : callable
        The worker's lanes by number.
    settled : callable
        Whether the group has said which lanes the worker has.
    ends : callable
        Ends of some lanes' logs by number, None when no broker says them.
    patience : Patience, optional
    """

    def __init__(
        self,
        owned: Callable[[], Mapping[int, LaneStatus]],
        settled: Callable[[], bool],
        ends: Callable[[Sequence[int]], Awaitable[dict[int, int] | None]],
        patience: Patience | None = None,
    ) -> None:
        self._owned = owned
        self._settled = settled
        self._ends = ends
        self._patience = patience or Patience()
        self._stands: dict[int, _Stand] = {}
        self._in_vain: dict[int, int] = {}  # tries by lane since it last moved

    async def until_stuck(self) -> str:
        """Wait until clients should be made anew; why."""
        self._stands.clear()
        while True:
            await asyncio.sleep(self._patience.look_s)
            ends = await self._ask()
            if ends is None:
                self._stands.clear()
                continue
            self._note(ends, time.monotonic())
            for number, stand in self._stands.items():
                if waited_s := self._too_long(number, stand):
                    self._in_vain[number] = self._in_vain.get(number, 0) + 1
                    return f"{_told(stand)}, for {waited_s:.0f} s while brokers answer"

    def _lanes(self) -> dict[int, LaneStatus]:
        return {n: status for n, status in self._owned().items() if status.phase != "failed"}

    async def _ask(self) -> dict[int, int] | None:
        """Ends of the lanes' logs; where nothing was given, whether anybody answers."""
        numbers = sorted(self._lanes()) or ([] if self._settled() else [0])
        return await self._ends(numbers) if numbers else {}

    def _note(self, ends: Mapping[int, int], now: float) -> None:
        """Keep the older of two stands at one place; whoever moved or waits for nothing is well."""
        stands: dict[int, _Stand] = {}
        lanes = self._lanes()
        for number, status in lanes.items():
            stand = _Stand(status, status.position, status.phase in _AT_WORK, status.hungry_s, now)
            former = self._stands.get(number)
            waits = ends.get(number, 0) > status.position
            if former is not None and waits and _same(former, stand):
                stands[number] = former
                continue
            if waits:
                stands[number] = stand
            if stand.at_work and (not waits or (former is not None and _moved(former, stand))):
                self._in_vain.pop(number, None)
        if not lanes and not self._settled():
            stands[NOBODY] = self._stands.get(NOBODY, _Stand(None, 0, False, 0.0, now))
        self._stands = stands

    def _too_long(self, number: int, stand: _Stand) -> float:
        """Seconds that a lane has stood, 0 while it is not yet too long."""
        patience = self._patience
        limit_s = patience.hungry_s if stand.at_work else patience.lost_s
        limit_s = min(limit_s * 2 ** self._in_vain.get(number, 0), patience.most_s)
        if stand.status is not None and stand.at_work:
            waited_s = stand.status.hungry_s - stand.hungry_s
        else:
            waited_s = time.monotonic() - stand.since
        return waited_s if waited_s >= limit_s else 0.0


def _same(one: _Stand, other: _Stand) -> bool:
    place = (one.position, one.at_work)
    return one.status is other.status and place == (other.position, other.at_work)


def _moved(former: _Stand, now: _Stand) -> bool:
    return former.status is now.status and former.at_work and former.position < now.position


def _told(stand: _Stand) -> str:
    status = stand.status
    if status is None:
        return "the worker: the group gives it nothing"
    if not stand.at_work:
        return f"{status.name}: cannot recover ({status.trouble})"
    return f"{status.name}: waits at {stand.position} although records wait there"
