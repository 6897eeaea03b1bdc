"""Rules and dashboards, put to a real Prometheus that watches a real worker and desk stage."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.dashboard_rules import expressions
from tests.deploy.test_dashboards import PAGES
from tests.deploy.test_game_day import SHORT, drill
from tests.deploy.test_rules import FILES, METRICS, rules
from tests.testkit.faults.sensors import CALM
from tests.testkit.prometheus.drawing import chosen, draw, save
from tests.testkit.prometheus.watched_site import WatchedSite, quick_rules, until, watched_site

# Panels that show nothing while all is well, and why.
EMPTY = {
    "Alerts on the pipeline": "no alert fires",
    "Acknowledged in time": "nobody answers",
    "Channels that learn anew": "no configuration has changed",
    "Notices withheld by reason": "nothing was withheld",
    "Undecodable by reason": "each message can be decoded",
    "What works of each lifeline": "the site has no topology",
    "Findings by who rang": "there is no shadow",
    "Alarms a day": "there is no shadow",
    "Lead of the shadow, median": "there is no shadow",
}
# What counts in minutes counts in seconds here, and a busy machine's sensors pause for seconds; in
# real time nothing but the fault's own alert may ring, see `test_game_day`.
HASTY = {"TocsinReadingsHalved"}
LOW = 1.0  # of a level that rings orange
# Of a process that does not run here; what it tells is held against the alerts by itself.
ABSENT = "tocsin_notices_"


def swings(channel: str) -> float:
    """Some channels ring and clear every other moment, so that there is always something to say."""
    return LOW if channel.endswith("0.in") and time.time() // 2 % 2 else CALM


async def assert_rules_hold(watched: WatchedSite) -> None:
    """Each rule is evaluated without an error, and asks what is there."""
    server = watched.server
    for rule in rules():
        await server.query(rule["expr"])
    asked = {name for name in METRICS if not name.startswith(ABSENT)}
    assert {name for name in asked if not await server.query(name)} == set()
    groups = (await server.api("rules"))["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert len(found) == len(rules())
    assert [rule for rule in found if rule.get("lastError")] == []


async def assert_panels_are_filled(watched: WatchedSite) -> None:
    """Each expression of each dashboard returns data, but for what is empty while all is well."""
    for page in PAGES.values():
        for title, expression in expressions(page):
            query = partial(watched.server.query, chosen(expression))
            if title in EMPTY:
                await query()
            else:
                await until(query, f"{page['title']}: {title}: {expression}")


@pytest.mark.broker
@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_watched_site_fills_every_panel_and_rings_for_what_breaks(tmp_path: Path) -> None:
    began = time.time()
    files = [quick_rules(tmp_path), FILES[1]]
    async with watched_site(tmp_path, files) as watched:
        watched.sensors.value_of = swings
        await assert_panels_are_filled(watched)
        await assert_rules_hold(watched)
        page = PAGES["tocsin-city"]
        figure = await draw(page, watched.server, (began, time.time()))
        empty = [axes.get_title(loc="left") for axes in figure.axes if not axes.get_lines()]
        assert set(empty) <= set(EMPTY)
        save(figure, tmp_path / "city.png")
        assert (tmp_path / "city.png").read_bytes().startswith(b"\x89PNG")
        await until(watched.calm, "a calm site")
        for fault in SHORT:
            assert (await drill(watched, fault)).rung - HASTY == {fault.alert}
