"""SKAB, valve 1: rows and changes of a water rig, by the rules of its authors.

Per file the first 400 rows are learned and the rest judged; rows are pooled. The rig rings while
any of its eight channels does, and a changepoint is told when it begins or ceases to ring.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.claims import Claim, Part
from contracts.batch import Batch, Disposition
from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Kind, Roster
from detectors.change.departure import DEPARTURE, Departure
from detectors.group.multivariate import MULTIVARIATE, Multivariate
from lab.scores.changepoints import Changes, judge
from lab.scores.nab import PROFILES
from lab.scores.points import pointwise
from runtime.installation import HOME

SKAB: Final = HOME.parent / "shared" / "data" / "skab" / "valve1"
CALM: Final = SKAB.with_name("anomaly-free")
LEARNED: Final = 400  # rows of each file, by its authors' rule
BANDS: Final = (3.5, 4.0, 4.5, 5.0, 5.5)
# By column: a tenth of what the sensor resolves, or of what it shows in its last digit.
FLOORS: Final = {
    "Accelerometer1RMS": 1e-6,
    "Accelerometer2RMS": 1e-6,
    "Current": 1e-3,
    "Pressure": 1e-2,
    "Temperature": 1e-3,
    "Thermocouple": 1e-4,
    "Voltage": 1e-2,
    "Volume Flow RateRMS": 1e-2,
}
# Of all 34 files, from its authors' board: F1, FAR, MAR, standard, low FP, low FN.
PUBLISHED: Final = {
    "published: Conv-AE": ("0.78", "13.6", "28.0", "23.6", "21.5", "27.6"),
    "published: MSCRED": ("0.36", "49.9", "69.9", "32.4", "16.5", "40.3"),
    "published: T2 and Q": ("0.76", "26.6", "24.9", "25.4", "14.5", "31.3"),
    "published: isolation forest": ("0.29", "2.6", "82.9", "26.2", "19.5", "30.8"),
}
LABELS: Final = ("anomaly", "changepoint")
HEAD: Final = (
    *("detector", "F1", "FAR %", "MAR %", "changes", "low FP", "low FN"),
    *("faults found", "delay s", "false alarms"),
)
CALM_HEAD: Final = ("nothing done, 2.5 h", "rows that ring, %", "alarms")
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class File:
    """One run of the rig: times in s, channels by row, and what its authors say of each row."""

    time_s: NDArray[np.float64]
    values: NDArray[np.float64]
    ill: Rows
    changes: Rows


def read(folder: Path) -> list[File]:
    """Files of a folder by name."""
    return [_file(path) for path in sorted(folder.glob("*.csv"))]


def _file(path: Path) -> File:
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    times = [datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC) for row in rows]
    return File(
        np.array([time.timestamp() for time in times]),
        np.array([[float(row[name]) for name in FLOORS] for row in rows]),
        *(np.array([float(row.get(name, 0)) > 0 for row in rows]) for name in LABELS),
    )


def rung(file: File, kind: Kind, rules: dict[str, Any]) -> Rows:
    """Whether the rig rings at each row, by a kind of rule of the product on its channels."""
    n, p = file.values.shape
    names = tuple(FLOORS)
    roster = Roster(
        *(names, names, np.arange(p, dtype=np.int64), ["rig"] * p),
        *([1_000_000_000] * p, np.full((p, 2), np.nan)),
    )
    row = np.tile(np.arange(p, dtype=np.int32), n)
    time_ns = np.repeat((file.time_s * 1e9).astype(np.int64), p)
    quality = np.zeros(n * p, np.uint8)
    batch = Batch(np.arange(n * p, dtype=np.int32), row, time_ns, file.values.ravel(), quality)
    disposition = np.full(n * p, Disposition.SCORED, np.uint8)
    transitions = kind.build(0, rules, roster).score(
        batch, disposition, (0, n * p), {"value": batch.value}
    )
    level = np.zeros((p, n + 1), np.int64)
    for transition in transitions:
        level[transition["row"], transition["ordinal"] // p :] = transition["now"]
    rings: Rows = np.asarray((level[:, :n] > 0).any(axis=0))
    return rings


def departing(band: float, **words: Any) -> Callable[[File], Rows]:
    """A rule `departure` of the same words for every channel."""
    rules = {
        name: Departure(
            band=Sigmas(f"{band} sigma"),
            hysteresis=Sigmas("0.5 sigma"),
            floor=floor,
            at_most="yellow",
            warm_up=LEARNED,
            **words,
        )
        for name, floor in FLOORS.items()
    }
    return lambda file: rung(file, DEPARTURE, rules)


def together(times: float) -> Callable[[File], Rows]:
    """The rule `multivariate` over all channels, of which the last is read last."""
    *others, anchor = FLOORS
    rule = Multivariate(
        with_classes={name: FLOORS[name] for name in others},
        floor=FLOORS[anchor],
        train=LEARNED,
        times=times,
        sync=Duration("3 s"),
        at_most="yellow",
    )
    return lambda file: rung(file, MULTIVARIATE, {anchor: rule})


def hotelling(file: File, times: float = 4.0) -> Rows:
    """Hotelling's T2 of EWMAs with a smoothing of 0.2, beyond some times its q99 when learned."""
    smooth = np.zeros_like(file.values)
    mean = file.values[:LEARNED].mean(axis=0)
    for i, x in enumerate(file.values - mean):
        smooth[i] = 0.8 * smooth[i - 1] + 0.2 * x if i else 0.2 * x
    inverse = np.linalg.pinv(np.cov(smooth[:LEARNED].T))
    t2 = np.einsum("ij,jk,ik->i", smooth, inverse, smooth)
    return _median(t2 > times * np.quantile(t2[:LEARNED], 0.99))


