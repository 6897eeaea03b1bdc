"""Where compiled kernels are kept: by the hash of what they share, so that none is ever stale.

Numba looks at the file of a kernel alone: a kernel that calls another file's step would go on with
the step it was compiled with when only that file changes.
"""

import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from contracts.errors import ConfigError
from runtime.installation import sources

ROOMS: Final = ("contracts", "detectors", "ingest")  # where kernels and what they call live
KEPT: Final = 3  # builds whose kernels are kept
_IMPORT: Final = re.compile(
    rf"^from ((?:{'|'.join(ROOMS)})(?:\.\w+)*) import (\([^)]*\)|.*)", re.MULTILINE
)
VARIABLE: Final = "NUMBA_CACHE_DIR"
SHIPPED: Final = "TOCSIN_KERNELS"  # folder that `tocsin compile --into` has filled
PREFETCH: Final = "TOCSIN_PREFETCH"
TARGET: Final = "target.json"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_LOCATOR: Final = f"{__package__}.kernel_locator.Shipped"
# CPUs that kernels may be compiled for beside the one at hand, and what they must have.
_V2: Final = ("sse4.2", "popcnt")
_V3: Final = (*_V2, "avx2", "bmi2", "fma")
CPUS: Final = {
    "generic": (),
    "x86-64-v2": _V2,
    "x86-64-v3": _V3,
    "x86-64-v4": (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}
HOST: Final = "host"


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the kernels of a folder were compiled from, and for.

    Parameters
    ----------
    build : str
        Hash of their sources, of Python and of numba.
    cpu, features : str
        In LLVM's words.
    needs : tuple of str
        Features without which a CPU cannot run them.
    """

    build: str
    cpu: str
    features: str
    needs: tuple[str, ...]


def shared() -> dict[str, Path]:
    """Sources that kernels take from other files; numba itself looks at the kernel's own file."""
    files = sources(*ROOMS)
    texts = [path.read_text(encoding="utf-8") for path in files.values()]
    wanted = {name for text in texts if "@njit" in text for name in _imported(text)}
    return {name: path for name, path in files.items() if name in wanted}


def _imported(text: str) -> Iterator[str]:
    """Every name that could be a module that a source imports from."""
    for module, names in _IMPORT.findall(text):
        yield module
        yield from (f"{module}.{name}" for name in re.findall(r"\w+", names))


def sources_hash() -> str:
    """Hash of every source that kernels of other files may be compiled with, and of numba."""
    digest = hashlib.blake2b(version("numba").encode(), digest_size=8)
    digest.update(os.environ.get(PREFETCH, "").encode())
    for name, path in shared().items():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def choose() -> None:
    """Tell numba its folder, before it is imported; an answer of the environment stands.

    Raises
    ------
    ConfigError
        When `TOCSIN_KERNELS` names a folder that holds no kernels of this build for this CPU.
    """
    if VARIABLE in os.environ:
        return
    if SHIPPED in os.environ:
        _use(Path(os.environ[SHIPPED]))
        return
    home = os.environ.get("XDG_CACHE_HOME")
    caches = Path(home) if home else Path.home() / ".cache"
    user = os.getuid() if hasattr(os, "getuid") else 0
    for base in (caches / "tocsin", Path(tempfile.gettempdir()) / f"tocsin-{user}"):
        folder = base / "kernels" / sources_hash()
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            for level in (base, base / "kernels", folder):
                _make_ours(level, user)
            os.utime(folder)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            os.environ[VARIABLE] = str(folder)
            _forget(folder.parent)
            return


def _make_ours(folder: Path, user: int) -> None:
    """Make a folder for this user alone; `OSError` when somebody else may write into it.

    Numba unpickles what it finds, so that whoever writes there runs code as us.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & _OTHERS_WRITE:
        msg = f"{folder}: expected a folder that only user {user} may write into"
        raise PermissionError(msg)


def _forget(kernels: Path) -> None:
    """Delete the kernels of builds that have not been used for longest."""
    builds = sorted(kernels.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def fill(folder: Path, cpu: str) -> None:
    """Tell numba, before it is imported, to compile for a CPU into a folder; then `complete` it.

    Raises
    ------
    ConfigError
        When there is something else in the folder's place.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"--into: expected a folder, got the file {folder}; name another"
        raise ConfigError(msg)
    (folder / TARGET).unlink(missing_ok=True)
    os.environ[VARIABLE] = str(folder.resolve())
    if cpu != HOST:
        os.environ["NUMBA_CPU_NAME"], os.environ["NUMBA_CPU_FEATURES"] = cpu, ""


def complete(folder: Path, cpu: str) -> Target:
    """Say in a filled folder what it is for, so that it is used whole or not at all."""
    features = ""
    if cpu == HOST:
        from llvmlite import binding  # noqa: PLC0415 - the command line loads it last

        cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    needs = CPUS.get(cpu) or tuple(word[1:] for word in features.split(",") if word[:1] == "+")
    target = Target(_build(), cpu, features, needs)
    (folder / TARGET).write_bytes(msgspec.json.format(msgspec.json.encode(target)))
    return target


def _use(folder: Path) -> None:
    """Tell numba to take kernels from a folder and to write none into it."""
    if unsafe := _unsafe(folder):
        text = f"expected kernels that only root and this user may write, got {unsafe}"
        raise ConfigError(_advice(folder, text))
    try:
        target = msgspec.json.decode((folder / TARGET).read_bytes(), type=Target)
    except (OSError, msgspec.DecodeError) as error:
        text = f"expected kernels and their {TARGET}, got {error}"
        raise ConfigError(_advice(folder, text)) from error
    if target.build != _build():
        text = f"expected kernels of this build ({_build()}), got those of {target.build}"
        raise ConfigError(_advice(folder, text))
    if lacking := sorted(set(target.needs) - _features()):
        text = f"expected a CPU with {', '.join(lacking)}, as kernels for {target.cpu} need it"
        raise ConfigError(_advice(folder, text))
    os.environ[VARIABLE] = str(folder.resolve())
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = _LOCATOR
    os.environ["NUMBA_CPU_NAME"] = target.cpu
    os.environ["NUMBA_CPU_FEATURES"] = target.features


def _unsafe(folder: Path) -> Path | None:
    """What in a folder, or itself, others may write: numba would run what they put there."""
    owners = {0, os.getuid() if hasattr(os, "getuid") else 0}
    for path in (folder, *folder.rglob("*")) if folder.is_dir() else ():
        found = path.stat()
        if found.st_uid not in owners or found.st_mode & stat.S_IWOTH:
            return path
    return None


def _advice(folder: Path, text: str) -> str:
    return f"{SHIPPED}: {text}; run `tocsin compile --into {folder}` there, or unset it"


def _build() -> str:
    return f"{sources_hash()}-py{sys.version_info.major}.{sys.version_info.minor}"


def _features() -> set[str]:
    """What the CPU at hand has."""
    from llvmlite import binding  # noqa: PLC0415 - only who is given kernels asks

    return {name for name, has in binding.get_host_cpu_features().items() if has}
