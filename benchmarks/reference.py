"""The fused kernel against the same step by hand in C, over random batches of every size.

All arms score the same readings, drawn at random over all channels, from rows of their own; after
the first pass level changes and rows must be equal to the last byte. C is compiled for this CPU:
scalar with the kernel's prefetch and, where there is AVX-512, eight readings at a time.
"""

import gc
from collections.abc import Sequence
from functools import partial
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from benchmarks.hot_loop import BEGIN_NS, PERIOD_NS, RULES, STILL, settle
from benchmarks.support.claims import (
    Claim,
    interleaved,
    page_of,
    print_claims,
    print_table,
    write_rows,
    writes,
)
from benchmarks.support.reference import CRules, has_wide, library
from contracts.batch import Batch, Disposition
from contracts.transition import end_to_end
from detectors.fused.scorer import ChannelRules

CHANNELS = (1_000, 100_000, 1_000_000)
ROWS = (1_000, 10_000, 100_000)
READINGS = 1_000_000
HEAD = ["kernel", "C", "AVX-512", "kernel/C", "kernel/AVX-512"]
ROUNDS = 11
ODD = 1e-4  # share of readings far outside
SHIFTED = 11  # channels whose mean shifts half way, of each thousand

Batches = list[tuple[Batch, NDArray[np.uint8]]]
Found = dict[tuple[int, int], dict[str, float]]


def batches(channels: int, rows: int) -> Batches:
    """Random batches; time stands within one and moves on between them."""
    chance = np.random.default_rng(channels + rows)
    made = []
    count = max(READINGS // rows, 1)
    for number in range(count):
        row = chance.integers(0, channels, rows).astype(np.int32)
        value = chance.normal(5.0, 0.05, rows)
        value[chance.random(rows) < ODD] = 9.5
        value[row % 1000 == STILL] = 5.0
        value[row % 1000 == SHIFTED] += 0.15 * (2 * number > count)
        time_ns = np.full(rows, BEGIN_NS + number * PERIOD_NS)
        record, quality = np.arange(rows, dtype=np.int32), np.zeros(rows, np.uint8)
        scored = np.full(rows, Disposition.SCORED, np.uint8)
        made.append((Batch(record, row, time_ns, value, quality), scored))
    return made


def later(sent: Batches) -> None:
    """Move all readings on in time, and to the other side of 5: nobody's value comes again."""
    for batch, _ in sent:
        batch.time_ns[:] += len(sent) * PERIOD_NS
        batch.value[:] = 10.0 - batch.value


def check(kernel: ChannelRules, rivals: Sequence[CRules], sent: Batches) -> None:
    """Run all once; they must agree to the last byte."""
    told = 0
    for batch, disposition in sent:
        ours = kernel.score(batch, disposition, (0, len(batch)))
        for rival in rivals:
            theirs = end_to_end(rival.score(batch, disposition))
            assert len(ours) == len(theirs), "C tells something else"
            for name in ours.dtype.names or ():
                assert ours[name].tobytes() == theirs[name].tobytes(), f"C tells another {name}"
        told += len(ours)
    for rival in rivals:
        assert kernel.rows.tobytes() == rival.rows.tobytes(), "C keeps other rows"
        assert kernel.waits.tobytes() == rival.waits.tobytes(), "C waits for something else"
    assert told > 10, "the check was idle: hardly anything rang"


def measure(channels: int, rows: int) -> dict[str, float]:
    """Median ns a reading of each arm."""
    kernel = ChannelRules([RULES], np.zeros(channels, np.int64))
    rivals: dict[str, CRules] = {"C": CRules(RULES, channels)}
    if has_wide(library()):
        rivals["AVX-512"] = CRules(RULES, channels, wide=True)
    for rows_of in (kernel.rows, *(rival.rows for rival in rivals.values())):
        settle(rows_of)
    sent = batches(channels, rows)
    check(kernel, list(rivals.values()), sent)
    gc.collect()

    def ours() -> None:
        for batch, disposition in sent:
            kernel.score(batch, disposition, (0, len(batch)))

    def theirs(rival: CRules) -> None:
        for batch, disposition in sent:
            rival.score(batch, disposition)

    arms = {name: partial(theirs, rival) for name, rival in rivals.items()}
    seconds = interleaved({"kernel": ours, **arms}, ROUNDS, partial(later, sent), thread_time)
    readings = sum(len(batch) for batch, _ in sent)
    return {name: taken * 1e9 / readings for name, taken in seconds.items()}


def cells(ns: dict[str, float]) -> list[str]:
    """Figures of one size as the table shows them."""
    rivals = [ns.get(name, float("nan")) for name in HEAD[1:3]]
    times = [f"{ns['kernel'] / other:.2f}" for other in rivals]
    return [f"{each:.1f}".replace("nan", "-") for each in (ns["kernel"], *rivals)] + [
        each.replace("nan", "-") for each in times
    ]


def claims(found: Found) -> list[Claim]:
    """Scalar C everywhere, AVX-512 where memory decides, and a million channels over a thousand."""
    made = [
        Claim(
            f"fused kernel over scalar C, {channels:,} channels, batches of {rows:,}",
            ns["kernel"] / ns["C"], 1.1, "times", "at most",
        )
        for (channels, rows), ns in found.items()
    ]  # fmt: skip
    name = f"{CHANNELS[-1]:,} channels"
    wide = [ns["kernel"] / ns["AVX-512"] for (n, _), ns in found.items() if n == CHANNELS[-1]
            if "AVX-512" in ns]  # fmt: skip
    if wide:
        made.append(
            Claim(
                f"fused kernel over AVX-512, {name}, any batch", max(wide), 1.5, "times", "at most"
            )
        )
    over = f"fused kernel, {name} over {CHANNELS[0]:,}"
    return [*made, Claim(over, grows(found, "kernel"), 1.7, "times", "at most")]


def grows(found: Found, arm: str) -> float:
    """What a million channels cost over a thousand, batches of ten thousand and more."""
    few, most = (min(found[n, rows][arm] for rows in ROWS[1:]) for n in (CHANNELS[0], CHANNELS[-1]))
    return most / few


def main() -> None:
    """Check, measure, tell."""
    found, lines = {}, []
    for channels in CHANNELS:
        for rows in ROWS:
            ns = found[channels, rows] = measure(channels, rows)
            lines.append([f"{channels:,}", f"{rows:,}", *cells(ns)])
    print(f"ns of CPU time a reading, median of {ROUNDS} rounds of {READINGS:,} readings\n")
    print_table(["channels", "rows a batch", *HEAD], lines)
    growth = {arm: grows(found, arm) for arm in next(iter(found.values()))}
    told = ", ".join(f"{arm} {times:.2f}" for arm, times in growth.items())
    print(f"\na million channels over a thousand: {told}")
    if writes():
        joined = [[f"{line[0]} by {line[1]}", *line[2:]] for line in lines]
        write_rows(page_of("performance"), "kernel", ["channels by rows a batch", *HEAD], joined)
    print_claims(claims(found))


if __name__ == "__main__":
    main()
