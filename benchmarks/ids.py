"""Rows of channel ids: the table of ids in place against a Python dict, and a whole city's."""

import gc
import resource
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.support.claims import (
    Claim,
    interleaved,
    page_of,
    print_claims,
    print_table,
    write_rows,
    writes,
)
from ingest.id_table import IdTable

SIZES = (1_000, 100_000, 1_000_000)
ASKED = 200_000
ROUNDS = 7
CITY = 35_000_000
GROWN = CITY + CITY // 100  # the next catalogue, a hundredth larger
HEAD = ["ids", "table ns", "unknown ns", "dict ns", "dict/table", "bytes an id"]
GIB = 2**30


def name_of(i: int) -> str:
    """An id as a city has it."""
    return f"water.dma-{i:08d}.pressure"


def measure(count: int) -> tuple[float, float, float, float]:
    """Median ns an id of the table, known and unknown, of a dict, and the table's bytes an id."""
    names = [name_of(i) for i in range(count)]
    known = {name: row for row, name in enumerate(names)}
    table = IdTable(pa.array(names))
    chance = np.random.default_rng(count)
    asked = [names[i] for i in chance.integers(0, count, ASKED)]
    column, strange = pa.array(asked), pa.array([f"{name[:-1]}x" for name in asked])
    # As a decoder has them: strings made from the bytes of a message, whose hash is not yet known.
    sent = [name.encode() for name in asked]
    expected = table.rows(column)
    assert expected.tolist() == [known[name] for name in asked], "the table finds other rows"
    assert (table.rows(strange) < 0).all(), "the table finds what is not there"
    gc.collect()

    def theirs() -> None:
        np.array([known.get(name.decode(), -1) for name in sent], np.int32)

    arms = {
        "table": lambda: table.rows(column),
        "unknown": lambda: table.rows(strange),
        "dict": theirs,
    }
    ns = {arm: s * 1e9 / ASKED for arm, s in interleaved(arms, ROUNDS, lambda: None).items()}
    return ns["table"], ns["unknown"], ns["dict"], table.nbytes / count


def city_ids(count: int) -> pa.Array:
    """Many ids, written digit by digit into one buffer."""
    size = len(name_of(0))
    text = np.tile(np.frombuffer(name_of(0).encode(), np.uint8), count).reshape(count, size)
    number = np.arange(count)
    for place in range(17, 9, -1):
        text[:, place] = number % 10 + ord("0")
        number //= 10
    bounds = np.arange(count + 1, dtype=np.int32) * np.int32(size)
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(bounds), pa.py_buffer(text)]
    )


def peak_gib() -> float:
    """Most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def city() -> Iterator[Claim]:
    """A whole city's table; then the next catalogue's is made while the first one is at work."""
    before = peak_gib()
    ids = city_ids(CITY)
    began = time.perf_counter()
    table = IdTable(ids)
    built_s = time.perf_counter() - began
    some = np.random.default_rng(1).integers(0, CITY, ASKED)
    asked = ids.take(pa.array(some))
    assert (table.rows(asked) == some).all(), "the table finds other rows"
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        table.rows(asked)
        taken.append(time.perf_counter() - began)
    ns, steady = sorted(taken)[ROUNDS // 2] * 1e9 / ASKED, table.nbytes / GIB
    alone = peak_gib() - before
    other_ids = city_ids(GROWN)
    other = IdTable(other_ids)
    assert (table.rows(asked) == other.rows(asked)).all()
    both = (table.nbytes + other.nbytes) / GIB
    print(f"\n{CITY:,} ids: {steady:.2f} GiB, built in {built_s:.1f} s, {ns:.0f} ns a look-up;")
    print(f"{GROWN:,} beside them while they are at work: {both:.2f} GiB;")
    print(f"the process grew by {alone:.2f} and {peak_gib() - before:.2f} GiB")
    yield Claim("35,000,000 ids: keys, bounds and slots", steady, 1.6, "GiB", "at most")
    yield Claim("35,000,000 ids beside those of the next catalogue", both, 3.2, "GiB", "at most")


def main() -> None:
    """Measure, tell."""
    found = {count: measure(count) for count in SIZES}
    rows = [
        [f"{n:,}", f"{ns:.0f}", f"{un:.0f}", f"{of_dict:.0f}", f"{of_dict / ns:.1f}", f"{size:.0f}"]
        for n, (ns, un, of_dict, size) in found.items()
    ]
    print(f"ns an id, median of {ROUNDS} interleaved rounds of {ASKED:,}\n")
    print_table(HEAD, rows)
    if writes():
        write_rows(page_of("performance"), "ids", HEAD, rows)
    ns, _, of_dict, _ = found[SIZES[-1]]
    times = Claim("id table over a dict, 1,000,000 ids", of_dict / ns, 8, "times", "at least")
    print_claims([times, *city()])


if __name__ == "__main__":
    main()
