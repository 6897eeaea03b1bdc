"""Named points beside every side effect: a test may let a worker die, stop, block or stumble.

Off, which is always but in tests, a passing costs one call and one look at an empty dict.
"""

import errno
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NoReturn

from contracts.errors import ConfigError

VARIABLE: Final = "TOCSIN_FAILPOINT"
BLOCKED_S: Final = 40.0  # past every session and the watchdog's patience
STALLED_S: Final = 150.0  # past the two minutes within which an alert has to ring


class Point(StrEnum):
    """What has just happened, in the order of a lane's life."""

    FENCE = "fence"  # earlier owners are shut out, nothing is read back
    RESTORE = "restore"  # the snapshot is read, nothing is repeated
    FETCH = "fetch"  # records have come, the lane does not have them
    DECODE = "decode"  # records are decoded, nothing is scored
    SCORE = "score"  # a batch is scored, nothing is told
    JOURNAL = "journal"  # entries lie in an open transaction
    PRODUCE = "produce"  # so do all outputs and the mark
    ACK = "ack"  # the transaction is committed, the lane does not know it
    SLICE = "slice"  # so is a part of what a step tells, the rest is not told
    SNAPSHOT_WRITE = "snapshot-write"  # a draft is written, not synced
    FSYNC = "fsync"  # the draft is synced, not renamed
    RENAME = "rename"  # it is renamed, the folder is not synced
    MANIFEST = "manifest"  # the manifest lies in an open transaction
    PUBLISHED = "published"  # the manifest is committed, older files are still there
    SWEEP = "sweep"  # older files are gone, the group does not know the position
    COMMIT = "commit"  # the group knows the position


Blow = Callable[[Point], None]
_armed: dict[Point, dict[int, Blow]] = {}  # by point and number of the passing
_passed: dict[Point, int] = {}
_turns = threading.Lock()


def passing(point: Point) -> None:
    """Come by a point: nothing happens, unless it is armed for this passing."""
    if _armed:
        _pass(point)


def _pass(point: Point) -> None:
    with _turns:  # threads that write files pass the same point
        number = _passed[point] = _passed.get(point, 0) + 1
    blow = _armed.get(point, {}).get(number)
    if blow is not None:
        blow(point)


def _crash(_: Point) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_: Point) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _block(_: Point) -> None:
    time.sleep(BLOCKED_S)


def _stall(_: Point) -> None:
    time.sleep(STALLED_S)


def _error(point: Point) -> NoReturn:
    raise OSError(errno.EIO, f"failpoint {point}: input/output error")


ACTIONS: Final[dict[str, Blow]] = {
    "crash": _crash,
    "stop": _stop,
    "block": _block,
    "stall": _stall,
    "error": _error,
}


def arm(text: str | None) -> list[str]:
    """Arm points as a text says, and nothing else; what will happen, for the log.

    Parameters
    ----------
    text : str or None
        `point:passing:action`, with commas between several. A passing is a number from 1, or
        `1-20@7` for one drawn from 1 to 20 by seed 7.

    Raises
    ------
    ConfigError
        When anything in the text is unknown: a test that arms nothing would prove nothing.

    Examples
    --------
    >>> arm("rename:2:crash")
    ['rename:2:crash']
    >>> arm(None)
    []
    """
    _armed.clear()
    _passed.clear()
    planned = [_read(item.strip()) for item in text.split(",")] if text else []
    for point, number, action in planned:
        _armed.setdefault(point, {})[number] = ACTIONS[action]
    return [f"{point}:{number}:{action}" for point, number, action in planned]


def _read(item: str) -> tuple[Point, int, str]:
    point, _, rest = item.partition(":")
    number, _, action = rest.partition(":")
    if point not in list(Point):
        raise _refused(item, "a point", point, ", ".join(Point))
    if action not in ACTIONS:
        raise _refused(item, "an action", action, ", ".join(ACTIONS))
    try:
        return Point(point), _number(number, point), action
    except ValueError as error:
        raise _refused(item, "a passing", number, "3, or 1-20@7 to draw it by a seed") from error


def _number(text: str, point: str) -> int:
    """Number of the passing; drawn where a range and a seed are given."""
    span, _, seed = text.partition("@")
    if not seed:
        return _from_one(span)
    first, _, last = span.partition("-")
    return random.Random(f"{point} {int(seed)}").randint(_from_one(first), _from_one(last))


def _from_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _refused(item: str, expected: str, got: str, known: str) -> ConfigError:
    return ConfigError(f"{VARIABLE}: {item!r}: expected {expected}, got {got!r}; known: {known}")
