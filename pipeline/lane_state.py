"""A lane's whole state as a snapshot, and back."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import FatalError
from contracts.machine import Arrays, Parts
from pipeline.accounts import Accounts
from pipeline.evidence import OffsetIndex
from pipeline.lane import IDS, Lane, nothing_learned
from pipeline.outbox import Outbox
from pipeline.refusals import LaneName
from pipeline.room import Room
from pipeline.rows import join_rows
from pipeline.shelf import Shelf
from pipeline.snapshot import Snapshot, pack
from pipeline.understudy import Understudy

STATEFUL: Final = ("admission", "scorer", "silence")
SHADOW: Final = "shadow/"  # before the names of a shadow's arrays


def freeze(lane: Lane, room: Room | None = None) -> Snapshot:
    """Copy of everything the lane remembers; the lane may go on at once.

    Parameters
    ----------
    lane : Lane
    room : Room, optional
        Where the copy is laid; it must not be used for another until this one is done with.
    """
    return Snapshot(_header(lane), (room or Room()).copies(_arrays(lane)))


def twin(lane: Lane) -> Lane:
    """Another lane with the same state, which shares nothing with it."""
    alone = {name: array for name, array in _arrays(lane).items() if not name.startswith(SHADOW)}
    state = Snapshot({**_header(lane), "understudy": None}, Room().copies(alone))
    return thaw(lane.name, state, lane.parts_for, lane.learned_for)


def _arrays(lane: Lane) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {IDS: lane.parts.catalogue.id_hashes}
    for name in STATEFUL:
        arrays.update(getattr(lane.parts, name).arrays())
    if lane.understudy is not None:
        inner = _arrays(lane.understudy.lane)
        arrays.update({SHADOW + name: array for name, array in inner.items()})
    return arrays


def _header(lane: Lane) -> dict[str, Any]:
    understudy = lane.understudy
    return {
        "lane": str(lane.name),
        "config": lane.parts.config,
        "position": lane.position,
        "journal": lane.journal,
        "commands": lane.commands,
        "last_offset": lane.last_offset,
        "last_seal": lane.last_seal,
        "lane_time_s": lane.lane_time_s,
        "sequence": lane.outbox.sequence,
        "digest": lane.outbox.digest,
        "accounts": lane.accounts.counts(),
        "index": lane.index.state(),
        "shelf": lane.shelf.state(),
        "book": lane.parts.book.state(),
        "whispers": [lane.whispers.sequence, lane.whispers.digest],
        "before": list(lane.before),
        "sheds": lane.sheds,
        "understudy": understudy and {**understudy.state(), "lane": _header(understudy.lane)},
    }


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
    header: dict[str, Any] = snapshot.header
    if header["lane"] != str(name):
        msg = f"snapshot: expected lane {name}, got {header['lane']!r}; check the state location"
        raise FatalError(msg)
    parts = parts_for(header["config"])
    if header["config"] == parts.config and len(snapshot.arrays[IDS]) == len(parts.catalogue):
        # The same bundle gives the same rows: their hashes need not be made again, one by one.
        vars(parts.catalogue)["id_hashes"] = snapshot.arrays[IDS].astype(np.uint64)
    lane = Lane(name, parts, parts_for, learned_for)
    rows = join_rows(snapshot.arrays[IDS].astype(np.uint64), parts.catalogue.id_hashes)
    for part in STATEFUL:
        getattr(parts, part).restore(snapshot.arrays, rows)
    parts.book.restore(header["book"], 0)
    for field in ("position", "journal", "commands", "last_offset", "lane_time_s"):
        setattr(lane, field, header[field])
    lane.last_seal = header.get("last_seal", "")  # snapshots of 0.1 before it had none
    lane.outbox = Outbox(header["sequence"], header["digest"])
    lane.accounts = Accounts(header["accounts"])
    lane.index = OffsetIndex(header["index"])
    lane.shelf = Shelf(header["shelf"])
    _thaw_shadows(lane, snapshot)
    if not lane.accounts.balanced():
        msg = f"snapshot of {name}: expected balanced accounts, got {header['accounts']}"
        raise FatalError(msg)
    return lane


def _thaw_shadows(lane: Lane, snapshot: Snapshot) -> None:
    """What a snapshot holds of shadows; those of releases without them hold nothing."""
    header = snapshot.header
    lane.whispers = Outbox(*header.get("whispers", ()))
    lane.before, lane.sheds = list(header.get("before", ())), header.get("sheds", 0)
    state = header.get("understudy")
    if state is not None:
        cut = len(SHADOW)
        arrays = {n[cut:]: a for n, a in snapshot.arrays.items() if n.startswith(SHADOW)}
        inner = Snapshot(state["lane"], arrays)
        player = thaw(lane.name, inner, lane.parts_for, lane.learned_for)
        lane.understudy = Understudy(player, state)
        lane.outbox.heard = []
