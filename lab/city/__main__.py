"""Writes a made city: `python -m lab.city --seed 7 --out city [gas telecom ...]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.city.city import City, CityParameters
from lab.city.tables import kinds
from lab.generators.made import LABELS


def _parser() -> argparse.ArgumentParser:
    known = sorted({kind.lifeline for kind in kinds()})
    parser = argparse.ArgumentParser(
        prog="python -m lab.city", description="Make readings of a city with known trouble in them."
    )
    parser.add_argument("lifelines", nargs="*", metavar="lifeline", help="; ".join(known))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder for each lifeline")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--quiet-days", type=int, default=14, help="before the first trouble")
    parser.add_argument("--districts", type=int, default=1)
    return parser


def _asked(words: Sequence[str]) -> list[str]:
    """Lifelines that are asked for, all of them for none.

    Raises
    ------
    ValueError
        When one is not there.
    """
    known = sorted({kind.lifeline for kind in kinds()})
    if strange := sorted(set(words) - set(known)):
        msg = f"lifelines: expected some of {', '.join(known)}, got {strange[0]}"
        raise ValueError(msg)
    return list(words) or known


def main(arguments: Sequence[str]) -> int:
    """Make, write, and say where it is; 2 when what is asked for is not there."""
    given = _parser().parse_args(arguments)
    try:
        lifelines = _asked(given.lifelines)
        city = City(CityParameters(given.seed, given.days, given.quiet_days, given.districts))
        for lifeline in lifelines:
            folder = given.out / lifeline
            made = city.made(lifeline)
            made.write(folder)
            told = f"{len(made):,} readings of {len(made.catalogue)} channels in {folder}"
            sys.stdout.write(f"{told}: {len(made.events)} labels in {LABELS}\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"--out: expected a folder to write into, got {error}; name another\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
