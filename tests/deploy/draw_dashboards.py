"""Draws the pictures of docs/dashboards.md anew: `python -m tests.deploy.draw_dashboards`.

A game day of some minutes, so that there is something to see.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from runtime.installation import HOME
from tests.deploy.test_dashboards import PAGES
from tests.deploy.test_game_day import LONG, drill
from tests.deploy.test_live import swings
from tests.testkit.prometheus.drawing import draw, save
from tests.testkit.prometheus.watched_site import quick_rules, until, watched_site

IMAGES: Final = HOME / "docs" / "images"


async def main() -> int:
    """Hurt a city whose channels ring, and draw what that looked like."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.time()
        async with watched_site(folder, [quick_rules(folder)]) as watched:
            watched.sensors.value_of = swings
            await until(watched.calm, "a calm site")
            try:
                for fault in LONG:
                    rung = (await drill(watched, fault)).rung
                    sys.stdout.write(f"{(time.time() - began) / 60:.1f} min: {sorted(rung)}\n")
                    sys.stdout.flush()
            finally:  # how a day went that did not end well is worth a look too
                for page in PAGES.values():
                    figure = await draw(page, watched.server, (began, time.time()))
                    save(figure, IMAGES / f"{page['uid']}.png")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
