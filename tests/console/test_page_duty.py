"""Own duty: who has what, by when, what goes to the next shift; and a channel that is shelved."""

import re
import time

import pytest
from playwright.async_api import expect

from tests.console.conftest import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
CHANNEL = "/channel/water/water.dma-0401.pressure"


async def test_own_duty_is_one_action_away_and_says_who_has_what(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        for line in double.lines[:3]:
            line["owner"] = "li.wei"
        duty = page.get_by_role("link", name="Duty", exact=True)
        await expect(duty).to_have_attribute("title", "On duty: li.wei, zhao.min")
        await duty.click()
        await expect(page.locator("div.own")).to_contain_text("On duty: li.wei, zhao.min")
        sections = page.locator("article.duty > section")
        await expect(sections.first).to_have_attribute("aria-label", "Yours")
        await expect(sections.first.locator("li")).to_have_count(3)
        await expect(sections.nth(1)).to_have_attribute("aria-label", "Nobody has it")
        await expect(sections.nth(2)).to_have_attribute("aria-label", "wang.fang has")
        open_ = len(double.lines)
        unacknowledged = sum(not line["acknowledged"] for line in double.lines)
        await expect(page.locator("article.duty")).to_contain_text(
            f"{open_} open, {unacknowledged} not acknowledged, 0 overdue"
        )
        await expect(page.locator("article.duty")).to_contain_text(re.compile(r"next deadline \d:"))
        await expect(page.locator("article.duty")).to_contain_text("flushing, order 7731")
        await page.get_by_text("Sheet for the next shift").click()
        await expect(page.locator(".sheet")).to_contain_text("Nothing open.")


async def test_the_desk_is_part_of_the_address(open_page: OpenPage) -> None:
    async with open_page("/lists/duty") as (page, _):
        async with page.expect_request(re.compile("incidents.*desk=water-310101")):
            await page.get_by_label("Desk").first.select_option("")
            await page.goto(page.url.partition("?")[0] + "?desk=water-310101")
        await expect(page.get_by_label("Desk").first).to_have_value("water-310101")


async def test_all_that_the_reader_has_is_handed_over_at_once(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        for line in double.lines[:3]:
            line["owner"] = "li.wei"
        await page.goto(page.url.rstrip("/") + "/lists/duty")
        form = page.get_by_role("form", name="Hand over yours")
        await form.get_by_label("To whom").fill("zhao.min")
        await form.get_by_role("button", name="Hand over yours (3)").click()
        await expect(page.get_by_role("region", name="zhao.min has").locator("li")).to_have_count(3)
        await expect(form).to_have_count(0)
        (command,) = double.commands
        assert (command["kind"], command["owner"]) == ("assign", "zhao.min")
        assert command["targets"] == [line["id"] for line in double.lines[:3]]
        assert "shift" in command["reason"]


async def test_who_may_not_assign_hands_nothing_over(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        double.lines[0]["owner"] = "li.wei"
        double.may = ["acknowledge"]
        await page.goto(page.url.rstrip("/") + "/lists/duty")
        await expect(page.get_by_role("region", name="Yours")).to_be_visible()
        await expect(page.get_by_role("form", name="Hand over yours")).to_have_count(0)


async def test_a_channel_is_shelved_from_its_page_with_reason_and_end_and_shown_again(
    open_page: OpenPage,
) -> None:
    async with open_page(CHANNEL) as (page, double):
        await expect(page.get_by_role("button", name="Shelve")).to_be_enabled()
        await page.keyboard.press("s")
        form = page.get_by_role("form", name="Shelve")
        await form.get_by_role("button", name="Send").click()
        assert not double.commands, "a reason is needed"
        await form.get_by_label("Reason").fill("burst main")
        await form.get_by_label("For").select_option("120")
        before_ms = int(time.time() * 1000)
        await form.get_by_role("button", name="Send").click()
        await expect(page.locator(".notice")).to_contain_text("burst main")
        shelve = double.commands[0]
        assert (shelve["kind"], shelve["target"]) == ("shelve", CHANNEL.rpartition("/")[2])
        assert abs(shelve["until"] - before_ms - 7_200_000) < 60_000
        await page.get_by_role("button", name="Show again").click()
        await expect(page.locator(".notice")).to_have_count(0)
        assert double.commands[1]["kind"] == "unshelve"


async def test_who_may_not_shelve_has_no_button_for_it(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        double.may = ["acknowledge"]
        await page.goto(page.url.rstrip("/") + CHANNEL)
        await expect(page.locator("h1")).to_contain_text("water.dma-0401")
        await expect(page.get_by_role("button", name="Shelve")).to_have_count(0)
