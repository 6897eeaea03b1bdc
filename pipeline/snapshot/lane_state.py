"""A lane's whole state as a snapshot, and back."""

from collections.abc import Callable

from contracts.lane import LaneName
from contracts.ports.lane_parts import Arrays, Parts
from pipeline.lane.lane import IDS, Lane, nothing_learned
from pipeline.snapshot.copy_buffer import CopyBuffer
from pipeline.snapshot.store import Snapshot, pack


def freeze(lane: Lane, room: CopyBuffer | None = None) -> Snapshot:
    """Copy of everything the lane remembers; the lane may go on at once.

    Parameters
    ----------
    lane : Lane
    room : CopyBuffer, optional
        Where the copy is laid; it must not be used for another until this one is done with.
    """
    return Snapshot(lane.header(), (room or CopyBuffer()).copies(lane.arrays()))


def learned(lane: Lane) -> bytes:
    """What the lane's rules learned, in the container of snapshots, for lanes that begin warm."""
    ids = {IDS: lane.parts.catalogue.id_hashes}
    return pack(Snapshot({"lane": str(lane.name)}, {**ids, **lane.parts.scorer.arrays()}))


def thaw(
    name: LaneName,
    snapshot: Snapshot,
    parts_for: Callable[[str], Parts],
    learned_for: Callable[[str], Arrays] = nothing_learned,
) -> Lane:
    """Lane as it was when the snapshot was made.

    Raises
    ------
    FatalError
        When the snapshot is another lane's, or its accounts do not balance.
    """
    return Lane.restored(name, (snapshot.header, snapshot.arrays), parts_for, learned_for)
