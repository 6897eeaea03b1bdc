"""NAB: 31 of its 58 files, by its own rule, thresholds from files not judged."""

from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
from _claims import Claim, Part
from _novelty import chance, held, novelty, outside

from lab.scores.corpus import File, read
from lab.scores.nab import PROFILES, Profile, Series, best_threshold, judge, two_fold

NAB = Path(__file__).resolve().parents[2] / "shared" / "data" / "nab"
HELD_ROWS = (100, 150, 200)
SPLITS = 20
STANDARD = PROFILES["standard"]
HEAD = (
    *("detector", "two-fold", "low FP", "low FN", "hit", "false"),
    *("splits", "splits, low FP", "fitted"),
)


def measure() -> Part | None:
    """Scores of all arms, and claims of the first."""
    if not NAB.is_dir():
        return None
    files = read(NAB)
    arms = {**_ours(files), **_published(files)}
    trial = arms[f"trial: novelty, {HELD_ROWS[0]} rows"]
    standard = median(_splits(trial, STANDARD))
    low = median(_splits(trial, PROFILES["low FP"]))
    by = "median of 20 two-fold splits, by a trial score that is no rule of the product"
    claims = (
        Claim(f"NAB standard, {by}", standard, 65.0, "points", "at least"),
        Claim(f"NAB standard (stretch), {by}", standard, 74.0, "points", "at least"),
        Claim(f"NAB low FP, {by}", low, 60.0, "points", "at least"),
    )
    return Part({"nab": (HEAD, [_row(name, arm) for name, arm in arms.items()])}, claims)


def _splits(corpus: list[Series], profile: Profile) -> list[float]:
    draw = np.random.default_rng(5)
    return [
        two_fold([corpus[i] for i in draw.permutation(len(corpus))], profile).score
        for _ in range(SPLITS)
    ]


def _ours(files: list[File]) -> dict[str, list[Series]]:
    new = [novelty(file.values) for file in files]
    arms = {
        f"trial: novelty, {rows} rows": [
            Series(held(scores, rows), file.windows)
            for scores, file in zip(new, files, strict=True)
        ]
        for rows in HELD_ROWS
    }
    arms["range rule"] = [Series(outside(file.values), file.windows) for file in files]
    arms["chance"] = [Series(chance(file.values), file.windows) for file in files]
    return arms


def _published(files: list[File]) -> dict[str, list[Series]]:
    table = pq.read_table(NAB / "published_scores" / "scores.parquet")
    detectors = np.array(table["detector"].to_pylist())
    names = np.array(table["file"].to_pylist())
    scores = table["anomaly_score"].to_numpy()
    return {
        f"published: {detector}": [
            Series(scores[(detectors == detector) & (names == file.name)], file.windows)
            for file in files
        ]
        for detector in sorted(set(detectors))
    }


def _span(corpus: list[Series], profile: str) -> str:
    splits = _splits(corpus, PROFILES[profile])
    return f"{min(splits):.1f}, {median(splits):.1f}, {max(splits):.1f}"


def _row(name: str, corpus: list[Series]) -> list[str]:
    standard, low_fp, low_fn = (two_fold(corpus, profile) for profile in PROFILES.values())
    fitted = judge(corpus, best_threshold(corpus, STANDARD), STANDARD)
    return [
        name,
        *(f"{result.score:.1f}" for result in (standard, low_fp, low_fn)),
        f"{standard.hit} of {standard.windows}",
        f"{standard.false_points}",
        *(_span(corpus, "standard"), _span(corpus, "low FP")),
        f"{fitted.score:.1f}",
    ]
