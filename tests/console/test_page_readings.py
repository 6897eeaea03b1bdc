"""What was measured stands behind trends, with limits and what was refused, or why it cannot."""

import os
import re

import pytest
from playwright.async_api import expect

from tests.console.conftest import OpenPage
from tests.console.test_page_looks import SHOTS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
CHANNEL = "/channel/water/water.dma-0401.pressure"
INCIDENT = f"/incident/i-{0:016x}"


async def test_a_channel_shows_readings_limits_and_what_was_refused(open_page: OpenPage) -> None:
    async with open_page(CHANNEL) as (page, _):
        await expect(page.locator(".trend")).to_have_attribute("data-readings", "240")
        await expect(page.locator(".readings")).to_contain_text("below 0.28 yellow")
        await expect(page.locator(".readings")).to_contain_text("water/pressure.yaml:7")
        refused = page.locator(".readings summary")
        await expect(refused).to_contain_text("3 refused")
        await expect(refused).to_contain_text("changes too fast 2")
        await refused.click()
        await expect(page.locator(".readings details li")).to_have_count(3)


async def test_how_far_back_is_a_choice(open_page: OpenPage) -> None:
    async with open_page(CHANNEL) as (page, _):
        async with page.expect_request(re.compile("minutes=360")):
            await page.get_by_role("button", name="6 h").click()
        chosen = page.get_by_role("button", name="6 h")
        await expect(chosen).to_have_attribute("aria-pressed", "true")


async def test_a_trend_reaches_as_far_as_the_log_and_says_how_it_was_read(
    open_page: OpenPage,
) -> None:
    async with open_page(CHANNEL) as (page, _):
        async with page.expect_request(re.compile("minutes=10080")):
            await page.get_by_role("button", name="7 d", exact=True).click()
        await expect(page.locator(".readings")).not_to_contain_text("short reads")
        async with page.expect_request(re.compile("minutes=43200")):
            await page.get_by_role("button", name="30 d").click()
        await expect(page.locator(".readings")).to_contain_text("120 short reads are spread")
        await expect(page.locator(".readings")).not_to_contain_text("The log begins")
        await page.get_by_role("button", name="90 d").click()
        await expect(page.locator(".readings")).to_contain_text("The log begins")
        if os.environ.get("TOCSIN_SCREENSHOTS"):
            await page.screenshot(path=SHOTS / "channel-months-1440.png")


async def test_an_incident_shows_readings_around_the_onset_of_its_first_members(
    open_page: OpenPage,
) -> None:
    async with open_page(INCIDENT) as (page, _):
        await expect(page.locator(".evidence .trend")).to_have_count(4)
        await page.get_by_role("button", name="Show readings").first.click()
        await expect(page.locator(".evidence .trend")).to_have_count(5)


async def test_brokers_that_are_away_are_said_and_asked_again(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        double.brokers = "away"
        await page.goto(page.url.rstrip("/") + CHANNEL)
        said = page.locator(".readings [role=status]")
        await expect(said).to_contain_text("the brokers do not give them")
        double.brokers = "live"
        await page.get_by_role("button", name="Read again").click()
        await expect(page.locator(".trend")).to_be_visible()
        await expect(said).to_have_count(0)


async def test_any_open_alarm_is_two_actions_from_the_city(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        double.members = 70
        await page.locator(".row a.what").first.click()
        alarms = page.locator(".evidence > ul > li")
        await expect(alarms).to_have_count(30)
        await page.get_by_role("button", name="40 more members").click()
        await expect(alarms).to_have_count(70)
        await page.go_back()
        await page.locator(".row a.what").nth(1).click()
        await page.locator(".evidence a").first.click()
        await expect(page.locator("h1")).to_contain_text("water.dma-0400.pressure")


async def test_a_channel_leads_to_its_neighbours_and_to_the_record_behind_an_alarm(
    open_page: OpenPage,
) -> None:
    async with open_page(CHANNEL) as (page, _):
        record = page.locator("details.record").first
        await record.locator("summary").click()
        await expect(record.locator("pre")).to_contain_text('"rule"')
        await expect(page.locator("code", has_text="tocsin explain")).to_be_visible()
        await page.get_by_role("link", name="water.dma-0401.flow").click()
        await expect(page.locator("h1")).to_contain_text("water.dma-0401.flow")
