"""A lane's canary: readings with a known anomaly, judged by all the code that judges real ones."""

import json
import logging
from typing import Final

from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts
from contracts.quantities import NS_PER_MS, NS_PER_S
from contracts.records import Records
from pipeline.lane.lane import Lane

log = logging.getLogger("tocsin.lane")

QUIET: Final = 0.0
LOUD: Final = 1.0
KIND: Final = "canary"  # of its messages; never `alarm`, which is what everybody else takes


def canary_channel(lifeline: str, lane: int) -> str:
    """Id of a lane's canary; it is in no catalogue.

    >>> canary_channel("water", 3)
    'water.canary-3'
    """
    return f"{lifeline}.canary-{lane}"


def canary_records(channel: str, now_s: int) -> Records:
    """A quiet reading, one beyond the limit, and a quiet one again, each a millisecond apart.

    Parameters
    ----------
    channel : str
    now_s : int
        Event time and Kafka timestamp of the first, seconds since 1970 UTC.
    """
    first_ms = now_s * (NS_PER_S // NS_PER_MS)
    values = enumerate((QUIET, LOUD, QUIET), first_ms)
    bodies = [(ms, {"channel": channel, "time": ms, "value": value}) for ms, value in values]
    return Records.of([(i, ms, json.dumps(b).encode()) for i, (ms, b) in enumerate(bodies)])


def canary_alarms(name: LaneName, parts: Parts, now_s: int) -> list[Message]:
    """What is told of a known anomaly by another lane that begins now, with the canary alone.

    Nothing of it stays: the lane neither counts nor remembers it, so a replay need not know of it.

    Parameters
    ----------
    name : LaneName
    parts : Parts
        Of the lane whose canary it is.
    now_s : int
        Seconds since 1970 UTC.

    Returns
    -------
    list of Message
        A revision that rings and one that clears; none if the detector is blind.
    """
    if parts.canary is None:
        return []
    try:
        alone = Lane(name, parts.canary(), lambda _: parts)
        alone.feed(canary_records(canary_channel(name.lifeline, name.number), now_s))
    except Exception:  # whoever waits for its alarm is told so; the lane itself goes on
        log.exception("%s: judging the canary", name)
        return []
    return [m._replace(kind=KIND) for m in alone.outbox.take() if m.kind == "alarm"]
