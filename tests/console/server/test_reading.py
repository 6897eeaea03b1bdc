"""What a signed-in person reads."""

import asyncio
import time
from urllib.parse import urlencode

import msgspec
import pytest

from tests.console.server.conftest import Centre
from tests.testkit.console.made import rfc3339
from tests.testkit.desk.alarms import shelving
from tests.testkit.desk.topics import NAMES, notice

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
IDS = [f"i-{number:016x}" for number in (2, 3, 1)]  # red, orange, yellow


async def test_the_city_shows_its_cells_and_desks(centre: Centre) -> None:
    person = await centre.person("viewer")
    city = await person.get("/api/city")
    (cell,) = city["cells"]
    assert (cell["lifeline"], cell["district"], cell["colour"]) == ("water", "310101", "red")
    assert (cell["open"], cell["unacknowledged"], cell["today"]) == (3, 3, 3)
    assert city["colours"] == {"red": 1, "orange": 1, "yellow": 1}
    desk = next(one for one in city["desks"] if one["name"] == "water-310101")
    assert (desk["notices_10min"], desk["flood"]) == (3, False)
    (district,) = city["districts"]
    assert (district["name"], district["title"]) == ("310101", {"en": "Old Town", "zh": "老城区"})
    (ring,) = district["outline"]
    assert ring[0] == ring[-1]
    assert all(121 < lon < 122 and 31 < lat < 32 for lon, lat in ring)


async def test_a_cell_leaves_out_what_is_shelved_of_what_waits(centre: Centre) -> None:
    person = await centre.person("viewer")

    async def cell() -> tuple[int, int]:
        cells = (await person.get("/api/city"))["cells"]
        here = next(one for one in cells if (one["lifeline"], one["open"]) == ("water", 3))
        return here["open"], here["unacknowledged"]

    assert await cell() == (3, 3)
    centre.made.write((NAMES.alarms("water"), "shelving", shelving("water.feed-1.flow")))
    while await cell() != (3, 2):  # noqa: ASYNC110 - by polling alone
        await asyncio.sleep(0.05)


async def test_desks_show_their_load_and_what_is_blind_by_their_last_heartbeat(
    centre: Centre,
) -> None:
    person = await centre.person("viewer")
    rows = (await person.get("/api/desks"))["rows"]
    known = next(row for row in rows if row["desk"] == "water-310101")
    assert (known["notices_10min"], known["blind"], known["said"]) == (3, 0, None)
    for number, blind in ((90, 3), (91, 2)):
        text = {"en": f"{blind} blind areas", "zh": f"{blind} 个区域失去监测"}
        counts = {"channels": 1_000, "watched": 987, "blind areas": blind}
        made = notice(number, number, "water-310101")
        at = rfc3339(int(time.time()) + number)
        beat = msgspec.structs.replace(
            made, reason="heartbeat", at=at, text=text, counts=counts, incident=""
        )
        centre.made.write((NAMES.notices, "notice", msgspec.json.encode(beat)))
    while (row := (await person.get("/api/desks"))["rows"][0])["blind"] != 2:  # noqa: ASYNC110 - by polling alone
        await asyncio.sleep(0.05)
    assert (row["desk"], row["watched"]) == ("water-310101", 0.987)
    assert row["said"] == {"en": "2 blind areas", "zh": "2 个区域失去监测"}
    assert row["heard_ms"] > time.time() * 1000
    assert (known["on_duty"], row["on_duty"]) == ([], ["li.wei"])
    city = await person.get("/api/city")
    assert next(one for one in city["desks"] if one["name"] == "water-310101")["blind"] == 2


async def test_incidents_come_by_urgency_and_page_by_page(centre: Centre) -> None:
    person = await centre.person("viewer")
    first = await person.get("/api/incidents?limit=2")
    assert [line["id"] for line in first["incidents"]] == IDS[:2]
    assert first["more"]
    rest = await person.get(f"/api/incidents?limit=2&after={IDS[1]}")
    assert [line["id"] for line in rest["incidents"]] == IDS[2:]
    assert not rest["more"]
    (line,) = (await person.get("/api/incidents?colour=red&desk=water-310101"))["incidents"]
    assert (line["lifelines"], line["due_for"], line["overdue"]) == (
        ["water"],
        "acknowledge",
        False,
    )
    assert not (await person.get("/api/incidents?district=999"))["incidents"]


async def test_an_incident_comes_with_its_alarms_timeline_and_next_steps(centre: Centre) -> None:
    person = await centre.person("operator")
    page = await person.get(f"/api/incidents/{IDS[0]}")
    assert page["incident"]["id"] == page["line"]["id"] == IDS[0]
    assert [one["alarm"]["channel"] for one in page["alarms"]] == ["water.feed-2.flow"]
    assert {entry["kind"] for entry in page["timeline"]} == {"alarm", "incident", "notice"}
    assert page["next"] == ["verified", "dispatched", "returned", "parked"]
    assert "acknowledge" in page["may"]
    assert "close" not in page["may"]


async def test_lists_and_channels(centre: Centre) -> None:
    person = await centre.person("viewer")
    channel = await person.get("/api/channels/water/water.feed-01.flow")
    assert (channel["lifeline"], channel["unit"]) == ("water", "l/s")
    assert any(rule["file"].endswith(".yaml") and rule["line"] for rule in channel["rules"])
    alarms = (await person.get("/api/alarms?channel=water.feed-2.flow"))["alarms"]
    assert alarms[0]["record"]["colour"] == "red"
    for name in ("shelvings", "withheld", "audit", "orders"):
        assert (await person.get(f"/api/{name}"))["rows"] == []
    assert "3 open incidents" in (await person.get("/api/handover"))["en"]


@pytest.mark.parametrize("role", ["viewer", "operator", "supervisor", "engineer"])
async def test_a_channel_says_who_may_shelve_it(centre: Centre, role: str) -> None:
    person = await centre.person(role)
    channel = await person.get("/api/channels/water/water.feed-01.flow")
    allowed = ["shelve", "unshelve"] if role in {"supervisor", "engineer"} else []
    assert channel["may"] == allowed


async def test_a_map_has_the_assets_of_its_lifeline_and_district(centre: Centre) -> None:
    person = await centre.person("viewer")

    async def ids(**asked: str) -> set[str]:
        found = await person.get(f"/api/assets?{urlencode(asked)}")
        return {asset["id"] for asset in found["assets"]}

    every, water = await ids(), await ids(lifeline="water")
    assert every > water > set()
    assert await ids(lifeline="water", district="310101") == water
    assert every - await ids(district="310101") == {
        "metro.train-0107-c1", "metro.train-0107-c2", "telecom.gateway-01",
    }, "an asset without a channel lies nowhere"  # fmt: skip
    assert await ids(district="nowhere") == set()


async def test_what_is_not_there_or_no_number_is_refused_in_both_languages(centre: Centre) -> None:
    person = await centre.person("viewer")
    wrong = {"/api/incidents/i-0": 404, "/api/incidents?limit=x": 400, "/api/nothing": 404}
    for path, status in wrong.items():
        async with person.browser.get(path) as answer:
            assert answer.status == status, path
            assert (await answer.json())["message"].keys() == {"en", "zh"}


async def test_answers_close_the_doors_of_browsers(centre: Centre) -> None:
    person = await centre.person("viewer")
    async with person.browser.get("/api/city") as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    async with person.browser.get("/static/..%2fserver.py") as answer:
        assert answer.status == 404
