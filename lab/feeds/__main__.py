"""A feed as lines of JSON readings: `python -m lab.feeds water > month.jsonl`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lab.feeds import elevator, metro, power, subsidence, water
from lab.feeds.feed import Feed

DATA: Final = Path(__file__).resolve().parents[2] / "data"
FEEDS: Final[dict[str, Callable[[], Feed]]] = {
    "elevator": elevator.feed,
    "metro": lambda: metro.feed(DATA),
    "power": lambda: power.feed(DATA),
    "subsidence": subsidence.feed,
    "water": lambda: water.feed(DATA),
}


def main(arguments: list[str]) -> int:
    """Print one feed; 2 when the argument names none."""
    if len(arguments) != 1 or arguments[0] not in FEEDS:
        sys.stderr.write(f"usage: python -m lab.feeds {'|'.join(FEEDS)}\n")
        return 2
    for time_ms, channel, value in FEEDS[arguments[0]]().readings:
        line = {"channel": channel, "time": time_ms, "value": value}
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
