"""How long a reading of the demo takes from the producer's hands to the alarm that it rings."""

import asyncio
import time
from collections import deque
from functools import partial
from typing import Any, Final

from contracts.alarm import Alarm

READINGS_MAX: Final = 20_000
DELAYS_MAX: Final = 10_000
SILENT: Final = "silent"
ON_LANE_TIME: Final = frozenset({SILENT, "invalid"})  # no reading rings these

Place = tuple[str, int, int]


class LatencyMeter:
    """Real time from handing a reading to the producer to hearing the alarm that it rang.

    Alarms that a timer rings, and no reading, are left out. Only the newest readings and delays are
    kept.
    """

    def __init__(self) -> None:
        self._began: dict[Place, float] = {}
        self._delays_s: deque[float] = deque(maxlen=DELAYS_MAX)

    def sent(self, acknowledged: "asyncio.Future[Any]", began_s: float) -> None:
        """Note a reading that was handed over at a moment of the monotonic clock."""
        acknowledged.add_done_callback(partial(self._acknowledged, began_s))

    def _acknowledged(self, began_s: float, sent: "asyncio.Future[Any]") -> None:
        if sent.cancelled() or sent.exception() is not None:
            return
        record = sent.result()
        self.lies((record.topic, record.partition, record.offset), began_s)

    def lies(self, place: Place, began_s: float) -> None:
        """Note where in the log a reading lies."""
        self._began[place] = began_s
        if len(self._began) > READINGS_MAX:
            del self._began[next(iter(self._began))]

    def heard(self, alarm: Alarm) -> None:
        """Note a revision that is heard now."""
        if alarm.rule.name in ON_LANE_TIME or not alarm.evidence:
            return
        proof = alarm.evidence[0]
        began_s = self._began.get((proof.topic, proof.partition, proof.last))
        if began_s is not None:
            self._delays_s.append(time.monotonic() - began_s)

    def p99_ms(self) -> float | None:
        """The delay that 99 of 100 alarms stay below; None before the first."""
        if not self._delays_s:
            return None
        delays = sorted(self._delays_s)
        return delays[max(0, -(-len(delays) * 99 // 100) - 1)] * 1000
