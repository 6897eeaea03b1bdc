"""A lifeline whose worker is gone is said on every page, until one is back."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import OpenPage
from tests.testkit.console.page_double import ConsoleDouble

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


def lost(lifeline: str, since_ms: int | None, silent: int = 4) -> dict[str, Any]:
    return {"lifeline": lifeline, "silent": silent, "lanes": 4, "since_ms": since_ms}


async def told(page: Page, double: ConsoleDouble, *unwatched: dict[str, Any]) -> None:
    """The page hears of it, however late its stream is open."""
    double.unwatched = list(unwatched)
    said = page.locator(".bar .unwatched")
    while (await said.count() > 0) != bool(unwatched):
        double.age()
        await page.wait_for_timeout(50)


async def test_a_lifeline_without_a_worker_is_said_where_it_is_looked_for(
    open_page: OpenPage,
) -> None:
    async with open_page("/") as (page, double):
        share = page.locator(".bar .load b").first
        before = float((await share.inner_text()).removesuffix(" %"))
        await told(page, double, lost("power", double.now_ms - 90_000))
        said = page.locator(".bar .unwatched")
        await expect(said).to_contain_text("No worker: Power since ")
        row = page.locator("tr", has=page.locator("th[data-lifeline=power]"))
        await expect(row.locator("th")).to_contain_text("No worker: Power")
        cells = row.locator("td")
        await expect(row.locator("td .gap")).to_have_count(await cells.count())
        await expect(cells.first).to_contain_text("no worker: Power since ")
        assert float((await share.inner_text()).removesuffix(" %")) < before, "its share is not"
        await row.locator("th a").click()
        await expect(page.locator(".area .notice")).to_contain_text("No worker watches this")
        await told(page, double)
        await expect(page.locator(".area .notice")).to_have_count(0)
        await page.go_back()
        await expect(page.locator("th.unwatched")).to_have_count(0)
        assert float((await share.inner_text()).removesuffix(" %")) == before


async def test_some_lanes_and_many_lifelines_are_said_shortly(open_page: OpenPage) -> None:
    names = ("power", "water", "metro", "gas", "drain")
    async with open_page("/", width=390, locale="zh-CN") as (page, double):
        rows = [lost("power", None, 1), *(lost(name, None) for name in names[1:])]
        await told(page, double, *rows)
        said = page.locator(".bar .unwatched")
        await expect(said).to_contain_text("监测进程中断：")
        await expect(said).to_contain_text("1/4")
        await expect(said).to_contain_text("另有 2 条")
        box = await said.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390


async def test_where_nothing_is_known_nothing_is_claimed(open_page: OpenPage) -> None:
    async with open_page("/") as (page, double):
        await told(page, double, lost("power", None))
        double.unwatched = None
        double.age()
        await expect(page.locator(".bar .unwatched")).to_have_count(0)
