"""Rows of channel ids: the table of ids in place against a Python dict, and its bytes an id."""

import gc

import numpy as np
import pyarrow as pa
from _claims import Claim, interleaved, page_of, print_claims, print_table, write_rows, writes

from ingest.id_table import IdTable

SIZES = (1_000, 100_000, 1_000_000)
ASKED = 200_000
ROUNDS = 7
CITY = 35_000_000
HEAD = ["ids", "table ns", "dict ns", "dict/table", "bytes an id"]


def ids_of(count: int) -> list[str]:
    """Ids as a city has them."""
    return [f"water.dma-{i:07d}.pressure" for i in range(count)]


def measure(count: int) -> tuple[float, float, float]:
    """Median ns an id of the table and of a dict, and bytes an id of the table."""
    names = ids_of(count)
    known = {name: row for row, name in enumerate(names)}
    table = IdTable(pa.array(names))
    chance = np.random.default_rng(count)
    asked = [names[i] for i in chance.integers(0, count, ASKED)]
    column = pa.array(asked)
    # As a decoder has them: strings made from the bytes of a message, whose hash is not yet known.
    sent = [name.encode() for name in asked]
    expected = table.rows(column)
    assert expected.tolist() == [known[name] for name in asked], "the table finds other rows"
    gc.collect()

    def ours() -> None:
        table.rows(column)

    def theirs() -> None:
        np.array([known.get(name.decode(), -1) for name in sent], np.int32)

    seconds = interleaved({"table": ours, "dict": theirs}, ROUNDS, lambda: None)
    return seconds["table"] * 1e9 / ASKED, seconds["dict"] * 1e9 / ASKED, table.nbytes / count


def main() -> None:
    """Measure, tell."""
    found = {count: measure(count) for count in SIZES}
    rows = [
        [f"{n:,}", f"{ns:.0f}", f"{of_dict:.0f}", f"{of_dict / ns:.1f}", f"{size:.0f}"]
        for n, (ns, of_dict, size) in found.items()
    ]
    print(f"ns an id, median of {ROUNDS} interleaved rounds of {ASKED:,}\n")
    print_table(HEAD, rows)
    if writes():
        write_rows(page_of("performance"), "ids", HEAD, rows)
    ns, of_dict, size = found[SIZES[-1]]
    print_claims(
        [
            Claim("id table over a dict, 1,000,000 ids", of_dict / ns, 8, "times", "at least"),
            Claim(
                "35,000,000 ids, at the bytes an id of 1,000,000",
                size * CITY / 2**30, 1.6, "GiB", "at most",
            ),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
