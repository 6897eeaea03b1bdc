"""`make bench-compare`: claims of the last `make bench` against stored ones.

Times and rates are held against the C reference that ran beside them, so that another machine, or
a busy one, does not look like another Tocsin. `--store` makes the last run the stored one.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.support.claims import RESULTS, print_table

BASELINE = Path(__file__).parents[1] / "baseline.json"
WORSE = 1.25
TIMES = {"ns", "ns/reading", "ms", "s"}
RATES = {"readings/s"}


def last_run() -> dict[str, dict[str, Any]]:
    """Claims by script and text, each with the yardstick of its script's run."""
    found = {}
    for path in sorted(RESULTS.glob("*.json")):
        run = json.loads(path.read_text())
        for claim in run["claims"]:
            found[f"{path.stem}: {claim['claim']}"] = {**claim, "yardstick": run["yardstick_ns"]}
    return found


def levelled(claim: dict[str, Any]) -> float:
    """The value as it would be where the C reference takes 1 ns; ratios as they are."""
    value, yardstick = float(claim["value"]), claim["yardstick"] or 1.0
    if claim["unit"] in TIMES:
        return value / float(yardstick)
    return value * float(yardstick) if claim["unit"] in RATES else value


def line(name: str, old: dict[str, Any] | None, new: dict[str, Any]) -> list[str]:
    """One claim, then and now."""
    if old is None or not levelled(old):
        return [name, "new", f"{new['value']:g}", "", ""]
    ratio = levelled(new) / levelled(old)
    change = ratio if new["sense"] == "at most" else 1.0 / max(ratio, 1e-9)
    word = "worse" if change > WORSE else "better" if change < 1 / WORSE else ""
    return [name, f"{old['value']:g}", f"{new['value']:g}", f"{ratio:.2f}", word]


def main() -> None:
    """Compare, or store."""
    now = last_run()
    if not now:
        sys.exit(f"{RESULTS}: expected claims of a run, found none; run `make bench` first")
    if "--store" in sys.argv[1:]:
        BASELINE.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
        print(f"{len(now)} claims stored")
        return
    stored = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print_table(
        ["claim", "stored", "now", "now/stored, levelled", ""],
        [line(name, stored.get(name), claim) for name, claim in now.items()],
    )


if __name__ == "__main__":
    main()
