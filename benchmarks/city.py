"""A whole city on one machine: 35 million channels in proportion, at the rates they report at."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.city_load import city, sizes
from benchmarks.city_load.run import GIB, Figures, Run
from benchmarks.city_load.watch import quantile
from benchmarks.support.claims import Claim, page_of, print_claims, print_table, write_rows
from tests.testkit.kafka.broker import Cluster, missing

LAG_S = 5.0
HEAD = ["what", "figure"]
CLASSES = ["class", "channels", "bytes a channel", "of them", "GiB"]
KINDS = ["kind", "channels", "bytes a channel", "GiB"]
SHOWN_GIB = 0.1


def rows(found: Figures) -> list[list[str]]:
    """Table of what was found."""
    busy = ", ".join(f"{name} {cores:.2f}" for name, cores in found.cores.items())
    late = ", ".join(f"{quantile(found.delays, share):.3f}" for share in (0.5, 0.99, 1.0))
    kinds = ", ".join(f"{name} {size / GIB:.2f}" for name, size in found.kinds.items())
    return [
        ["channels in lanes", f"{found.channels:,} in {found.lanes}"],
        ["readings a second", f"{found.per_s:,.0f}"],
        ["judged from nothing, s (peak GiB)", f"{found.cold:.0f} ({found.cold_peak / GIB:.1f})"],
        ["snapshots, GiB", f"{found.snapshots / GIB:.2f}"],
        ["start to first score, s", f"{found.first:.1f}"],
        ["start to all lanes running, s", f"{found.ready:.1f}"],
        ["start to caught up, s", f"{found.caught_up:.1f}"],
        ["resident, most, GiB", f"{found.rss / GIB:.2f}"],
        ["of it at the end, GiB", kinds],
        ["lag, most, s of readings", f"{found.lag:.2f}"],
        ["sample to alarm p50, p99, most, s", f"{late} ({len(found.delays):,} alarms)"],
        ["faults sent, alarms by rule", f"{found.faults:,}, {found.rang}"],
        [
            "snapshots taken, longest hold of the newest, ms",
            f"{found.taken}, {found.hold * 1000:.0f}",
        ],
        ["cores busy", busy],
        ["generator late, most, s", f"{found.late:.2f}"],
        ["sent, received, scored", f"{found.sent:,}, {found.received:,}, {found.scored:,}"],
        ["other destinies", found.others or "none"],
    ]


def claims(found: Figures) -> list[Claim]:
    """Goals of the whole city; a smaller one is held against the same."""
    many = f"{found.channels:,} channels"
    p99 = quantile(found.delays, 0.99)
    return [
        Claim(f"{many}, start to first score", found.first, 90, "s", "at most"),
        Claim(f"{many}, resident", found.rss / GIB, 12, "GiB", "at most"),
        Claim(f"{many}, lag", found.lag, LAG_S, "s of readings", "at most"),
        Claim(f"{many}, p99 of sample to alarm", p99, 1, "s", "at most"),
        Claim(f"{many}, sent and not scored", found.sent - found.scored, 0, "readings", "at most"),
    ]


def tell_sizes(channels: int, *, write: bool) -> None:
    """Measure what each class takes, and what the whole city would."""
    found = sizes.sizes(channels)
    print_table(CLASSES, [*sizes.by_class(found)])
    print()
    print_table(KINDS, [*sizes.by_kind(found)])
    if write:
        shown = [row for row in sizes.by_class(found) if float(row[-1]) >= SHOWN_GIB]
        write_rows(page_of("performance"), "city classes", CLASSES, shown)
        write_rows(page_of("performance"), "city kinds", KINDS, [*sizes.by_kind(found)])


def main() -> None:
    """Make a city, let it run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=1_000_000, help="default: 1,000,000")
    parser.add_argument("--minutes", type=float, default=1.0, help="default: 1")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    parser.add_argument(
        "--sizes",
        type=int,
        metavar="N",
        help="no run: bytes a channel of each class, in lanes of N of them",
    )
    wanted = parser.parse_args()
    if wanted.sizes:
        tell_sizes(wanted.sizes, write=wanted.write)
        return
    if (lacking := missing()) is not None:
        sys.exit(f"city: expected a Kafka to run it on, got none: {lacking}")
    with TemporaryDirectory(prefix="tocsin-city-") as folder, Cluster() as kafka:
        run = Run(Path(folder), city.classes(wanted.channels), kafka)
        asyncio.run(run.measure(wanted.minutes * 60))
    print_table(["kind", "classes", "channels", "readings/s"], [*city.rule_table(run.city)])
    print()
    print_table(HEAD, rows(run.found))
    print_claims(claims(run.found))
    if wanted.write:
        write_rows(page_of("performance"), "city", HEAD, rows(run.found))


if __name__ == "__main__":
    main()
