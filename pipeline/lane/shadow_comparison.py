"""How a shadow's alarms compare with those that rang: pairs, leads, load."""

from bisect import bisect_left
from datetime import datetime
from typing import Any, Final

import msgspec

from contracts.ports.lane_log import Message
from contracts.ports.status import LEADS_S, ShadowStatus

TOGETHER_MS: Final = 3_600_000  # rings of one rule on one channel within an hour are one finding
LATE_MS: Final = 86_400_000  # no reading that comes later than this can ring
PENDING_MAX: Final = 64  # rings of one rule on one channel that wait for the other side's
DAY_S: Final = 86_400
LIVE, SHADOW = 0, 1


class _Rule(msgspec.Struct):
    name: str


class _Rung(msgspec.Struct):
    """What is read of a revision."""

    revision: int
    channel: str
    detected: str
    rule: _Rule


_DECODER: Final = msgspec.json.Decoder(_Rung)


class ShadowComparison:
    """Rings of both sides since a shadow began, and which belong together.

    For each rule on each channel the earliest ring of one side that has no partner is held against
    the other side's: within an hour they are one finding, else the earlier one stands alone. That
    does not depend on which side is heard first.

    Parameters
    ----------
    state : dict, optional
        From `state`.
    """

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self._rings: list[int] = list(state.get("rings", (0, 0)))
        self._both: int = state.get("both", 0)
        self._leads: list[int] = list(state.get("leads", [0] * (len(LEADS_S) + 1)))
        self._pending: dict[tuple[str, str], tuple[list[int], list[int]]] = {
            (channel, rule): (list(live), list(shadow))
            for channel, rule, live, shadow in state.get("pending", ())
        }

    def state(self) -> dict[str, Any]:
        """Everything, as plain data."""
        pending = [[*key, *sides] for key, sides in sorted(self._pending.items())]
        counts = {"rings": list(self._rings), "both": self._both, "leads": list(self._leads)}
        return {**counts, "pending": [[c, r, list(a), list(b)] for c, r, a, b in pending]}

    def hear(self, side: int, messages: list[Message]) -> None:
        """Note the rings among some outputs of one side."""
        for message in messages:
            if message.kind == "alarm":
                rung = _DECODER.decode(message.body)
                if rung.revision == 1:
                    self._note(side, rung)

    def _note(self, side: int, rung: _Rung) -> None:
        self._rings[side] += 1
        sides = self._pending.setdefault((rung.channel, rung.rule.name), ([], []))
        if len(sides[side]) < PENDING_MAX:
            moment = datetime.fromisoformat(rung.detected)
            sides[side].append(round(moment.timestamp() * 1000))

    def settle(self, lane_time_s: int) -> None:
        """Pair what both sides have told, and forget what no ring can belong to any more."""
        oldest = lane_time_s * 1000 - TOGETHER_MS - LATE_MS
        for key, (live, shadow) in list(self._pending.items()):
            while live and shadow:
                self._pair(live, shadow)
            for side in (live, shadow):
                while side and side[0] < oldest:
                    del side[0]
            if not live and not shadow:
                del self._pending[key]

    def _pair(self, live: list[int], shadow: list[int]) -> None:
        lead = live[0] - shadow[0]
        if abs(lead) <= TOGETHER_MS:
            self._both += 1
            self._leads[bisect_left(LEADS_S, lead / 1000)] += 1
            del live[0], shadow[0]
        elif lead < 0:
            del live[0]
        else:
            del shadow[0]

    def status(self, config: str, since_s: int, lane_time_s: int) -> ShadowStatus:
        """Numbers for Prometheus and people."""
        live, shadow = self._rings
        days = max(lane_time_s - since_s, 1) / DAY_S
        only = (live - self._both, shadow - self._both)
        load = (live / days, shadow / days)
        return ShadowStatus(config, self._both, *only, *load, tuple(self._leads))
