"""The page of the three replays, and its pictures, as `docs/` has them."""

from collections.abc import Iterator

from alarms.resilience.figures import IncidentFigures
from operate.resilience.page import plot
from operate.resilience.text import HEAD, incident_lines, row
from runtime.installation import HOME
from tests.alarms.incidents.cities import ZONE
from tests.alarms.resilience.replays import REPLAYS, Replay, figures_of

DOCS = HOME / "docs"
PAGE = DOCS / "resilience-replays.md"
STYLE = (
    "<style>text{font:11px sans-serif;fill:#5a6572}.axis{stroke:#d9dee4}"
    ".line{fill:none;stroke:#1b1f24;stroke-width:1.2}.band{fill:#2f6fde;opacity:.25}"
    ".mark{stroke-width:2;opacity:.85}</style>"
    "<rect width='100%' height='100%' fill='#ffffff'/>"
)
TOP = """\
# Three cities, and how they recovered

Xining, Zhengzhou and a feeder, as alarms made by hand from the numbers that are known, put together
to incidents as the desk stage does it, and worked out by [`tocsin resilience`](resilience.md). A
test holds this page, and holds every figure against one that is worked out by hand in
`tests/alarms/resilience/test_replays.py`. What is known of each event and what is made [E] stands
beside it: the figures show what the measures make of such alarms, not how these cities fared.

In the pictures a blue band is what nobody knew, and red lines are detection, acknowledgement and
arrival. Columns on the right are shares of the loss that came before these.
"""


def picture_of(replay: Replay, number: int, lifeline: str) -> str:
    """Name of a picture below `docs/images`."""
    return f"resilience-{replay.word}-{number}-{lifeline}.svg"


def pictures() -> Iterator[tuple[str, str]]:
    """Names and contents."""
    for replay in REPLAYS:
        for number, figures in enumerate(figures_of(replay), 1):
            said = figures.moments
            some = (said.detected_s, said.acknowledged_s, said.arrived_s)
            words = ("detected", "acknowledged", "on site")
            moments = [(w, at) for w, at in zip(words, some, strict=True) if at is not None]
            for one in figures.lifelines:
                svg = plot(one, moments)
                head, _, rest = svg.partition(">")
                yield picture_of(replay, number, one.lifeline), f"{head}>{STYLE}{rest}\n"


def page() -> str:
    """The page in Markdown."""
    return TOP + "".join(_of_replay(replay) for replay in REPLAYS)


def _of_replay(replay: Replay) -> str:
    found = figures_of(replay)
    parts = [f"\n## {replay.name}\n\n{replay.says}\n"]
    for number, figures in enumerate(found, 1):
        if len(found) > 1:
            parts.append(f"\n### Its incident {number}: {figures.title['en']}\n")
        parts.append(_of_incident(replay, number, figures))
    return "".join(parts)


def _of_incident(replay: Replay, number: int, figures: IncidentFigures) -> str:
    table = "\n".join(
        f"| {' | '.join(cells)} |"
        for cells in (HEAD, ["---"] * len(HEAD), *map(row, figures.lifelines))
    )
    names = {HEAD[0], *(one.lifeline for one in figures.lifelines)}
    lines = [line for line in incident_lines(figures, ZONE) if line.split()[0] not in names]
    said = "\n".join(f"- {line}" for line in lines[2:])
    shown = "\n".join(
        f"![Functionality of {one.lifeline}](images/{picture_of(replay, number, one.lifeline)})"
        for one in figures.lifelines
    )
    return f"\n{table}\n\n{said}\n\n{shown}\n"
