"""Writing a file so that its name means the whole content, whenever the power goes."""

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final

from runtime.failpoints import Point, passing

SYNCS_AT_ONCE: Final = 4  # a disk takes some in the time of one
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
    """Write files to which nothing points yet as `write_durably` does, syncing each folder once.

    In any order, some at a time; the first are on their way while the next ones are made.

    Raises
    ------
    OSError
        When the disk is full or broken; some of them may be there.
    """
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as threads:
        writing = [(path, threads.submit(_replace, path, [data])) for path, data in files]
        for _, one in writing:
            one.result()
        list(threads.map(_sync_folder, dict.fromkeys(path.parent for path, _ in writing)))


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
            file.writelines(pieces)
            file.flush()
            passing(Point.SNAPSHOT_WRITE)
            os.fsync(file.fileno())
        passing(Point.FSYNC)
        draft.replace(path)
        passing(Point.RENAME)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _opened(draft: Path) -> IO[bytes]:
    """A new file, in a folder that is made if it is missing: to look first costs more."""
    try:
        return open(draft, "wb", opener=_private)
    except FileNotFoundError:
        make_private(draft.parent)
        return open(draft, "wb", opener=_private)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
