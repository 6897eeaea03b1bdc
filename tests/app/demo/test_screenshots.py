"""The demo's report in a real browser, at the widths of a desktop and of a phone.

With TOCSIN_SCREENSHOTS=1 the pictures in docs/images are taken anew.
"""

import os

import pytest

from runtime.installation import HOME
from tests.app.demo.conftest import Played
from tests.app.demo.terminal import picture, terminal_svg
from tests.testkit.browser import chromium, needed

IMAGES = HOME / "docs" / "images"
TAKE = bool(os.environ.get("TOCSIN_SCREENSHOTS"))
BYTES_MAX = 400_000

MEASURE = """(() => {
  const wide = document.documentElement.scrollWidth;
  const boxes = [...document.querySelectorAll('.card svg')].map(e => e.getBoundingClientRect());
  const over = [...document.querySelectorAll('body *')].filter(e =>
    !e.closest(".wide") && !e.closest('svg') &&
    e.getBoundingClientRect().right > innerWidth + 0.5);
  return {
    wide, screen: innerWidth,
    pictures: boxes.length,
    lost: boxes.filter(b => b.height < 50 || b.width < 200 || b.right > innerWidth + 0.5).length,
    over: over.map(e => e.outerHTML.slice(0, 80)),
    cards: document.querySelectorAll('.card').length,
    fetched: performance.getEntriesByType('resource').map(e => e.name),
  };
})()"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "name"), [(1280, 1000, "report.png"), (390, 844, "report-phone.png")]
)
async def test_the_report_fits_the_screen_and_shows_a_picture_per_alarm(
    width: int, height: int, name: str, played: Played
) -> None:
    async with chromium() as page:
        await page.open((played.report / "index.html").as_uri(), width, height)
        seen = await page.evaluate(MEASURE)
        taken = await page.picture()
    assert (seen["wide"], seen["screen"]) == (width, width)
    assert seen["pictures"] == seen["cards"] >= 19
    assert seen["lost"] == 0
    assert seen["over"] == []
    assert seen["fetched"] == []
    assert 20_000 < len(taken) < BYTES_MAX
    if TAKE:
        (IMAGES / name).write_bytes(taken)


@pytest.mark.slow
@pytest.mark.skipif(not TAKE, reason="takes a picture of the terminal: set TOCSIN_SCREENSHOTS=1")
async def test_the_terminal_is_pictured() -> None:
    needed()
    path = IMAGES / "terminal.png"
    picture(await terminal_svg(), path)
    assert 20_000 < path.stat().st_size < BYTES_MAX
