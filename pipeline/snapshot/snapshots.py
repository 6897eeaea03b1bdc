"""Snapshot files of a worker's lanes, and lanes made of them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from contracts.errors import FatalError, Unreadable
from contracts.lane import LaneName
from contracts.ports.lane_log import JournalPast, Manifest, Past
from contracts.ports.lane_parts import Arrays, Parts
from pipeline.lane.lane import Lane
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.lane_state import thaw
from pipeline.snapshot.store import Snapshot, SnapshotStore, packed, unpack

FILE_S: Final = 120.0  # a lane of a million channels takes 2 s on a disk

T = TypeVar("T")
# A lane's state, or what makes it of a copy, where that takes long, while the lane goes on.
Frozen = Snapshot | Callable[[], Snapshot]


@runtime_checkable
class InSlices(Protocol):
    """One that is not copied yet: that is done a slice at a time, while the lane goes on."""

    def more(self) -> bool:
        """Copy another slice; whether there was one."""

    def __call__(self) -> Snapshot:
        """The snapshot, once no slice is left."""


class SnapshotFiles:
    """Writes and reads the files of any lane, whatever is in them.

    Parameters
    ----------
    store : SnapshotStore
    slot : SnapshotSlot
    """

    def __init__(self, store: SnapshotStore, slot: SnapshotSlot) -> None:
        self._store = store
        self.slot = slot
        self._kept: dict[str, list[str]] = {}  # snapshot names by lane, newest last
        self._orphans: dict[str, list[str]] = {}  # names by lane, to be deleted by the next sweep

    async def work_within(self, work: Callable[[], T]) -> T:
        """Do file work on its thread, within a deadline: a location that hangs must not go unseen.

        Raises
        ------
        FatalError
            When the deadline has passed; the thread may hang on, and is left to itself.
        """
        try:
            async with asyncio.timeout(FILE_S):
                return await asyncio.get_running_loop().run_in_executor(self.slot.work, work)
        except TimeoutError as error:
            msg = (
                f"{self._store.root}: expected an answer within {FILE_S:g} s, got none; look at it"
            )
            raise FatalError(msg) from error

    async def built(
        self,
        name: LaneName,
        past: JournalPast[Any],
        build: Callable[[Snapshot], T],
    ) -> T | None:
        """What is built of the snapshot in the newest manifest of a past, None when there is none.

        Raises
        ------
        Damaged
            When its file cannot be read, for whatever reason.
        """
        if past.manifest is None:
            return None
        manifest = past.manifest
        listed = [m.snapshot for m in (past.previous, manifest) if m is not None]
        self._kept[str(name)] = listed
        data = await self.work_within(partial(self._read, manifest))
        # A lane of millions takes minutes to build on a busy machine, and no disk is to blame.
        work = partial(self._built, manifest, data, build)
        return await asyncio.get_running_loop().run_in_executor(self.slot.work, work)

    def _read(self, manifest: Manifest) -> bytes:
        with self._damage_told(manifest.snapshot):
            return self._store.read(manifest.snapshot, manifest.checksum, manifest.size)

    def _built(self, manifest: Manifest, data: bytes, build: Callable[[Snapshot], T]) -> T:
        with self._damage_told(manifest.snapshot):
            snapshot = unpack(data)
            built = build(snapshot)
        if (position := snapshot.header["position"]) != manifest.telemetry:
            msg = (
                f"{snapshot.header['lane']}: expected position {manifest.telemetry} in "
                f"{manifest.snapshot}, got {position}; the state location holds another cluster's "
                "files"
            )
            raise FatalError(msg)
        return built

    @contextmanager
    def _damage_told(self, snapshot: str) -> Iterator[None]:
        """Of all that may be wrong with a file, a lane must hear as `Damaged`."""
        try:
            yield
        except (OSError, MemoryError, ValueError, LookupError) as error:
            msg = (
                f"{self._store.root}/{snapshot}: expected a snapshot that can be read, "
                f"got {error!r}; look at the state location"
            )
            raise Unreadable(msg) from error

    async def file(self, name: LaneName, frozen: Frozen, alarms_end: int) -> Manifest:
        """Write a frozen lane to a file; the manifest that names it is not published yet.

        The lane may go on meanwhile.
        """
        owner = str(name)

        def work() -> Manifest:
            frozen_now = frozen() if callable(frozen) else frozen
            header, pieces = frozen_now.header, packed(frozen_now)
            snapshot, checksum = self._store.write(owner, *pieces)
            kept = {*self._kept.get(owner, [])[-1:], snapshot}
            self._orphans[owner] = self._store.unlisted(owner, kept)
            return Manifest(
                snapshot=snapshot,
                checksum=checksum,
                config=header["config"],
                telemetry=header["position"],
                journal=header["journal"],
                alarms=alarms_end,
                commands=header["commands"],
                sequence=header["sequence"],
                digest=header["digest"],
                size=sum(map(len, pieces)),
            )

        return await self.work_within(work)

    async def sweep(self, name: LaneName, manifest: Manifest) -> None:
        """Keep this published snapshot and the one before; delete the lane's earlier files.

        Only what was there before the manifest was published: its commit proves that no newer owner
        had written a file by then. Files seen now may be a newer owner's, which a worker that stood
        still in between must not touch.
        """
        owner = str(name)
        self._kept[owner] = [*self._kept.get(owner, []), manifest.snapshot][-2:]
        orphans = self._orphans.pop(owner, [])

        def work() -> None:
            for orphan in orphans:
                self._store.delete(orphan)

        await self.work_within(work)


class Snapshots(SnapshotFiles):
    """Those of lanes that score readings, and what else they begin with.

    Parameters
    ----------
    store : SnapshotStore
    parts_for : callable
        Parts of a lane from the hash of a configuration bundle and the lane.
    slot : SnapshotSlot
    """

    def __init__(
        self, store: SnapshotStore, parts_for: Callable[[str, LaneName], Parts], slot: SnapshotSlot
    ) -> None:
        super().__init__(store, slot)
        self._parts_for = parts_for

    def newborn(self, name: LaneName, config: str, position: int) -> Lane:
        """A lane that has never lived, at the beginning of its log."""
        lane = Lane(name, self._parts_for(config, name), self._maker(name), self._learned)
        lane.position = position
        return lane

    async def warm(self, name: LaneName) -> str | None:
        """Hash of what a replay of history learned for a lane, None when none did."""
        return await self.work_within(partial(self._store.warm, str(name)))

    def _learned(self, name: str) -> Arrays:
        return unpack(self._store.bundle(name)).arrays

    def _maker(self, name: LaneName) -> Callable[[str], Parts]:
        return lambda config: self._parts_for(config, name)

    async def restore(self, name: LaneName, past: Past) -> Lane | None:
        """The lane of the newest manifest of a past, None when there is none.

        Raises
        ------
        Damaged
            When its file cannot be read, for whatever reason.
        """
        maker = self._maker(name)
        lane = await self.built(name, past, lambda found: thaw(name, found, maker, self._learned))
        if lane is not None and past.manifest is not None:
            lane.journal, lane.commands = past.manifest.journal, past.manifest.commands
        return lane
