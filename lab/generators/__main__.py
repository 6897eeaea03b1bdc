"""Telemetry with known trouble: `python -m lab.generators water --seed 7 --out made`.

Other parameters follow as `name=value`, lists with commas: `kind=leak lasts_h=48,60`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from lab.generators import creep, crowd, elevator, excavation, grid
from lab.generators.made import LABELS, Made
from lab.generators.water import Water, water


class Generator(NamedTuple):
    """A generator: the dataclass of its parameters, and what makes readings of them."""

    parameters: type[Any]
    make: Callable[[Any], Made]


GENERATORS: Final = {
    "creep": Generator(creep.Creep, creep.make),
    "crowd": Generator(crowd.Crowd, crowd.make),
    "elevator": Generator(elevator.Elevator, elevator.make),
    "excavation": Generator(excavation.Excavation, excavation.make),
    "grid": Generator(grid.Grid, grid.make),
    "water": Generator(Water, water),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab.generators", description="Make readings with known trouble in them."
    )
    parser.add_argument("generator", choices=sorted(GENERATORS))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder that is written")
    parser.add_argument("figures", nargs="*", metavar="name=value", help="other parameters")
    return parser


def _figures(of: type[Any], words: Sequence[str]) -> dict[str, Any]:
    """Parameters as they were written, lists as lists."""
    kinds = {field.name: str(field.type) for field in fields(of)}
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in kinds:
            msg = f"{word}: expected one of {', '.join(kinds)} with `=` and a value"
            raise ValueError(msg)
        found[name] = value.split(",") if kinds[name].startswith("tuple") else value
    return found


def main(arguments: Sequence[str]) -> int:
    """Make, write, and say what to do with it; 2 when the parameters are wrong."""
    given = _parser().parse_intermixed_args(arguments)
    parameters, make = GENERATORS[given.generator]
    try:
        figures = _figures(parameters, given.figures)
        made = make(msgspec.convert({**figures, "seed": given.seed}, parameters, strict=False))
        made.write(given.out)
    except ValueError as error:  # msgspec's own is one too
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"--out: expected a folder to write into, got {error}; name another\n")
        return 2
    sys.stdout.write(f"{len(made):,} readings of {len(made.catalogue)} channels in {given.out}\n")
    sys.stdout.write(f"try: tocsin backtest CONFIG {given.out} --labels {given.out}/{LABELS}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
