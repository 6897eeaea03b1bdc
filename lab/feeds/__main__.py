"""A feed as lines of JSON readings: `python -m lab.feeds water > month.jsonl`; or all labels.

`python -m lab.feeds labels > labels.csv` prints the events that are known to be in the feeds, as
`tocsin backtest --labels` takes them.
"""

import csv
import json
import sys
from collections.abc import Callable
from typing import Final

from lab.feeds import elevator, metro, power, subsidence, water
from lab.feeds.feed import Feed
from runtime.installation import DATA

FEEDS: Final[dict[str, Callable[[], Feed]]] = {
    "elevator": elevator.feed,
    "metro": lambda: metro.feed(DATA),
    "power": lambda: power.feed(DATA),
    "subsidence": subsidence.feed,
    "water": lambda: water.feed(DATA),
}


LABELS: Final = "labels"


def _print_labels() -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["name", "from", "to", "channel", "rules"])
    for feed in FEEDS.values():
        for known in feed().known:
            span = (known.begin.isoformat(), known.end.isoformat())
            words = (" ".join(sorted(known.channels)), " ".join(sorted(known.rules)))
            rows.writerow([known.name, *span, *words])


def main(arguments: list[str]) -> int:
    """Print one feed, or the labels of all; 2 when the argument names none."""
    if arguments == [LABELS]:
        _print_labels()
        return 0
    if len(arguments) != 1 or arguments[0] not in FEEDS:
        sys.stderr.write(f"usage: python -m lab.feeds {'|'.join((*FEEDS, LABELS))}\n")
        return 2
    for time_ms, channel, value in FEEDS[arguments[0]]().readings:
        line = {"channel": channel, "time": time_ms, "value": value}
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
