"""What every benchmark prints: a table for people, then one JSON line per claim for programs."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from runtime.installation import HOME

RESULTS = Path("build") / "bench"
Arms = Mapping[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A measured value against its goal.

    Parameters
    ----------
    claim : str
        What is said, with its conditions.
    value, goal : float
    unit : str
    sense : {"at most", "at least"}
        On which side of the goal the claim holds.
    """

    claim: str
    value: float
    goal: float
    unit: str
    sense: Literal["at most", "at least"]

    @property
    def holds(self) -> bool:
        """Whether the value is on the right side of its goal."""
        return self.value <= self.goal if self.sense == "at most" else self.value >= self.goal

    def line(self) -> str:
        """One JSON line."""
        figures = {
            "claim": f"{self.claim}: {self.sense} the goal",
            "value": float(f"{self.value:.4g}"),
            "goal": self.goal,
            "unit": self.unit,
            "holds": self.holds,
        }
        return json.dumps(figures)


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a benchmark found.

    Parameters
    ----------
    tables : mapping of mark to (head, rows)
        Where each stands in the page, between `mark: begin` and `mark: end`.
    claims : tuple of Claim
    """

    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]]
    claims: tuple[Claim, ...]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side: the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([first, *rest]))


def print_claims(claims: Sequence[Claim]) -> None:
    """The last lines of a benchmark; they are kept for `make bench-compare` too."""
    from benchmarks.support.yardstick import yardstick_ns  # noqa: PLC0415 - it measures with what is defined here

    print()
    for claim in claims:
        print(claim.line())
    sys.stdout.flush()
    kept = [{**json.loads(claim.line()), "sense": claim.sense} for claim in claims]
    RESULTS.mkdir(parents=True, exist_ok=True)
    run = {"yardstick_ns": yardstick_ns(), "claims": kept}
    (RESULTS / f"{Path(sys.argv[0]).stem}.json").write_text(json.dumps(run))


def writes() -> bool:
    """Whether the page is to be renewed."""
    return "--write" in sys.argv[1:]


def page_of(name: str) -> Path:
    """A page of the documentation."""
    return HOME / "docs" / f"{name}.md"


def write_rows(page: Path, mark: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Put a table between a page's comments `mark: begin` and `mark: end`.

    Rows of the table there stay unless a new one has the same first cell; today's date is added.
    """
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, _, rest = page.read_text().partition(begin)
    former, found, after = rest.partition(end)
    if not found:
        text = f"{page}: expected {begin} and {end}, got neither or one"
        raise ValueError(text)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    lines = {line.split("|")[1].strip(): line for line in former.splitlines()[4:] if line}
    lines |= {row[0]: f"| {' | '.join(row)} | {today} |" for row in rows}
    table = [f"| {' | '.join(head)} | on |", f"| --- |{' ---: |' * len(head)}", *lines.values()]
    page.write_text("\n".join([f"{before}{begin}", "", *table, "", f"{end}{after}"]))


def interleaved(
    arms: Arms,
    rounds: int,
    before: Callable[[], None],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each arm; every round runs all arms, in turn from another first one.

    What else runs on the machine thus hits all arms alike, and ratios stand more noise than times.
    `before` runs before each round, untimed. With `time.thread_time` as the clock, for arms that
    run in this thread alone, others cost only what they take of caches and memory.
    """
    names = list(arms)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        before()
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began = clock()
            arms[name]()
            seconds[name].append(clock() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}
