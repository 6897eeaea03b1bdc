"""Clock: a lane that looks at a clock or throws dice is caught in the act."""

import os
import random
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from types import ModuleType
from typing import Any, Final, NoReturn
from unittest.mock import patch

import numpy as np

from tests.laws.outcome import Broken, Idle, Outcome, busy, run, same
from tests.laws.path import Path
from tests.testkit.streams import Stream

ROOMS: Final = ("contracts", "ingest", "detectors", "alarms", "pipeline")
CLOCKS: Final = (
    *(f"{name}{unit}" for name in ("time", "monotonic", "perf_counter") for unit in ("", "_ns")),
    "process_time",
    "thread_time",
    "gmtime",
    "localtime",
    "sleep",
)
DICE: Final = ("random", "randrange", "randint", "choice", "shuffle", "uniform", "gauss", "sample")
HELD: Final[tuple[tuple[ModuleType, tuple[str, ...]], ...]] = (
    (time, CLOCKS),
    (random, DICE),
    (os, ("urandom", "getrandom")),
    (secrets, ("token_bytes", "token_hex", "randbelow", "choice")),
    (uuid, ("uuid1", "uuid4")),
    (np.random, ("default_rng", "random", "normal", "seed", "rand", "randint")),
)


def _caught(name: str) -> Callable[..., NoReturn]:
    def look(*_args: object, **_named: object) -> NoReturn:
        raise Broken(f"clock or chance: {name} was asked")

    return look


class _Moment(datetime):
    now = today = utcnow = _caught("datetime.now")


class _Day(date):
    today = _caught("date.today")


@contextmanager
def timeless() -> Iterator[None]:
    """Everything that tells the time or gives chance raises `Broken`."""
    with _patches() as patches:
        for patched in patches:
            patched.start()
        try:
            yield
        finally:
            for patched in patches:
                patched.stop()


@contextmanager
def _patches() -> Iterator[list[Any]]:
    """Those of the modules, and of every name that our rooms took from them."""
    held = {id(getattr(m, n)): f"{m.__name__}.{n}" for m, names in HELD for n in names}
    patches = [patch.object(m, n, _caught(f"{m.__name__}.{n}")) for m, names in HELD for n in names]
    for module in [m for n, m in sys.modules.items() if n.partition(".")[0] in ROOMS]:
        for name, value in vars(module).items():
            if value is datetime or value is date:
                asked: Any = _Moment if value is datetime else _Day
                patches.append(patch.object(module, name, asked))
            elif id(value) in held and callable(value):
                patches.append(patch.object(module, name, _caught(held[id(value)])))
    yield patches


def clock(path: Path, stream: Stream) -> Outcome:
    """Law 3: a lane is a function of its input; it knows no clock and no chance."""
    calm = run(path, stream)  # first, so that every kernel is compiled
    busy(path, calm)
    with timeless():
        _awake()
        found = run(path, stream)
    same(calm, found, f"{path.name}, without clocks")
    return found


def _awake() -> None:
    """Raise `Idle` if clocks can be asked unnoticed."""
    for ask in (time.time, random.random, time.monotonic_ns):
        try:
            ask()
        except Broken:
            continue
        raise Idle(f"{ask} answers")
