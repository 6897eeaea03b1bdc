"""Sound and blinking are for what is neither acknowledged nor shelved, and for nothing else."""

from typing import Final

import pytest
from playwright.async_api import expect

from tests.console.conftest import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

COUNT_TONES: Final = """
window.tones = 0;
AudioContext.prototype.createOscillator = function () {
  window.tones += 1;
  return BaseAudioContext.prototype.createOscillator.call(this);
};
"""
ANIMATIONS: Final = "all => all.map(one => getComputedStyle(one).animationName)"


async def test_what_is_acknowledged_or_shelved_neither_sounds_nor_blinks(
    open_page: OpenPage,
) -> None:
    async with open_page(count=3) as (page, double):
        await page.emulate_media(reduced_motion="no-preference")
        await page.add_init_script(COUNT_TONES)
        rings, known, shelved = double.lines
        rings |= {"acknowledged": False, "shelved": False, "drill": False}
        known |= {"acknowledged": True, "shelved": False, "drill": False}
        shelved |= {"acknowledged": False, "shelved": True, "drill": False}
        await page.reload()
        marks = page.locator(".row .mark .fill")
        await expect(marks).to_have_count(3)
        of = [
            await page.locator(f"[data-id={line['id']}] .mark .fill").evaluate_all(ANIMATIONS)
            for line in double.lines
        ]
        assert of == [["blink"], ["none"], ["none"]]
        duration = await marks.first.evaluate("one => getComputedStyle(one).animationDuration")
        assert duration == "1s"
        assert await page.evaluate("window.tones") == 0, "sound is off until somebody wants it"
        await page.get_by_role("button", name="Sound off").click()
        await page.wait_for_function("window.tones === 1")
        rings |= {"acknowledged": True, "acknowledged_by": "li.wei"}
        double.change(rings)
        await expect(page.locator(".row .mark.unacknowledged")).to_have_count(0)
        await page.get_by_role("button", name="Sound on").click()
        await page.get_by_role("button", name="Sound off").click()
        await expect(page.get_by_role("button", name="Sound on")).to_be_visible()
        assert await page.evaluate("window.tones") == 1


async def test_nothing_blinks_for_who_asks_for_reduced_motion(open_page: OpenPage) -> None:
    async with open_page(count=3) as (page, _):
        marks = page.locator(".row .mark.unacknowledged .fill")
        await expect(marks.first).to_be_visible()
        assert set(await marks.evaluate_all(ANIMATIONS)) == {"none"}


async def test_the_tab_shows_the_worst_open_mark_and_how_many_wait(open_page: OpenPage) -> None:
    async with open_page(count=3) as (page, double):
        await expect(page).to_have_title("(2) Tocsin")
        icon = page.locator("link[rel=icon]")
        await expect(icon).to_have_attribute("href", "/static/favicon-red.svg")
        for line in double.lines:
            line["colour"] = "yellow"
            line["acknowledged"] = True
        double.change(double.lines[0])
        await expect(page).to_have_title("Tocsin")
        await expect(icon).to_have_attribute("href", "/static/favicon-yellow.svg")
