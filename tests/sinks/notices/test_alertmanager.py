"""What an Alertmanager is sent: one alert for each desk and incident, whose labels never change."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from contracts.desk.receiver import AlertmanagerTarget
from contracts.quantities import Duration
from sinks.notices import alertmanager as module
from sinks.notices.alertmanager import Alertmanager
from sinks.notices.transport import Telling
from tests.testkit.desk.notices import Hook, WoundTimer, hook, notice


@asynccontextmanager
async def sending() -> AsyncIterator[tuple[Alertmanager, Hook, WoundTimer]]:
    async with hook() as server, aiohttp.ClientSession() as session:
        root = server.url.removesuffix("hook")
        target = AlertmanagerTarget(url=root, resend=Duration("30 s"), labels={"team": "water"})
        timer = WoundTimer()
        yield Alertmanager(target, session, timer), server, timer


def alerts(server: Hook) -> list[dict[str, Any]]:
    """Those of the newest request."""
    found: list[dict[str, Any]] = json.loads(server.requests[-1][1])
    return found


def ahead_s(alert: dict[str, Any], timer: WoundTimer, which: str = "endsAt") -> float:
    return datetime.fromisoformat(alert[which]).timestamp() - timer.now_ms() / 1000


async def test_a_worse_colour_is_the_same_alert_and_its_end_is_three_resends_away() -> None:
    async with sending() as (transport, server, timer):
        await transport.tell(Telling(notice(0, colour="yellow")))
        (first,) = alerts(server)
        worse = notice(1, colour="red", reason="colour", revision=2, acknowledge_by="soon")
        await transport.tell(Telling(worse, late_s=70))
        (then,) = alerts(server)
        assert then["labels"] == first["labels"]
        assert first["labels"] == {
            "alertname": "TocsinIncident",
            "incident": "i-0123456789abcdef",
            "desk": "city",
            "level": "city",
            "team": "water",
        }
        told = then["annotations"]
        assert (told["colour"], told["late_s"], told["acknowledge_by"]) == ("red", "70", "soon")
        assert "late_s" not in first["annotations"]
        assert ahead_s(then, timer) == 90.0
        assert set(server.paths) == {"/api/v2/alerts"}


@pytest.mark.parametrize("reason", ["over", "merged"])
async def test_an_end_is_now_and_never_before_its_beginning(reason: str) -> None:
    async with sending() as (transport, server, timer):
        tomorrow = datetime.fromtimestamp(timer.now_ms() / 1000 + 86_400).astimezone().isoformat()
        await transport.tell(Telling(notice(0, reason=reason, at=tomorrow)))
        (alert,) = alerts(server)
        assert ahead_s(alert, timer) == ahead_s(alert, timer, "startsAt") == 0.0


async def test_a_list_is_an_alert_of_its_own_and_a_drill_says_so() -> None:
    async with sending() as (transport, server, _):
        await transport.tell(Telling(notice(0, incident="", reason="summary", drill=True)))
        (alert,) = alerts(server)
        assert alert["labels"]["alertname"] == "TocsinSummary"
        assert alert["labels"]["notice"] == "n-0"
        assert alert["labels"]["drill"] == "true"


async def test_what_is_open_is_told_again_in_requests_of_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ALERTS_A_REQUEST", 2)
    async with sending() as (transport, server, _):
        answer = await transport.resend([notice(one, incident=f"i-{one}") for one in range(5)])
        assert answer.kind == "delivered"
        assert [len(json.loads(body)) for _, body in server.requests] == [2, 2, 1]
        server.script = [503]
        answer = await transport.resend([notice(0), notice(1), notice(2)])
        assert answer.kind == "retry"
        assert len(server.requests) == 4
