"""How well trouble is found in public corpora, each by its own rule; thresholds from elsewhere.

`quality.py [nab|...] [--write]`: each part is a module of `quality_data/` with a function
`measure`; without a name all of them run. Corpora are not carried: where one is not beside
the tree, its part says so. `--write` renews its tables in docs/quality.md.
"""

import sys
from importlib import import_module

from benchmarks.support.claims import (
    Claim,
    Part,
    page_of,
    print_claims,
    print_table,
    write_rows,
    writes,
)

PARTS = (
    "battledim",
    "battledim_nested",
    "city",
    "corpora",
    "generators",
    "gnss",
    "nab",
    "nab_nested",
    "recorded",
    "settled",
    "skab",
    "water",
)


def main() -> None:
    """Measure the parts asked for, print, and renew their tables if asked."""
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    unknown = sorted(set(asked) - set(PARTS))
    if unknown:
        sys.exit(f"quality: expected some of {', '.join(PARTS)}, got {unknown}")
    claims: list[Claim] = []
    for name in asked or PARTS:
        part: Part | None = import_module(f"benchmarks.quality_data.{name}").measure()
        if part is None:
            print(f"{name}: the corpus is not beside this tree; nothing was measured")
            continue
        claims += part.claims
        tables = {**part.tables, f"{name} goals": _goals(part.claims)}
        for mark, (head, rows) in tables.items():
            print(f"\n{mark}")
            print_table(head, rows)
            if writes():
                write_rows(page_of("quality"), mark, head, rows)
    print_claims(claims)


def _goals(claims: tuple[Claim, ...]) -> tuple[list[str], list[list[str]]]:
    """A part's claims as a table."""
    rows = [
        [
            claim.claim,
            f"{claim.sense} {claim.goal:g}",
            f"{claim.value:.4g} {claim.unit}",
            "reached" if claim.holds else "missed",
        ]
        for claim in claims
    ]
    return ["claim", "goal", "value", ""], rows


if __name__ == "__main__":
    main()
