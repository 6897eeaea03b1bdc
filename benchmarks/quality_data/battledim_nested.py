"""BattLeDIM, first half of 2019: each leak by words that were chosen on the other leaks.

The half is cut where leaks begin to count. A piece is judged by the words that told most leaks in
all other pieces with at most two false alarms there; of equals, by those with fewest.
"""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.quality_data.battledim import (
    BEGIN,
    DATA,
    END,
    LEAKS,
    PACK,
    WEEK,
    Leak,
    Outcome,
    by_chance,
    cusum,
    held_against,
    leaks,
    lucky_row,
    night_flow,
    ours,
    row,
    weekdays,
)
from benchmarks.support.claims import Claim, Part

MOST_FALSE: Final = 2
GRID: Final = tuple(product((3.5, 4.0, 4.5), (288, 576), (2016, 4032), ("3 d", "5 d")))
CHARTS: Final = tuple(product((7, 10), (2.0, 3.0, 4.0, 6.0, 8.0)))
HEAD: Final = (
    *("rules", "alarms", "found", "delay d", "false", "missed", "smaller leaks told"),
    *(*WEEK, "looks", "chosen"),
)
Piece = tuple[datetime, datetime]
Rung = Mapping[str, Sequence[datetime]]  # by words


def pieces(known: Sequence[Leak]) -> list[Piece]:
    """From each wanted leak to the next one; the first from the beginning."""
    begins = [leak.begin for leak in known if leak.wanted]
    return list(pairwise([BEGIN, *begins[1:], END]))


def worth(rung: Sequence[datetime], known: Sequence[Leak], without: Piece) -> tuple[bool, int, int]:
    """How good words are outside of a piece: few false alarms, most leaks told, fewest false."""
    first, last = without
    there = [at for at in rung if not first <= at < last]
    of = [leak for leak in known if not first <= leak.begin < last]
    found = held_against(there, of)
    # An alarm just behind the piece may be for a leak in it, of which nobody is to know.
    told = sum(delay is not None for delay in found.delays.values())
    return found.false <= MOST_FALSE, told, -found.false


def nested(arms: Rung, known: Sequence[Leak]) -> tuple[list[datetime], list[str]]:
    """Alarms of every piece by the words that its own leak had no part in, and these words."""
    rung: list[datetime] = []
    chosen = []
    for piece in pieces(known):
        best = max(arms, key=lambda words: worth(arms[words], known, piece))
        rung += [at for at in arms[best] if piece[0] <= at < piece[1]]
        chosen.append(best)
    return sorted(rung), chosen


def departures() -> dict[str, list[datetime]]:
    """What the pack rings under each set of words of its `departure`."""
    found = {}
    for band, readings, memory, after in GRID:
        with TemporaryDirectory(prefix="tocsin-bench-") as place:
            pack = Path(place) / "pack"
            shutil.copytree(PACK, pack)
            reword(pack / "water" / "inlet_flow.yaml", (band, readings, memory, after))
            words = f"band {band:g}, smoothing 1 / {readings}, memory {memory}, relearn {after}"
            found[words] = ours(pack)[0]
    return found


def reword(path: Path, words: tuple[float, int, int, str]) -> None:
    """Put band, readings of the short mean, memory and age into the class file of the inlets."""
    band, readings, memory, after = words
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("band: 4 sigma", f"band: {band:g} sigma"),
        ("smoothing: 0.001736", f"smoothing: {1 / readings:.6f}"),
        ("memory: 2016", f"memory: {memory}"),
        ("warm_up: 2592", f"warm_up: {memory + 576}"),
        ("relearn_after: 3 d", f"relearn_after: {after}"),
    ):
        if text.count(old) != 1:
            error = f"{path}: expected `{old}` once, got it {text.count(old)} times"
            raise ValueError(error)
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def _line(name: str, rung: list[datetime], chosen: list[str], arms: Rung) -> list[str]:
    found = held_against(rung, leaks(LEAKS))
    most = max(chosen, key=chosen.count)
    said = f"{most} ({chosen.count(most)} of {len(chosen)})"
    return [*row(name, found), *weekdays(rung), str(len(arms)), said]


def measure() -> Part | None:
    """Table and claims; None where the set is not at hand."""
    if not DATA.is_file() or not LEAKS.is_file():
        return None
    known, nights = leaks(LEAKS), night_flow()
    arms = {
        "`balance`, `seasonal`, `departure`, from other leaks": departures(),
        "night flow, CUSUM, from other leaks": {
            f"{length} nights, limit {limit:g}": cusum(nights, length, limit)
            for length, limit in CHARTS
        },
    }
    rung = {name: nested(of, known) for name, of in arms.items()}
    lines = [_line(name, *rung[name], of) for name, of in arms.items()]
    name = next(iter(arms))
    found = held_against(rung[name][0], known)
    lucky = by_chance(found.alarms, known)
    lines.append([*lucky_row(lucky, known), *[""] * (len(WEEK) + 2)])
    return Part({"battledim_nested": (HEAD, lines)}, _claims(found, lucky))


def _claims(found: Outcome, lucky: Sequence[Outcome]) -> tuple[Claim, ...]:
    by = "BattLeDIM, first half of 2019, words from other leaks"
    told = [sum(d is not None for d in one.delays.values()) for one in (found, *lucky)]
    mean = sum(told[1:]) / len(lucky)
    return (
        Claim(f"{by}: leaks of 6 m3/h found, of 6", told[0], 5, "leaks", "at least"),
        Claim(f"{by}: false alarms", found.false, MOST_FALSE, "alarms", "at most"),
        Claim(f"{by}: found by as many alarms at random times", mean, 2.0, "leaks", "at most"),
    )
