"""Where compiled kernels are kept: by the hash of what they share, so that none is ever stale.

Numba looks at the file of a kernel alone: a kernel that calls another file's step would go on with
the step it was compiled with when only that file changes.
"""

import hashlib
import os
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ROOMS: Final = ("contracts", "detectors", "ingest")  # where kernels and what they call live
KEPT: Final = 3  # builds whose kernels are kept
_IMPORT: Final = re.compile(r"^from ((?:contracts|detectors|ingest)\.\w+) import", re.MULTILINE)
VARIABLE: Final = "NUMBA_CACHE_DIR"


def shared() -> list[Path]:
    """Sources that kernels take from other files; numba itself looks at the kernel's own file."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).glob("*.py"))]
    named = {f"{path.parent.name}.{path.stem}": path for path in files}
    kernels = [text for path in files if "@njit" in (text := path.read_text(encoding="utf-8"))]
    wanted = {name for text in kernels for name in _IMPORT.findall(text)}
    return [named[name] for name in sorted(wanted & named.keys())]


def sources_hash() -> str:
    """Hash of every source that kernels of other files may be compiled with, and of numba."""
    digest = hashlib.blake2b(version("numba").encode(), digest_size=8)
    for path in shared():
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
