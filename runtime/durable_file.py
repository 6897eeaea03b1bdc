"""Writing a file so that its name means the whole content, whenever the power goes."""

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Final

from runtime.failpoints import Point, passing

SYNCS_AT_ONCE: Final = 4  # a disk takes some in the time of one
OPEN_AT_ONCE: Final = 128  # files that wait to be synced; a process may usually open 1,024
_DRAFT: Final = re.compile(r"\..+\.[0-9a-f]{8}")  # name of a file that is being written


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, for this user alone; one that is there stays as it is."""
    for missing in [path for path in [folder, *folder.parents] if not path.exists()][::-1]:
        missing.mkdir(mode=0o700, exist_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_durably(
    path: Path, pieces: Sequence[bytes | memoryview], *, replaces: bool = False
) -> None:
    """Write, sync and rename, then sync the folder, so that the name means the whole content.

    Parameters
    ----------
    path : Path
    pieces : sequence of bytes
    replaces : bool
        Whether a file of that name may be there that counts: if writing fails it stays, or the
        whole new content is there. Otherwise nothing is left under the name.

    Raises
    ------
    OSError
        When the disk is full or broken.
    """
    try:
        _replace(path, pieces)
        _sync_folder(path.parent)
    except OSError:
        if not replaces:
            path.unlink(missing_ok=True)
        raise


def write_all_durably(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write and sync files to which nothing points yet, and each folder once, in any order.

    The first are on their way while the next ones are made. They are written under their own
    names: one that is left half written by a death means nothing until something points to it.

    Raises
    ------
    OSError
        When the disk is full or broken; some of them may be there, whole or not.
    """
    # Threads do nothing but sync. Behind each call to the system they wait for the interpreter
    # while the caller computes, and two that make or rename files in one folder for each other.
    room = BoundedSemaphore(OPEN_AT_ONCE)

    def sync(file: IO[bytes]) -> None:
        try:
            with file:
                _sync(file)
        finally:
            room.release()

    folders: dict[Path, None] = {}
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as threads:
        syncing = []
        for path, data in files:
            room.acquire()
            syncing.append(threads.submit(sync, _written(path, data)))
            folders[path.parent] = None
        for one in syncing:
            one.result()
        list(threads.map(_sync_folder, folders))


def _written(path: Path, data: bytes) -> IO[bytes]:
    """A file with its content, open and not yet synced."""
    file = _opened(path)
    try:
        _fill(file, [data])
    except OSError:
        with suppress(OSError):  # what could not be written is tried once more
            file.close()
        raise
    return file


def delete_drafts(folder: Path) -> None:
    """Delete what processes that died have left half-written in a folder that nobody else writes.

    Raises
    ------
    OSError
        When it is no folder, or files in it cannot be deleted; a missing folder is fine.
    """
    if not folder.exists():
        return
    for path in folder.iterdir():
        if _DRAFT.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _replace(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write a synced file under a name of its own, then rename it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with _opened(draft) as file:
            _fill(file, pieces)
            _sync(file)
        draft.replace(path)
        passing(Point.RENAME)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _fill(file: IO[bytes], pieces: Sequence[bytes | memoryview]) -> None:
    file.writelines(pieces)
    file.flush()
    passing(Point.SNAPSHOT_WRITE)


def _sync(file: IO[bytes]) -> None:
    os.fsync(file.fileno())
    passing(Point.FSYNC)


def _opened(path: Path) -> IO[bytes]:
    """An empty file, in a folder that is made if it is missing: to look first costs more."""
    try:
        return open(path, "wb", opener=_private)
    except FileNotFoundError:
        make_private(path.parent)
        return open(path, "wb", opener=_private)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
