"""How lifelines recovered: equal to hand computation, bounded, and a refusal where it cannot be."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.recovery import DAYS_MAX
from contracts.alarm import RungBy, decode_alarm
from contracts.desk.incident import Incident, Step
from contracts.errors import RetryableError
from contracts.ports.recovery import Recovery
from tests.console.server.conftest import Centre, Person
from tests.testkit.console.made import MadeHistory, made_console, rfc3339
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.topics import ALARMS, incident

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
ZONE, ZONE_PEOPLE = "dma-0401", 2_500
MINUTE = 60


async def asked(person: Person, address: str) -> tuple[int, Any]:
    """Status and body of an answer."""
    async with person.browser.get(address) as answer:
        return answer.status, await answer.json()


def outage(made: MadeHistory, now_s: int, **changed: Any) -> None:
    """A zone without water from 30 to 10 minutes ago, detected after five."""
    zone = {"asset": ZONE, "channel": f"water.{ZONE}.pressure", "colour": "orange"}
    zone |= {"onset": rfc3339(now_s - 30 * MINUTE)} | changed
    made.write(
        (ALARMS, "revision", alarm(70, now_s - 25 * MINUTE, **zone)),
        (ALARMS, "revision", alarm(70, now_s - 10 * MINUTE, **zone, revision=2, state="cleared")),
    )


def answered(now_s: int) -> Incident:
    """The incident of that outage: acknowledged after 15 minutes, on site after 20."""
    told = incident(70, 1)
    ticket = msgspec.structs.replace(
        told.ticket,
        history=[
            Step(rfc3339(now_s - 15 * MINUTE), "acknowledged", "li.wei"),
            Step(rfc3339(now_s - 10 * MINUTE), "on site", "li.wei"),
        ],
    )
    onset, detected = rfc3339(now_s - 30 * MINUTE), rfc3339(now_s - 25 * MINUTE)
    situation = msgspec.structs.replace(told.situation, onset=onset, detected=detected)
    return msgspec.structs.replace(told, at=rfc3339(now_s), situation=situation, ticket=ticket)


async def test_an_incident_says_what_was_lost_before_each_phase_and_when_service_came_back(
    centre: Centre,
) -> None:
    now_s = int(time.time())
    outage(centre.made, now_s)
    told = answered(now_s)
    centre.made.tell(told)
    person = await centre.person("viewer")
    found = await person.get(f"/api/recovery/{told.id}")
    (water,) = found["lifelines"]
    assert (water["lifeline"], water["unit"]) == ("water", "people")
    lowest = 1 - ZONE_PEOPLE / water["of"]
    assert water["lowest"] == pytest.approx([lowest, lowest])
    assert water["lost_minutes"] == pytest.approx([20 * ZONE_PEOPLE] * 2)
    assert water["restored_ms"] == [(now_s - 10 * MINUTE) * 1000] * 2
    assert water["before"]["detected"] == pytest.approx([0.25, 0.25])
    assert water["before"]["acknowledged"] == pytest.approx([0.75, 0.75])
    assert water["before"]["arrived"] == pytest.approx([1.0, 1.0])
    assert water["before"]["dispatched"] is None
    assert found["moments_ms"]["acknowledged"] == (now_s - 15 * MINUTE) * 1000
    assert found["over"]
    assert [point[1] for point in water["curve"]][:3] == pytest.approx([1, lowest, lowest])


async def test_a_period_says_what_every_lifeline_lost_and_by_which_incident(
    centre: Centre,
) -> None:
    now_s = int(time.time())
    outage(centre.made, now_s)
    told = answered(now_s)
    centre.made.tell(told)
    person = await centre.person("viewer")
    found = await person.get("/api/recovery?days=7")
    (water,) = found["lifelines"]
    assert water["lost_minutes"] == pytest.approx([20 * ZONE_PEOPLE] * 2)
    assert water["now"] == [1.0, 1.0]
    (taken,) = found["incidents"]
    assert (taken["incident"], taken["lifeline"]) == (told.id, "water")
    assert taken["title"] == told.situation.title
    assert taken["lost_minutes"] == pytest.approx(20 * ZONE_PEOPLE)
    assert found["ends_ms"] - found["begins_ms"] == pytest.approx(7 * 86_400_000, abs=120_000)
    assert found["as_of_ms"] == found["ends_ms"]


async def test_what_is_blind_is_an_interval(centre: Centre) -> None:
    outage(centre.made, int(time.time()), rule=_silent())
    person = await centre.person("viewer")
    (water,) = (await person.get("/api/recovery"))["lifelines"]
    assert water["lowest"] == pytest.approx([1 - ZONE_PEOPLE / water["of"], 1.0])
    assert water["lost_minutes"] == pytest.approx([0, 20 * ZONE_PEOPLE])


def _silent() -> RungBy:
    """What rings when a channel has gone silent."""
    return msgspec.structs.replace(decode_alarm(alarm(70)).rule, name="silent")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("?days=0", 400),
        (f"?days={DAYS_MAX + 1}", 400),
        ("?days=x", 400),
        ("/i-00000000000000ff", 404),
        ("/water.dma-0401", 404),
    ],
)
async def test_what_is_asked_has_bounds(centre: Centre, address: str, status: int) -> None:
    person = await centre.person("viewer")
    assert (await asked(person, f"/api/recovery{address}"))[0] == status


async def test_who_has_not_signed_in_is_told_nothing(centre: Centre) -> None:
    person = await centre.person()
    assert (await asked(person, "/api/recovery"))[0] == 401


class AwayRecoveries:
    """`Recoveries` that cannot be had until a test lets them."""

    def __init__(self) -> None:
        self.away, self.calls = True, 0

    async def since(self, begins_ms: int) -> Recovery:
        """See `Recoveries`."""
        self.calls += 1
        if self.away:
            msg = "history: no answer"
            raise RetryableError(msg, 1.0)
        return Recovery(begins_ms, begins_ms + 1, [], 0)

    async def of_incident(self, incident: str) -> Recovery:
        """See `Recoveries`."""
        raise NotImplementedError(incident)


async def test_what_cannot_be_worked_out_is_a_503_and_is_asked_again_and_then_kept(
    tmp_path: Path,
) -> None:
    made, away = MadeHistory(tmp_path / "history.sqlite"), AwayRecoveries()
    console = made_console(tmp_path, made, recoveries=away)
    await console.start()
    person = Person(console)
    assert await person.sign_in("viewer") == 200
    status, said = await asked(person, "/api/recovery")
    assert (status, said["error"]) == (503, "recovery_away")
    assert "no answer" in said["detail"]
    away.away = False
    days = [await person.get(f"/api/recovery?days={days}") for days in (2, 2, 2)]
    assert all(one["lifelines"] == [] for one in days)
    assert away.calls <= 3, "one that failed, one that is kept; a minute may turn between"
    await person.browser.close()
    await console.stop()
    made.close()
