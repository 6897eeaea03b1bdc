"""A decision made anew: what a lane tells the second time, held against what it told the first."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from contracts.alarm import Alarm, decode_alarm
from contracts.errors import DataLoss
from contracts.journal import Entry, Swap
from contracts.records import Records
from operate.evidence.readings import Readings, ScoredReading
from operate.evidence.replica import LanePast, Replica, Retelling, Revision

Outcome = Literal["equal", "differs", "not told", "out of reach", "no decision"]
Telemetry = Callable[[int, int], AsyncIterator[Records]]  # of a lane, between two offsets


@dataclass(frozen=True)
class Decision:
    """One revision, and what became of it the second time.

    Parameters
    ----------
    revision : Revision
        As it was published.
    outcome : str
        `equal` to the byte; `differs`; `not told` the second time; `out of reach` where what it
        was made of is gone; `no decision` where the worker told it of a lane in trouble.
    differs : tuple of str
        Fields that are not as they were.
    """

    revision: Revision
    outcome: Outcome
    differs: tuple[str, ...] = ()

    @property
    def alarm(self) -> Alarm:
        """The revision, taken apart."""
        return decode_alarm(self.revision.body)


@dataclass(frozen=True)
class LaneDecisions:
    """Decisions of one lane, made anew in one go.

    Parameters
    ----------
    decisions : list of Decision
    since : str
        Where the lane began anew, or why it could not.
    readings : dict of str to sequence of ScoredReading
        What it took of the channels in question, by channel.
    journal : sequence of (int, Entry)
        Up to the newest of them.
    configs : tuple of str
        Hashes of the bundles that may have governed.
    """

    decisions: list[Decision]
    since: str
    readings: Mapping[str, Sequence[ScoredReading]]
    journal: Sequence[tuple[int, Entry]]
    configs: tuple[str, ...]


async def decided_anew(
    replica: Replica,
    readings: Readings,
    past: LanePast,
    journal: Sequence[tuple[int, Entry]],
    telemetry: Telemetry,
) -> LaneDecisions:
    """Let a lane tell once more what it told.

    Parameters
    ----------
    replica : Replica
    readings : Readings
        That the replica fills.
    past : LanePast
    journal : sequence of (int, Entry)
        All entries up to the past's mark.
    telemetry : callable
        Gives the lane's records between two offsets.
    """
    swaps = (entry.change for _, entry in journal)
    configs = (
        *(change.config for change in swaps if isinstance(change, Swap)),
        *(manifest.config for manifest in past.manifests),
    )
    start = replica.start(past, journal)
    if start is None or past.mark is None:
        birth = (
            f"telemetry is held from offset {past.telemetry_begin} on"
            if past.telemetry_begin
            else "nothing says which configuration the lane was born with"
        )
        why = f"no snapshot before it is left, and {birth}: the record itself remains"
        gone = [Decision(one, "out of reach") for one in past.revisions]
        return LaneDecisions(gone, why, {}, journal, configs)
    wanted = frozenset(one.alarm for one in past.revisions)
    retelling = Retelling(start.lane, journal, wanted)
    since = start.since
    try:
        async for records in telemetry(start.lane.position, past.mark.telemetry):
            retelling.feed(records)
        retelling.finish()
    except DataLoss as error:  # retention took it meanwhile
        since = f"{since}, and not to its end: {error}"
    decisions = [
        _compared(one, retelling.bodies) if i >= start.first else Decision(one, "out of reach")
        for i, one in enumerate(past.revisions)
    ]
    taken = {name: list(of) for name, of in readings.of.items()}
    return LaneDecisions(decisions, since, taken, journal, configs)


def _compared(revision: Revision, bodies: dict[tuple[str, int], bytes]) -> Decision:
    body = bodies.get((revision.alarm, revision.number))
    if body is None:
        # What a worker tells of its lane is made of no reading, and names no configuration.
        by_worker = not decode_alarm(revision.body).rule.config
        return Decision(revision, "no decision" if by_worker else "not told")
    if body == revision.body:
        return Decision(revision, "equal")
    then, now = (msgspec.json.decode(one, type=dict[str, Any]) for one in (revision.body, body))
    fields = sorted({*then, *now})
    return Decision(revision, "differs", tuple(f for f in fields if then.get(f) != now.get(f)))
