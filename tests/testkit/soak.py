"""Endurance: how long it may take, and where the next one goes on."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

STATE = Path("build/soak.json")
SECONDS = 600.0


def allowed_s() -> float:
    """Seconds that each endurance test may take."""
    return float(os.environ.get("SOAK_SECONDS", SECONDS))


def rounds_left(name: str, first: int, last: int | None = None) -> Iterator[int]:
    """Numbers of rounds to be run now; each is noted as passed when the next one is asked for.

    At least one, unless all have passed: then it begins anew.

    Parameters
    ----------
    name : str
        Under which the last round that passed is noted.
    first : int
    last : int, optional
        Without it, rounds go on until the time is up.
    """
    until = time.monotonic() + allowed_s()
    number = _passed().get(name, first - 1) + 1
    if last is not None and number > last:
        number = first
    while True:
        yield number
        _note(name, number)
        number += 1
        if time.monotonic() >= until or (last is not None and number > last):
            return


def _passed() -> dict[str, int]:
    found: dict[str, int] = json.loads(STATE.read_text()) if STATE.exists() else {}
    return found


def _note(name: str, number: int) -> None:
    STATE.parent.mkdir(exist_ok=True)
    STATE.write_text(json.dumps(_passed() | {name: number}))
