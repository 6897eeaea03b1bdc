"""Where compiled kernels are kept: by the hash of their sources, so that none is ever stale.

Numba looks at the file of a kernel alone: a kernel that calls another file's step would go on with
the step it was compiled with when only that file changes.
"""

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ROOMS: Final = ("contracts", "detectors", "ingest")  # where kernels and what they call live
KEPT: Final = 3  # builds whose kernels are kept
VARIABLE: Final = "NUMBA_CACHE_DIR"


def sources_hash() -> str:
    """Hash of every source that may be compiled, and of the compiler."""
    digest = hashlib.blake2b(version("numba").encode(), digest_size=8)
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def choose() -> None:
    """Tell numba its folder, before it is imported; an answer of the environment stands."""
    if VARIABLE in os.environ:
        return
    home = os.environ.get("XDG_CACHE_HOME")
    caches = Path(home) if home else Path.home() / ".cache"
    user = os.getuid() if hasattr(os, "getuid") else 0
    for base in (caches / "tocsin", Path(tempfile.gettempdir()) / f"tocsin-{user}"):
        folder = base / "kernels" / sources_hash()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            os.environ[VARIABLE] = str(folder)
            _forget(folder.parent)
            return


def _forget(kernels: Path) -> None:
    """Delete the kernels of builds that have not been used for longest."""
    builds = sorted(kernels.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
