"""Notices as alerts of an Alertmanager."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import aiohttp
import msgspec

from contracts.desk.notice import Notice
from contracts.desk.receiver import AlertmanagerTarget
from contracts.ports.clock import Clock
from contracts.quantities import NS_PER_S
from sinks.notices.open_incidents import ENDS
from sinks.notices.transport import DELIVERED, Address, Answer, Telling, post

ALERTS_A_REQUEST: Final = 200
RESENDS: Final = 3  # so many may be missed before an alert ends by itself
_JSON: Final = {"Content-Type": "application/json"}


class Alertmanager:
    """`Transport` to the API v2 of an Alertmanager.

    An alert is what one desk knows of one incident: its labels never change while that is open, so
    that a worse colour is the same alert. Alertmanager drops what it is not told again, and one
    whose end is nearer than the next time would flap: the end is three times as far.

    Parameters
    ----------
    target : AlertmanagerTarget
    session : aiohttp.ClientSession
    clock : Clock
        For ends of alerts.
    """

    delays_s: Sequence[float] = (5.0, 15.0, 60.0)
    patience_s = 86_400.0 * 7
    follows = True
    refers = False

    def __init__(
        self, target: AlertmanagerTarget, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        self._target = target
        url = f"{target.url.rstrip('/')}/api/v2/alerts"
        self._address = Address(session, url, target.timeout.ns / NS_PER_S)
        self._clock = clock
        self._turns = asyncio.Lock()  # a resend on its way must not outlive the end of its alert
        self.resend_s = target.resend.ns / NS_PER_S

    async def tell(self, telling: Telling) -> Answer:
        """Open the alert, or end it."""
        return await self._post([telling])

    async def resend(self, notices: Sequence[Notice]) -> Answer:
        """Say of all that is open that it still is."""
        rest: Iterator[Telling] = map(Telling, notices)
        while some := list(islice(rest, ALERTS_A_REQUEST)):
            answer = await self._post(some)
            if answer.kind != "delivered":
                return answer
        return DELIVERED

    async def _post(self, tellings: Sequence[Telling]) -> Answer:
        async with self._turns:
            now_s = self._clock.now_ms() / 1000
            alerts = [self._alert(telling, now_s) for telling in tellings]
            return await post(self._address, msgspec.json.encode(alerts), _JSON)

    def _alert(self, telling: Telling, now_s: float) -> dict[str, Any]:
        notice = telling.notice
        ends_s = now_s if notice.reason in ENDS else now_s + RESENDS * self.resend_s
        # An end before its beginning is refused for good; clocks of two machines may differ so.
        starts_s = min(datetime.fromisoformat(notice.at).timestamp(), now_s)
        return {
            "labels": self._target.labels | labels_of(notice),
            "annotations": annotations_of(notice, telling.late_s),
            "startsAt": _text(starts_s),
            "endsAt": _text(ends_s),
        }


def _text(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")


def labels_of(notice: Notice) -> dict[str, str]:
    """What an alert is known by; nothing in it changes while its incident is open."""
    what = {"incident": notice.incident} if notice.incident else {"notice": notice.id}
    name = "TocsinIncident" if notice.incident else "TocsinSummary"
    drill = {"drill": "true"} if notice.drill else {}
    return {"alertname": name, **what, "desk": notice.desk, "level": notice.level, **drill}


def annotations_of(notice: Notice, late_s: int) -> dict[str, str]:
    """What an alert says now."""
    said = {
        "summary": notice.text.get("en", ""),
        "summary_zh": notice.text.get("zh", ""),
        "colour": notice.colour,
        "reason": notice.reason,
        "notice": notice.id,
        "people": ", ".join(notice.to),
        "acknowledge_by": notice.acknowledge_by,
        "late_s": str(late_s or ""),
    }
    return {name: text for name, text in said.items() if text}
