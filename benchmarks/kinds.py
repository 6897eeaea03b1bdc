"""What each kind of rule costs: ns a reading and bytes a channel, on the stream its tests ring on.

Run with `--write` to renew docs/detectors.md. `--wide 1000 1000000` measures lanes of so many
channels instead, drawn at random; with `--write` into docs/performance.md.
"""

import argparse
import statistics
import time

import msgspec

from benchmarks.support.claims import Claim, page_of, print_claims, print_table, write_rows
from benchmarks.support.kind_rivals import rival
from benchmarks.support.wide_lanes import wide
from detectors.base.kind import Kind
from detectors.registry import KINDS
from runtime.installation import HOME
from tests.testkit.kind_case import Case
from tests.testkit.kinds.all_kinds import cases

ROUNDS = 5
PAGE = HOME / "docs" / "detectors.md"
HEAD = """# Kinds of rules

Written by `python benchmarks/kinds.py --write` from the code: what each kind is for, its words, the
bytes it keeps of a channel and the time it takes for a reading, measured on the stream that its
tests ring on (a stream full of trouble: a calm city is cheaper). Times are of one core of a shared
virtual machine. The last column is another's model of the same parameters on the same values,
one model, alone in a loop (`pip install --no-deps stumpy==1.14.1` first, and `pip install
pysad==0.7.0` in a place of its own): times say nothing of what is found, and tests hold ours equal
to river's where they are the same. `rise` costs what `fall` does, `repeated` and `late` what
`missing` does: their kernels are the same. `limit`, `unusual` (D1, D3) and `frozen` (D9) share one
row of 128 bytes and one kernel, `silent` keeps 17 bytes and `invalid` (D9) 10; see
[the benchmarks](../benchmarks/README.md) for those.

| kind | class | words | bytes a channel | ns a reading | others, ns a reading |
| --- | --- | --- | --- | --- | --- |
"""


def cost(case: Case) -> tuple[float, float]:
    """Median ns a reading over some runs, and bytes of state a channel."""
    batch, disposition = case.batch()
    times = []
    size = 0
    for _ in range(ROUNDS + 1):
        detector = case.detector()
        began = time.thread_time()
        detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
        times.append(time.thread_time() - began)
        size = sum(array.nbytes for array in detector.arrays().values())
    channels = len(case.roster.rows_of(case.rules))
    return statistics.median(times[1:]) / len(batch) * 1e9, size / max(channels, 1)


def words(kind: Kind) -> str:
    """Keys that an engineer writes."""
    return ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(kind.config))


def tell_wide(lanes: list[int], only: list[str], *, write: bool) -> None:
    """Cost of a reading in lanes of so many channels each."""
    known = {name: case for name, case in cases().items() if not only or name in only}
    head = ["kind", *(f"{channels:,} channels" for channels in lanes)]
    rows = []
    for name, case in known.items():
        rows.append([name, *(wide(case, channels).cell(channels) for channels in lanes)])
        print_table(head, rows[-1:])
    if write:
        write_rows(page_of("performance"), "kinds", head, rows)


def main() -> None:
    """Print the table, and write it when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    parser.add_argument("--wide", type=int, nargs="+", metavar="N", help="channels of lanes")
    parser.add_argument("--only", nargs="+", default=[], metavar="KIND", help="with --wide")
    wanted = parser.parse_args()
    if wanted.wide:
        tell_wide(wanted.wide, wanted.only, write=wanted.write)
    else:
        tell(write=wanted.write)


def tell(*, write: bool) -> None:
    """Each kind on the stream of its tests."""
    known = cases()
    lines, costs = [], []
    for kind in KINDS:
        ns, size, others = "not measured", "not measured", ""
        if kind.name in known:
            taken, kept = cost(known[kind.name])
            costs.append((taken, kept))
            ns, size = f"{taken:,.0f}", f"{kept:,.0f}"
            others = rival(kind.name, known[kind.name], taken)
        row = (f"`{kind.name}`", kind.detects, words(kind), size, ns, others)
        lines.append(f"| {' | '.join(row)} |")
    table = HEAD + "\n".join(lines) + "\n"
    print(table)
    if write:
        PAGE.write_text(table, encoding="utf-8")
    dearest, largest = max(taken for taken, _ in costs), max(kept for _, kept in costs)
    print_claims(
        [
            Claim("dearest kind of rule", dearest, 1_000_000.0, "ns/reading", "at most"),
            Claim("largest state of a kind", largest, 8192.0, "bytes/channel", "at most"),
        ]
    )


if __name__ == "__main__":
    main()
