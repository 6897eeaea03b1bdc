"""People report what they find, give work orders, and begin and end drills on the pages."""

import re
from datetime import datetime

import pytest
from playwright.async_api import expect

from tests.console.conftest import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
INCIDENT = f"i-{0:016x}"


async def test_a_finding_is_reported_by_keyboard_alone(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.locator(".row").first).to_be_visible()
        await page.keyboard.press("r")
        await expect(page.get_by_label("Asset")).to_be_focused()
        await page.keyboard.type("feeder-07")
        await page.get_by_label("What was found").focus()
        await page.keyboard.type("smoke at the pole")
        await page.keyboard.press("Enter")
        await expect(page.locator(".results .done")).to_contain_text("Report: done")
    (command,) = double.commands
    names = ("kind", "target", "lifeline", "asset", "colour", "reason")
    assert tuple(command[name] for name in names) == (
        "report", "", "power", "feeder-07", "yellow", "smoke at the pole",
    )  # fmt: skip


async def test_a_finding_about_an_incident_is_evidence_for_it(open_page: OpenPage) -> None:
    async with open_page(f"/incident/{INCIDENT}") as (page, double):
        await page.locator("section .buttons").get_by_role("button", name="Report").click()
        await expect(page.get_by_label("Asset")).to_have_value("dma-0400")
        await page.get_by_label("What was found").fill("the switch is open")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".results .done")).to_be_visible()
    assert (double.commands[0]["target"], double.commands[0]["colour"]) == (INCIDENT, "red")


async def test_a_work_order_is_given_in_the_citys_time_changed_and_withdrawn(
    open_page: OpenPage,
) -> None:
    async with open_page("/lists/orders") as (page, double):
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.keyboard.press("w")
        await expect(page.get_by_label("Order", exact=True)).to_be_focused()
        await page.keyboard.type("w-8001")
        await page.get_by_label("Assets").fill("water.dma-0417, water.dma-0418")
        await page.get_by_label("Begins").fill("2099-03-01T08:00")
        await page.get_by_label("Ends").fill("2099-03-01T07:00")
        await page.get_by_label("Reason").fill("new gauge")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_contain_text("end behind its beginning")
        await page.get_by_label("Ends").fill("2099-03-01T16:00")
        await page.get_by_role("button", name="Send").click()
        row = page.locator("tbody tr", has_text="w-8001")
        await expect(row).to_contain_text("planned")
        await row.get_by_role("button", name="Change").click()
        await expect(page.get_by_label("Begins")).to_have_value("2099-03-01T08:00")
        await page.get_by_role("button", name="Cancel").click()
        await row.get_by_role("button", name="Withdraw").click()
        await expect(row).to_contain_text("withdrawn")
        await expect(row.get_by_role("button")).to_have_count(0)
        await expect(page.locator(".results .done")).to_have_count(2)
    given, withdrawn = double.commands
    eight = datetime.fromisoformat("2099-03-01T08:00+08:00").timestamp() * 1000
    assert given["assets"] == ["water.dma-0417", "water.dma-0418"]
    assert (given["begins"], given["ends"]) == (eight, eight + 8 * 3_600_000)
    assert withdrawn["begins"] == withdrawn["ends"] == eight


async def test_a_drill_is_begun_and_ended_and_every_page_says_that_it_lasts(
    open_page: OpenPage,
) -> None:
    async with open_page("/lists/audit") as (page, double):
        lasts = page.locator(".load", has_text=re.compile("Drill"))
        for on in (True, False):
            await expect(lasts).to_have_count(0 if on else 1)
            # Who may do what has come, and the form of before is gone: keys mean something.
            await expect(page.get_by_role("button", name="Drill")).to_have_count(1)
            await expect(page.get_by_role("form")).to_have_count(0)
            await page.keyboard.press("Shift+D")
            await expect(page.get_by_label("Reason")).to_be_focused()
            await page.keyboard.type("yearly")
            await page.keyboard.press("Enter")
            await expect(lasts).to_have_count(1 if on else 0)
    assert [command["on"] for command in double.commands] == [True, False]


async def test_what_is_refused_says_why_and_changes_nothing(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        double.refuse = "bad_window"
        await page.get_by_role("button", name="Drill").click()
        await page.get_by_label("Reason").fill("yearly")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".results .refused")).to_contain_text("Drill: refused")
        assert not double.drill


async def test_who_may_not_give_anything_has_no_button_and_no_key(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.get_by_role("button", name="Drill")).to_have_count(1)
        double.may, double.districts = ["report", "maintenance"], ["310101"]
        await page.reload()
        await expect(page.get_by_role("button", name="Sound")).to_have_count(1)
        for name in ("Report", "Drill"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)
        await page.keyboard.press("r")
        await page.keyboard.press("w")
        await expect(page.get_by_role("form", name="Work order")).to_be_visible()
        await expect(page.get_by_role("form", name="Report")).to_have_count(0)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("form")).to_have_count(0)