def largest(file: File) -> Rows:
    """A channel more than four deviations from where it was when learned."""
    learned = file.values[:LEARNED]
    z = np.abs(file.values - learned.mean(axis=0)) / learned.std(axis=0)
    return _median(z.max(axis=1) > 4.0)


def by_chance(file: File) -> Rows:
    """Rows drawn without looking, one in twenty."""
    return np.random.default_rng(5).random(len(file.ill)) < 0.05


def _median(rings: Rows) -> Rows:
    """Median of three rows, as the authors of the set smooth what a detector says."""
    last = np.concatenate([[False, False], rings])
    smooth: Rows = last[:-2].astype(int) + last[1:-1] + last[2:] >= 2
    return smooth


def held(rings: Rows) -> Rows:
    """The largest of thirty rows, of which those authors take the changes."""
    return np.convolve(rings, np.ones(30))[: len(rings)] > 0


def turns(rings: Rows) -> Rows:
    """Rows at which something begins or ceases."""
    return np.concatenate([[False], rings[1:] != rings[:-1]])


@dataclass(frozen=True)
class Arm:
    """A detector on some files: whether each judged row rings, and where it tells a change."""

    rings: Sequence[Rows]
    told: Sequence[Rows]


def arm(files: Sequence[File], rule: Callable[[File], Rows], how: Callable[[Rows], Rows]) -> Arm:
    """A detector over files, and how what it says becomes changes."""
    rings = [rule(file)[LEARNED:] for file in files]
    return Arm(rings, [how(one) for one in rings])


def figures(files: Sequence[File], found: Arm) -> dict[str, float]:
    """F1, alarm rates, and the changepoint score under its three profiles."""
    pooled = pointwise(
        np.concatenate([file.ill[LEARNED:] for file in files]), np.concatenate(found.rings)
    )
    changes = [
        Changes(file.time_s[file.changes].tolist(), file.time_s[LEARNED:][told].tolist())
        for file, told in zip(files, found.told, strict=True)
    ]
    scores = {name: judge(changes, profile).score for name, profile in PROFILES.items()}
    return {"F1": pooled.f1, "FAR": pooled.far_percent, "MAR": pooled.mar_percent, **scores}


