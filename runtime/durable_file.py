"""Writing a file so that its name means the whole content, whenever the power goes."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from runtime.failpoints import Point, passing


def write_durably(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write, sync and rename, then sync the folder, so that the name means the whole content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            passing(Point.SNAPSHOT_WRITE)
            os.fsync(file.fileno())
        passing(Point.FSYNC)
        draft.replace(path)
        passing(Point.RENAME)
        _sync_folder(path.parent)
    except OSError:
        draft.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
