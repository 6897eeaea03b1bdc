"""The demo's terminal as a picture, from a real run.

`python -m tests.app.demo.terminal docs/images/terminal.png` takes it again.
"""

import asyncio
import io
import math
import re
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.panel import Panel

from app.demo.demo import feeds, perform
from app.demo.interrupt import Interrupt
from app.demo.live_screen import Rate, incident_row, panel, sentence
from app.demo.run import DemoRun
from app.demo.screen import TICKET, Progress
from configuration.configuration import Configuration
from contracts.alarm import Alarm
from contracts.desk.incident import Incident
from lab.feeds.feed import Feed
from runtime.installation import CONFIGS

COLUMNS = 118
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Still:
    """A screen that keeps the last sentences and the panel of a moment, then interrupts.

    Parameters
    ----------
    leaving : Interrupt
        Asked to leave once the picture is taken.
    share : float
        Of every feed that has played when the picture is taken.
    sentences : int
    """

    def __init__(self, leaving: Interrupt, share: float, sentences: int) -> None:
        self._leaving, self._share = leaving, share
        self._said: deque[RenderableType] = deque(maxlen=sentences)
        self._rate = Rate()
        self.lines: list[RenderableType] = []

    def begin(self, feeds: Sequence[Feed]) -> None:
        pass

    def ready(self, metrics: str, console: str) -> None:
        pass

    def ring(self, alarm: Alarm) -> None:
        self._said.append(sentence(alarm))

    def tell(self, incident: Incident) -> None:
        if incident.reason != TICKET:
            self._said.append(incident_row(incident))

    def look(self, show: Progress) -> None:
        drawn: Panel = panel(show, self._rate)
        if not self.lines and min(show.shares().values()) >= self._share:
            self.lines = [*self._said, drawn]
            self._leaving.ask()

    def end(self) -> None:
        pass


async def terminal_svg(seconds: float = 20.0, share: float = 0.9, sentences: int = 14) -> str:
    """Run the demo until a share of it has played; SVG of its terminal at that moment.

    Parameters
    ----------
    seconds : float
        How long each feed would take as a whole.
    share : float
    sentences : int
        How many stand above the panel.
    """
    configuration = Configuration.load(CONFIGS)
    leaving = Interrupt()
    still = Still(leaving, share, sentences)
    show = DemoRun(feeds(configuration), still, seconds)
    await perform(show, configuration, None, leaving)
    console = Console(
        file=io.StringIO(), width=COLUMNS, record=True, force_terminal=True, highlight=False
    )
    for line in still.lines:
        console.print(line)
    svg = console.export_svg(title="tocsin demo")
    return FONT.sub("", svg)  # the machine's own font: nothing is fetched


def picture(svg: str, path: Path) -> None:
    """Draw an SVG with Chromium, as large as it says it is, into a PNG."""
    found = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg)
    assert found is not None, svg[:200]
    width, height = (math.ceil(float(side)) for side in found.groups())
    with tempfile.TemporaryDirectory(prefix="tocsin-picture-") as folder:
        source = Path(folder) / "terminal.svg"
        source.write_text(svg, encoding="utf-8")
        words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        words += [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
        words += [f"--screenshot={path.resolve()}", source.as_uri()]
        subprocess.run(words, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    picture(asyncio.run(terminal_svg()), Path(sys.argv[1]))
