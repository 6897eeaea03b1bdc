"""Whether a telemetry log is the one that a snapshot was made of."""

import asyncio
import time
from typing import Final

from contracts.errors import Diverged, LogCut, RetryableError
from contracts.ports.source import Telemetry
from contracts.records import Records
from pipeline.lane.lane import Lane

LOOK_S: Final = 1.0
DEADLINE_S: Final = 15.0
SETTLE_S: Final = 5.0


async def check_log_identity(telemetry: Telemetry, lane: Lane) -> None:
    """Look the last record up that a lane has taken; leaves the telemetry standing behind nowhere.

    Offsets mean nothing on another cluster, and after a topic was made anew: the same numbers
    stand for other records there, and to go on from them would lose readings without a word.

    Raises
    ------
    LogCut
        When the log ends before it.
    Diverged
        When another record lies at its offset.
    RetryableError
        When nothing could be read in time.
    """
    number, offset = lane.name.number, lane.last_offset
    if not lane.last_fingerprint or await telemetry.beginning_offset(number) > offset:
        return  # nothing taken yet, or retention has passed it
    if (end := await _end(telemetry, number, offset)) <= offset:
        why = _unlike(lane, f"a log that ends at {end}")
        raise LogCut(str(lane.name), end, offset + 1, why=why)
    await telemetry.seek(number, offset)
    records = await _first(telemetry, lane)
    if not len(records):
        raise _another(lane, "none there")
    if (found := (int(records.offset[0]), records.fingerprint(0))) != (
        offset,
        lane.last_fingerprint,
    ):
        raise _another(lane, f"{found[1]} at {found[0]}")


async def _end(telemetry: Telemetry, number: int, offset: int) -> int:
    """End of the log; one that lies too near is looked at for a while, as a new leader may."""
    until = time.monotonic() + SETTLE_S
    while (end := await telemetry.end_offset(number)) <= offset and time.monotonic() < until:  # noqa: ASYNC110 - no log tells
        await asyncio.sleep(LOOK_S / 2)
    return end


def _unlike(lane: Lane, got: str) -> str:
    return (
        f"expected the record {lane.last_fingerprint} at offset {lane.last_offset}, got {got}: "
        "another cluster, or the topic was made anew; give this cluster a state location of its "
        "own and begin anew, see docs/two-sites.md"
    )


def _another(lane: Lane, got: str) -> Diverged:
    return Diverged(f"{lane.name}: {_unlike(lane, got)}")


async def _first(telemetry: Telemetry, lane: Lane) -> Records:
    """The next records, or those that are not there: a move past markers alone."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while (records := await telemetry.fetch(lane.name.number, LOOK_S)) is None:
                pass
    except TimeoutError as error:
        msg = f"{lane.name}: expected the record at {lane.last_offset}, got none in {DEADLINE_S} s"
        raise RetryableError(msg, LOOK_S) from error
    return records
