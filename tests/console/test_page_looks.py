"""The console's pages keep the laws of their look: calm, readable, complete in both languages."""

import io
import os
import re
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from matplotlib import image
from matplotlib.colors import rgb_to_hsv
from playwright.async_api import Page, expect

from tests.console.conftest import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "console" / "web" / "src"
SHOTS = ROOT / "docs" / "images" / "console"
PAGES = {
    "city": "/",
    "lifeline": "/lifeline/power",
    "incident": f"/incident/i-{0:016x}",
    "channel": "/channel/water/water.dma-0401.pressure",
    "withheld": "/lists/withheld",
    "audit": "/lists/audit",
    "orders": "/lists/orders",
    "shelved": "/lists/shelved",
    "desks": "/lists/desks",
    "duty": "/lists/duty",
    "recovery": "/lists/recovery",
    "recovery-incident": f"/lists/recovery/i-{0:016x}",
    "handover": "/lists/handover",
    "district": "/district/310101",
}
# They show no open alarm when none is open.
AT_REST = ("duty", "recovery", "desks", "orders", "shelved", "handover", "audit")
SATURATED = 0.35
KEY = re.compile(r"\b[a-z]+\.[a-z_]+\b")


async def settled(page: Page) -> None:
    """Wait until the page shows what it is about."""
    await expect(page.locator("main h1, main h2").first).to_be_visible()
    await page.wait_for_load_state("load")
    await expect(page.locator("main")).not_to_contain_text(
        re.compile("Loading|正在加载|Working it out|正在由历史库")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_page_at_rest_has_no_alarm_hue(open_page: OpenPage, theme: str) -> None:
    async with open_page(count=0, theme=theme) as (page, _):
        await settled(page)
        pixels = image.imread(io.BytesIO(await page.screenshot()))[..., :3]
        assert saturated(pixels) == 0
        for name in AT_REST:
            await page.goto(urljoin(page.url, PAGES[name]))
            await settled(page)
            pixels = image.imread(io.BytesIO(await page.screenshot()))[..., :3]
            assert saturated(pixels) == 0, name
    async with open_page(count=3, theme=theme) as (page, _):
        await settled(page)
        await expect(page.locator(".row").first).to_be_visible()
        pixels = image.imread(io.BytesIO(await page.screenshot()))[..., :3]
        assert saturated(pixels) > 0


def saturated(pixels: np.ndarray) -> int:
    """How many pixels have a hue that the eye sees from afar."""
    hsv = rgb_to_hsv(pixels)
    return int(np.count_nonzero((hsv[..., 1] > SATURATED) & (hsv[..., 2] > 0.3)))


async def test_each_mark_has_a_shape_and_a_text(open_page: OpenPage) -> None:
    async with open_page() as (page, _):
        await settled(page)
        seen = {}
        for colour in ("red", "orange", "yellow", "blue"):
            mark = page.locator(f".row .mark.{colour}").first
            outline = await mark.locator(".fill > *").evaluate("shape => shape.outerHTML")
            seen[colour] = (await mark.locator("text").text_content(), outline)
            assert colour in str(await mark.get_attribute("aria-label"))
    assert [numeral for numeral, _ in seen.values()] == ["I", "II", "III", "IV"]
    assert len({outline for _, outline in seen.values()}) == 4


@pytest.mark.parametrize(
    ("width", "theme", "locale"), [(1440, "light", "en-GB"), (390, "dark", "zh-CN")]
)
async def test_pages_have_no_leftover_key(
    open_page: OpenPage, width: int, theme: str, locale: str
) -> None:
    async with open_page(width=width, theme=theme, locale=locale) as (page, _):
        for name, path in PAGES.items():
            await page.goto(urljoin(page.url, path))
            await settled(page)
            await assert_whole(page, name, width, locale)


@pytest.mark.parametrize(
    ("width", "theme", "locale"), [(1440, "light", "en-GB"), (390, "dark", "zh-CN")]
)
async def test_who_is_not_signed_in_sees_where_to(
    open_page: OpenPage, width: int, theme: str, locale: str
) -> None:
    async with open_page(width=width, theme=theme, locale=locale) as (page, double):
        double.signed_in = False
        await page.reload()
        await expect(page.locator("input[type=password]")).to_be_visible()
        assert await page.locator(".row").count() == 0
        await assert_whole(page, "sign-in", width, locale)
        boxes = [await one.bounding_box() for one in await page.locator("form button").all()]
        assert boxes
        assert width > 390 or all(box is not None and box["height"] >= 44 for box in boxes)


async def assert_whole(page: Page, name: str, width: int, locale: str) -> None:
    """A page fits its width and says everything in its language; kept as a picture if asked."""
    assert await page.locator("html").get_attribute("lang") == locale.removesuffix("-GB")
    text = await page.locator("body").inner_text()
    assert [key for key in KEY.findall(text) if key in keys("en")] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    if os.environ.get("TOCSIN_SCREENSHOTS"):
        SHOTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SHOTS / f"{name}-{width}.png")


async def test_licences_of_what_the_page_is_made_of_are_shown(open_page: OpenPage) -> None:
    async with open_page() as (page, _):
        await settled(page)
        await page.keyboard.press("?")
        link = page.locator('.help a[href="/static/licences.txt"]')
        await expect(link).to_be_visible()
        told = await page.request.get(urljoin(page.url, "/static/licences.txt"))
        assert told.ok
        text = (await told.text()).lower()
        assert all(name in text for name in ("preact", "uplot", "mit"))


def keys(language: str) -> set[str]:
    """Keys of a language's table."""
    table = (SOURCE / "words" / f"{language}.ts").read_text(encoding="utf-8")
    return set(re.findall(r'^  "([^"]+)":', table, re.MULTILINE))


async def test_both_languages_have_the_same_labels() -> None:
    assert keys("en")
    assert keys("en") == keys("zh")


async def test_no_label_is_written_into_a_page() -> None:
    for file in SOURCE.rglob("*.tsx"):
        text = file.read_text(encoding="utf-8")
        assert not re.search("[一-鿿]", text), file
        assert not re.search(r">\s*[A-Za-z]{2,}[A-Za-z ]*\s*</", text), file


async def test_targets_of_a_phone_fit_a_thumb(open_page: OpenPage) -> None:
    async with open_page(width=390) as (page, _):
        await settled(page)
        boxes = await page.locator("button:visible").evaluate_all(
            "all => all.map(one => [one.textContent, one.getBoundingClientRect().height])"
        )
        assert [name for name, height in boxes if height < 44] == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
