"""Readings behind a trend: bounded, asked for once, and a refusal where there are none."""

import asyncio
from typing import Any

import pytest

from console.trends import AT_ONCE, MINUTES_MAX, WAITING_MAX
from contracts.errors import RetryableError
from contracts.ports.readings import RefusedReading
from tests.console.server.conftest import Centre, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
ADDRESS = "/api/readings/water/water.feed-01.flow"


async def asked(person: Person, address: str) -> tuple[int, Any]:
    """Status and body of an answer."""
    async with person.browser.get(address) as answer:
        return answer.status, await answer.json()


async def test_readings_come_with_limits_and_where_they_were_written(centre: Centre) -> None:
    centre.readings.refused = [RefusedReading(1, None, "not_finite")]
    person = await centre.person("viewer")
    found = await person.get(f"{ADDRESS}?minutes=30")
    assert (len(found["times_ms"]), found["unit"]) == (30, "l/s")
    assert found["end_ms"] - found["begin_ms"] == 30 * 60_000
    assert found["refused"] == [{"time_ms": 1, "value": None, "reason": "not_finite"}]
    limits = {(one["side"], one["colour"], one["value"]) for one in found["thresholds"]}
    assert ("low", "red", 30.0) in limits
    assert all(one["file"].endswith("flow_hourly.yaml") for one in found["thresholds"])
    ((lifeline, lane, channel, _),) = centre.readings.asked
    assert (lifeline, channel) == ("water", "water.feed-01.flow")
    assert lane >= 0


async def test_around_an_alarm_most_of_the_time_lies_before_it(centre: Centre) -> None:
    person, at = await centre.person("viewer"), 1_772_323_200_000
    found = await person.get(f"{ADDRESS}?minutes=60&at={at}")
    assert found["begin_ms"] == at - 45 * 60_000
    assert found["end_ms"] == at + 15 * 60_000


async def test_an_alarm_told_by_a_clock_that_leads_this_one_is_seen(centre: Centre) -> None:
    person = await centre.person("viewer")
    now_ms = (await person.get(f"{ADDRESS}?minutes=60"))["end_ms"]
    for ahead_ms in (1, 120_000, 14 * 60_000):
        found = await person.get(f"{ADDRESS}?minutes=60&at={now_ms + ahead_ms}")
        assert now_ms + ahead_ms < found["end_ms"] <= now_ms + 16 * 60_000
        assert found["end_ms"] - found["begin_ms"] == 60 * 60_000


async def test_a_moment_far_ahead_is_as_good_as_now(centre: Centre) -> None:
    person = await centre.person("viewer")
    now_ms = (await person.get(f"{ADDRESS}?minutes=60"))["end_ms"]
    found = await person.get(f"{ADDRESS}?minutes=60&at={2**53}")
    assert now_ms <= found["end_ms"] <= now_ms + 16 * 60_000


async def test_pages_that_ask_for_the_same_are_answered_by_one_look(centre: Centre) -> None:
    address = f"{ADDRESS}?at=1772323200000"
    people = [await centre.person("viewer") for _ in range(3)]
    answers = await asyncio.gather(*(person.get(address) for person in people))
    assert answers[0] == answers[1] == answers[2]
    await people[0].get(address)
    assert len(centre.readings.asked) == 1


async def test_brokers_that_are_away_are_a_503_with_the_reason_and_asked_again(
    centre: Centre,
) -> None:
    person = await centre.person("viewer")
    centre.readings.error = RetryableError("tocsin.telemetry.water[0]: no answer", 1.0)
    status, said = await asked(person, f"{ADDRESS}?at=1772323200000")
    assert (status, said["error"]) == (503, "readings_away")
    assert "no answer" in said["detail"]
    centre.readings.error = None
    assert (await asked(person, f"{ADDRESS}?at=1772323200000"))[0] == 200


async def test_few_are_read_at_once_and_too_many_are_refused(centre: Centre) -> None:
    person = await centre.person("viewer")
    centre.readings.may_answer.clear()
    moments = [1_772_323_200_000 + 60_000 * n for n in range(WAITING_MAX + 1)]
    asking = [asyncio.create_task(asked(person, f"{ADDRESS}?at={at}")) for at in moments]
    done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    assert [answer.result()[1]["error"] for answer in done] == ["readings_busy"]
    assert len(centre.readings.asked) == AT_ONCE
    centre.readings.may_answer.set()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [200] * WAITING_MAX


@pytest.mark.parametrize(
    ("query", "status"),
    [("minutes=0", 400), (f"minutes={MINUTES_MAX + 1}", 400), ("at=-1", 400), ("at=x", 400)],
)
async def test_windows_have_bounds(centre: Centre, query: str, status: int) -> None:
    person = await centre.person("viewer")
    assert (await asked(person, f"{ADDRESS}?{query}"))[0] == status
    assert not centre.readings.asked


async def test_a_channel_that_is_nowhere_is_not_found(centre: Centre) -> None:
    person = await centre.person("viewer")
    assert (await asked(person, "/api/readings/water/water.none"))[0] == 404