def episodes(files: Sequence[File], found: Arm) -> tuple[int, float, int]:
    """Faults in which the rig rings, median seconds until then, alarms that begin outside."""
    delays, false = [], 0
    for file, rings in zip(files, found.rings, strict=True):
        ill, time_s = file.ill[LEARNED:], file.time_s[LEARNED:]
        inside = np.flatnonzero(rings & ill)
        if len(inside):
            delays.append(float(time_s[inside[0]] - time_s[np.argmax(ill)]))
        begins = np.concatenate([rings[:1], rings[1:] & ~rings[:-1]])
        false += int((begins & ~ill).sum())
    return len(delays), median(delays) if delays else float("nan"), false


def row(name: str, files: Sequence[File], found: Arm) -> list[str]:
    """A line of the table."""
    of = figures(files, found)
    told, delay_s, false = episodes(files, found)
    rates = [f"{of[key]:.1f}" for key in ("FAR", "MAR", *PROFILES)]
    return [
        name,
        f"{of['F1']:.3f}",
        *rates,
        f"{told} of {len(files)}",
        f"{delay_s:.0f}",
        str(false),
    ]


def two_fold(files: Sequence[File], arms: dict[float, Arm]) -> Arm:
    """Files alternate by name; each half is judged under the band that is best on the other.

    Best is the largest F1 of those that ring on 15 % of calm rows at most; where none does, that
    which rings on the fewest.
    """
    rings: list[Rows] = [np.empty(0, np.bool_)] * len(files)
    for half, other in ((0, 1), (1, 0)):
        seen = {
            band: figures(files[other::2], Arm(one.rings[other::2], one.told[other::2]))
            for band, one in arms.items()
        }
        quiet = max(15.0, min(of["FAR"] for of in seen.values()))
        fit = {band: of for band, of in seen.items() if of["FAR"] <= quiet}
        band = max(fit, key=lambda band: fit[band]["F1"])
        rings[half::2] = arms[band].rings[half::2]
    return Arm(rings, [turns(one) for one in rings])


def measure() -> Part | None:
    """Table and claims; None where the set is not at hand."""
    if not SKAB.is_dir():
        return None
    files = read(SKAB)
    bands = {band: arm(files, departing(band), turns) for band in BANDS}
    folds = two_fold(files, bands)
    arms = {
        "`departure`, band chosen two-fold": folds,
        **{f"`departure`, {band} sigma": one for band, one in bands.items()},
        "`multivariate`": arm(files, together(1.0), turns),
        "`multivariate`, four times its limits": arm(files, together(4.0), turns),
        "T2 of EWMAs, 4 times q99": arm(files, hotelling, lambda rings: turns(held(rings))),
        "largest z above 4": arm(files, largest, lambda rings: turns(held(rings))),
        "a word at one row in twenty, by chance": arm(files, by_chance, lambda rings: rings),
    }
    rows = [row(name, files, one) for name, one in arms.items()]
    rows += [[name, *shown, "", "", ""] for name, shown in PUBLISHED.items()]
    of = figures(files, folds)
    by = "SKAB valve 1, `departure`, band chosen two-fold"
    claims = (
        Claim(f"{by}: F1", of["F1"], 0.8, "", "at least"),
        Claim(f"{by}: calm rows that ring", of["FAR"], 15.0, "%", "at most"),
        Claim(f"{by}: changepoint score, standard", of["standard"], 32.4, "points", "at least"),
    )
    return Part({"skab": (HEAD, rows), "skab calm": (CALM_HEAD, calm())}, claims)


def calm() -> list[list[str]]:
    """How often detectors ring over hours in which nothing was done to the rig."""
    files = read(CALM)
    rules: dict[str, Callable[[File], Rows]] = {
        **{f"`departure`, {band} sigma": departing(band) for band in BANDS},
        "`multivariate`": together(1.0),
        "T2 of EWMAs, 4 times q99": hotelling,
        "largest z above 4": largest,
    }
    rows = []
    for name, rule in rules.items():
        found = arm(files, rule, turns)
        rate = 100.0 * float(np.concatenate(found.rings).mean())
        rows.append([name, f"{rate:.1f}", str(episodes(files, found)[2])])
    return rows
