"""Whether a telemetry log is the one that a snapshot was made of."""

import asyncio
from typing import Final

from contracts.errors import Diverged, RetryableError
from contracts.records import Records, Telemetry
from pipeline.lane import Lane

LOOK_S: Final = 1.0
DEADLINE_S: Final = 15.0


async def check_same_log(telemetry: Telemetry, lane: Lane) -> None:
    """Look the last record up that a lane has taken; leaves the telemetry standing behind nowhere.

    Offsets mean nothing on another cluster, and after a topic was made anew: the same numbers
    stand for other records there, and to go on from them would lose readings without a word.

    Raises
    ------
    Diverged
        When another record lies at its offset.
    RetryableError
        When nothing could be read in time.
    """
    number, offset = lane.name.number, lane.last_offset
    if not lane.last_seal or await telemetry.beginning_offset(number) > offset:
        return  # nothing taken yet, or retention has passed it
    if (end := await telemetry.end_offset(number)) <= offset:
        raise _another(lane, f"a log that ends at {end}")
    await telemetry.seek(number, offset)
    records = await _first(telemetry, lane)
    if not len(records):
        raise _another(lane, "none there")
    if (found := (int(records.offset[0]), records.seal(0))) != (offset, lane.last_seal):
        raise _another(lane, f"{found[1]} at {found[0]}")


def _another(lane: Lane, got: str) -> Diverged:
    return Diverged(
        f"{lane.name}: expected the record {lane.last_seal} at offset {lane.last_offset}, got "
        f"{got}: another cluster, or the topic was made anew; give this cluster a state "
        "location of its own and begin anew, see docs/two-sites.md"
    )


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
