"""The fused kernel against the same step by hand in C, over random batches of every size.

Both score the same readings, drawn at random over all channels, from rows of their own; after the
first pass level changes and rows must be equal to the last byte. C is scalar with the kernel's
prefetch, compiled for this CPU.
"""

import gc
from pathlib import Path

import numpy as np
from _claims import Claim, interleaved, page_of, print_claims, print_table, write_rows, writes
from _reference import CRules
from hot_loop import BEGIN_NS, PERIOD_NS, RULES
from numpy.typing import NDArray

from contracts.batch import Batch, Destiny
from detectors.channel_rules import ChannelRules

CHANNELS = (1_000, 100_000, 1_000_000)
ROWS = (1_000, 10_000, 100_000)
READINGS = 1_000_000
HEAD = ["channels", "rows a batch", "kernel", "C", "kernel/C"]
ROUNDS = 11
ODD = 1e-4  # share of readings far outside

Batches = list[tuple[Batch, NDArray[np.uint8]]]


def batches(channels: int, rows: int) -> Batches:
    """Random batches; time stands within one and moves on between them."""
    chance = np.random.default_rng(channels + rows)
    made = []
    for number in range(max(READINGS // rows, 1)):
        value = chance.normal(5.0, 0.05, rows)
        value[chance.random(rows) < ODD] = 9.5
        row = chance.integers(0, channels, rows).astype(np.int32)
        time_ns = np.full(rows, BEGIN_NS + number * PERIOD_NS)
        record, quality = np.arange(rows, dtype=np.int32), np.zeros(rows, np.uint8)
        made.append((Batch(record, row, time_ns, value, quality), _scored(rows)))
    return made


def _scored(rows: int) -> NDArray[np.uint8]:
    return np.full(rows, Destiny.SCORED, np.uint8)


def check(kernel: ChannelRules, rival: CRules, sent: Batches) -> None:
    """Run both once; they must agree to the last byte."""
    told = 0
    for batch, destiny in sent:
        ours = kernel.score(batch, destiny, (0, len(batch)))
        theirs = rival.score(batch, destiny)
        assert len(ours) == sum(map(len, theirs)), "C tells something else"
        for name in ours.dtype.names or ():
            apart = np.concatenate([part[name] for part in theirs]) if theirs else ours[name]
            assert ours[name].tobytes() == apart.tobytes(), f"C tells another {name}"
        told += len(ours)
    assert kernel.rows.tobytes() == rival.rows.tobytes(), "C keeps other rows"
    assert told > 10, "the check was idle: hardly anything rang"


def measure(channels: int, rows: int) -> tuple[float, float]:
    """Median ns a reading of the kernel and of C."""
    kernel = ChannelRules([RULES], np.zeros(channels, np.int64))
    rival, sent = CRules(RULES, channels), batches(channels, rows)
    check(kernel, rival, sent)
    gc.collect()

    def ours() -> None:
        for batch, destiny in sent:
            kernel.score(batch, destiny, (0, len(batch)))

    def theirs() -> None:
        for batch, destiny in sent:
            rival.score(batch, destiny)

    def later() -> None:
        for batch, _ in sent:
            batch.time_ns[:] += len(sent) * PERIOD_NS

    seconds = interleaved({"kernel": ours, "c": theirs}, ROUNDS, later)
    readings = sum(len(batch) for batch, _ in sent)
    return seconds["kernel"] * 1e9 / readings, seconds["c"] * 1e9 / readings


def wide() -> str:
    """What is to be said of AVX-512."""
    flags = Path("/proc/cpuinfo")
    if flags.exists() and "avx512f" in flags.read_text():
        return "this CPU has AVX-512; the reference is scalar C for it, no arm uses it by hand"
    return "this CPU has no AVX-512: no ratio to it"


def main() -> None:
    """Check, measure, tell."""
    found, lines = {}, []
    for channels in CHANNELS:
        for rows in ROWS:
            ns, c = found[channels, rows] = measure(channels, rows)
            lines.append([f"{channels:,}", f"{rows:,}", f"{ns:.1f}", f"{c:.1f}", f"{ns / c:.2f}"])
    print(f"ns a reading, median of {ROUNDS} interleaved rounds of {READINGS:,} readings")
    print(f"{wide()}\n")
    print_table(HEAD, lines)
    if writes():
        joined = [[f"{line[0]} by {line[1]}", *line[2:]] for line in lines]
        write_rows(
            page_of("performance"), "kernel", ["channels by rows a batch", *HEAD[2:]], joined
        )
    claims = [
        Claim(
            f"fused kernel over scalar C, {channels:,} channels, batches of {rows:,}",
            ns / c, 1.1, "times", "at most",
        )
        for (channels, rows), (ns, c) in found.items()
    ]  # fmt: skip
    few, most = (min(found[n, rows][0] for rows in ROWS[1:]) for n in (1_000, 1_000_000))
    name = "fused kernel, 1,000,000 channels over 1,000"
    print_claims([*claims, Claim(name, most / few, 1.7, "times", "at most")])


if __name__ == "__main__":
    main()
