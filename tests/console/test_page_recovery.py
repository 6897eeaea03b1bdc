"""How lifelines recovered, two actions from the city: curves, intervals, shares before phases."""

import re

import pytest
from playwright.async_api import expect

from tests.console.conftest import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
INCIDENT = f"/incident/i-{0:016x}"


async def test_the_recovery_of_an_incident_is_two_actions_from_the_city(
    open_page: OpenPage,
) -> None:
    async with open_page("/") as (page, _):
        await page.get_by_role("link", name="Recovery").click()
        await expect(page.locator("section[data-lifeline] .curve svg")).to_have_count(2)
        await page.get_by_role("link", name="Feeder F-12 has lost its supply").click()
        await expect(page.locator("h1")).to_contain_text("Feeder F-12 has lost its supply")
        water = page.locator("section[data-lifeline=water]")
        await expect(water).to_contain_text("71.0 % to 94.0 %")
        await expect(water).to_contain_text("service is not back")
        acknowledged = water.locator("td", has_text="9.0 % to 31.0 %")
        await expect(acknowledged).to_contain_text("acknowledged after 6 min")
        power = page.locator("section[data-lifeline=power]")
        await expect(power).to_contain_text(re.compile("service back .* after it began"))
        await expect(page.locator("article")).to_contain_text("A second feed of water.pump-02")


async def test_an_incident_leads_to_its_recovery_and_back(open_page: OpenPage) -> None:
    async with open_page(INCIDENT) as (page, _):
        await page.locator("main").get_by_role("link", name="Recovery").click()
        await expect(page.locator(".curve svg").first).to_have_attribute(
            "aria-label", re.compile("Power: share served from .*, lowest 82.0 %, last 100.0 %")
        )
        await page.locator("main").get_by_role("link", name="Incident").click()
        await expect(page).to_have_url(re.compile(f"{INCIDENT}$"))


async def test_how_far_back_is_part_of_the_address(open_page: OpenPage) -> None:
    async with open_page("/lists/recovery") as (page, _):
        async with page.expect_request(re.compile("recovery.days=7")):
            await page.get_by_role("button", name="7 d").click()
        await expect(page).to_have_url(re.compile("days=7"))
        async with page.expect_request(re.compile("recovery.days=7")):
            await page.get_by_role("button", name="Work out again").click()


async def test_what_is_blind_is_a_field_between_two_lines(open_page: OpenPage) -> None:
    async with open_page("/lists/recovery") as (page, _):
        lines = page.locator("section[data-lifeline=water] polyline")
        ends = [(await lines.nth(at).get_attribute("points") or "").split(" ")[-1] for at in (0, 1)]
        assert ends[0] != ends[1], "all lost, and all served"
        known = page.locator("section[data-lifeline=power] polyline")
        same = {await known.nth(at).get_attribute("points") for at in (0, 1)}
        assert len(same) == 1


async def test_a_history_that_cannot_tell_is_said_and_asked_again(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        double.history = "away"
        await page.goto(page.url.rstrip("/") + "/lists/recovery")
        await expect(page.locator("[role=status].wrong")).to_contain_text("the history is away")
        double.history = "live"
        await page.get_by_role("button", name="Work out again").click()
        await expect(page.locator(".curve svg")).to_have_count(2)
