"""A configuration that was judged before is not judged again: large catalogues start in seconds.

Whoever judged it left the bundle at the state location, and a note there that says which bundle the
files of a folder, taken together, gave under which release.
"""

import hashlib
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from app.configuration import Configuration
from app.findings import Findings
from app.kinds import kinds
from app.loader import Loader
from app.settings import Settings
from contracts.errors import ConfigError, FatalError
from pipeline.snapshot import SnapshotStore


def files_hash(folder: Path) -> str:
    """Hash of every file below a folder, of the release, and of the kinds of rules there are."""
    digest = hashlib.blake2b(version("tocsin").encode(), digest_size=16)
    digest.update(" ".join(sorted(kinds())).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def load(
    folder: Path, state: str | None = None, environment: Mapping[str, str] | None = None
) -> Configuration:
    """Configuration of a folder, judged now or known to be good.

    Parameters
    ----------
    folder : Path
    state : str, optional
        Snapshot location, instead of the configured one.
    environment : mapping, optional
        Variables for `${env:NAME}`; those of the process by default.

    Raises
    ------
    ConfigError
        With every finding in every file.
    """
    environment = os.environ if environment is None else environment
    findings = Findings()
    settings = Loader(folder, environment, findings).settings() if folder.is_dir() else None
    if settings is None:
        return Configuration.load(folder, environment)  # says what is wrong, all of it
    store, name = SnapshotStore(state or settings.state), files_hash(folder)
    known = _known(store, name, settings)
    if known is not None:
        return known
    judged = Configuration.load(folder, environment)
    store.put_bundle(judged.hash, judged.bundle())
    store.note_judged(name, judged.hash)
    return judged


def _known(store: SnapshotStore, name: str, settings: Settings) -> Configuration | None:
    """The configuration that a note names; a bundle that cannot be read is judged anew."""
    bundle = store.judged(name)
    if bundle is None:
        return None
    try:
        return Configuration.from_bundle(store.bundle(bundle), settings)
    except (ConfigError, FatalError):
        return None
