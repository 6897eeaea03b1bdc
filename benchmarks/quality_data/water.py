"""Trouble in L-Town that wntr makes, through the lanes of a pack: what is found, and how soon."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.support.claims import Claim, Part, writes
from configuration.configuration import Configuration
from contracts.civil_time import CITY
from lab.backtest.lanes import BacktestRun
from lab.backtest.score import DAY_NS, Outcome, nearest_rank, scores
from lab.data.labels import events_on, read_labels
from lab.data.open_data import open_data
from lab.generators.made import CATALOGUE, LABELS, Made
from lab.generators.water import Water, water
from runtime.installation import HOME

ROOT = HOME
L_TOWN = ROOT.parent / "shared" / "data" / "water_battledim" / "L-TOWN.inp"
PACK = ROOT / "benchmarks" / "packs" / "l_town"
# The 33 places that its authors gave pressure sensors (BattLeDIM).
SENSORS = (
    *("n1", "n4", "n31", "n54", "n105", "n114", "n163", "n188", "n215", "n229", "n288"),
    *("n296", "n332", "n342", "n410", "n415", "n429", "n458", "n469", "n495", "n506", "n516"),
    *("n519", "n549", "n613", "n636", "n644", "n679", "n722", "n726", "n740", "n752", "n769"),
)
# What is made was fixed before any rule was tuned on it; rules were tuned on seeds from TUNED on,
# and are judged on those from JUDGED on.
JUDGED, TUNED = 0, 1000
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "burst": (200, {}),
    "leak": (24, {"span_days": 8, "calm_spans": 5, "lasts_h": (120.0, 160.0)}),
    "trip": (24, {}),
    "valve": (24, {}),
}
SIZES = ((5, 10), (10, 20), (20, 40), (40, 80))
CLAIMED_M3H, HOUR_S, MONTH_DAYS = 20.0, 3600.0, 30.44
HEAD = ("trouble", "seeds", "within 1 h", "found", "delay p50, min", "p95, min")
Table = tuple[tuple[str, ...], list[list[str]]]


@dataclass(frozen=True)
class Run:
    """One kind of trouble through the lanes.

    Parameters
    ----------
    outcomes : list of (dict, Outcome)
        What was drawn, and what rang for it.
    false : list of str
        What rang for nothing, after the spans without trouble: time, channel, rule.
    days : float
        After the spans without trouble.
    alarms : int
        All that rang for trouble.
    """

    outcomes: list[tuple[dict[str, Any], Outcome]]
    false: list[str]
    days: float
    alarms: int

    @property
    def false_a_month(self) -> float:
        """Of all desks of the network together."""
        return len(self.false) * MONTH_DAYS / self.days


def parameters(kind: str, count: int, seed: int = JUDGED) -> Water:
    """What readings of a kind of trouble follow from: six weeks without, then `count` spans."""
    figures = {"calm_spans": 14, **KINDS[kind][1]}
    return Water(seed, str(L_TOWN), SENSORS, kind, spans=count, **figures)  # type: ignore[arg-type]


def run(made: Made, pack: Path = PACK) -> Run:
    """Readings through the lanes of a pack, held against what was put into them."""
    with TemporaryDirectory() as place:
        config, folder = Path(place, "config"), Path(place, "made")
        made.write(folder)
        shutil.copytree(pack, config)
        shutil.copy(folder / CATALOGUE, config / "water")
        configuration = Configuration.load(config, {})
        labels = read_labels(folder / LABELS)
        run = BacktestRun(configuration, open_data(folder))
        found = scores(run.run(lambda *_: None), events_on(labels, configuration.catalogue))
    figures = made.parameters
    calm_ns = figures["calm_spans"] * figures["span_days"] * DAY_NS
    judged_ns = int(made.time_ns[0]) + calm_ns
    false = [
        f"{e.first.detected} {e.first.channel} {e.first.rule.name}"
        for e in found.false_alarms or []
        if e.detected.timestamp() * 1e9 >= judged_ns
    ]
    outcomes = [(dict(e.drawn), o) for e, o in zip(made.events, found.outcomes, strict=True)]
    days = (int(made.time_ns[-1]) - judged_ns) / DAY_NS
    return Run(outcomes, false, days, sum(len(o.rung) for _, o in outcomes))


def within_hour(outcome: Outcome) -> bool:
    """Whether it rang within an hour."""
    delay_s = outcome.delay_s
    return delay_s is not None and delay_s <= HOUR_S


def row(name: str, outcomes: list[Outcome]) -> list[str]:
    """Drawn, found within an hour, found at all, and delays in minutes."""
    delays = sorted(o.delay_s / 60 for o in outcomes if o.delay_s is not None)
    ranks = [nearest_rank(delays, percent) for percent in (50, 95)]
    counts = [len(outcomes), sum(map(within_hour, outcomes)), len(delays)]
    return [name, *map(str, counts), *("" if r is None else f"{r:.0f}" for r in ranks)]


def measure() -> Part | None:
    """Bursts by size, other trouble by kind; `--seeds=N` takes fewer."""
    if not L_TOWN.is_file():
        return None
    words = [word.removeprefix("--seeds=") for word in sys.argv if word.startswith("--seeds=")]
    if words and writes():
        sys.exit("water: expected all seeds for the page, got fewer; leave out --seeds or --write")
    most = int(words[0]) if words else max(count for count, _ in KINDS.values())
    runs = {}
    for kind, (count, _) in KINDS.items():
        runs[kind] = run(water(parameters(kind, min(count, most))))
        print(f"{kind}: {len(runs[kind].outcomes)} seeds, {len(runs[kind].false)} false alarms")
    tables = {"water": (HEAD, _found(runs)), "water false": _false(runs)}
    return Part({**tables, "water missed": _missed(runs["burst"])}, _claims(runs["burst"]))


def _found(runs: dict[str, Run]) -> list[list[str]]:
    bursts = runs["burst"].outcomes
    return [
        *(
            row(
                f"burst, {low} to {high} m3/h",
                [o for d, o in bursts if low <= d["loss_m3h"] < high],
            )
            for low, high in SIZES
        ),
        *(row(kind, [o for _, o in runs[kind].outcomes]) for kind in KINDS if kind != "burst"),
    ]


def _false(runs: dict[str, Run]) -> Table:
    rows = [
        [
            kind,
            f"{one.days:.0f}",
            f"{one.alarms / max(sum(bool(o.rung) for _, o in one.outcomes), 1):.1f}",
            str(len(one.false)),
            f"{one.false_a_month:.2f}",
        ]
        for kind, one in runs.items()
    ]
    return ("trouble", "days", "alarms for one that is found", "false alarms", "a month"), rows


def _missed(bursts: Run) -> Table:
    """Bursts of a size that is claimed that did not ring within an hour, one line a size."""
    rows = []
    for low, high in SIZES:
        if low >= CLAIMED_M3H:
            missed = [
                _miss(drawn, outcome)
                for drawn, outcome in bursts.outcomes
                if low <= drawn["loss_m3h"] < high and not within_hour(outcome)
            ]
            rows.append([f"burst, {low} to {high} m3/h", "; ".join(missed) or "none"])
    return ("trouble", "not within an hour: place, m3/h, when, rang after"), rows


def _miss(drawn: dict[str, Any], outcome: Outcome) -> str:
    began = f"{outcome.event.begin.astimezone(CITY):%a %H:%M}"
    after = "never" if outcome.delay_s is None else f"{outcome.delay_s / HOUR_S:.1f} h"
    return f"{drawn['place']} {drawn['loss_m3h']:.1f} {began} {after}"


def _claims(bursts: Run) -> tuple[Claim, ...]:
    large = [o for d, o in bursts.outcomes if d["loss_m3h"] >= CLAIMED_M3H]
    share = 100.0 * sum(map(within_hour, large)) / max(len(large), 1)
    of = f"{len(bursts.outcomes)} seeds in L-Town, pack benchmarks/quality_data/packs/l_town"
    found = f"bursts of {CLAIMED_M3H:g} m3/h and more that ring within an hour, {of}"
    false = f"false alarms a month of the one desk of the whole network, {of}"
    return (
        Claim(found, share, 90.0, "%", "at least"),
        Claim(false, bursts.false_a_month, 1.0, "a month", "at most"),
    )
