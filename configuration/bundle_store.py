"""A configuration that was judged before is not judged again: large catalogues start in seconds.

Whoever judged it left the bundle at the state location, and a note there that says which bundle the
files of a folder, taken together, gave under which release.
"""

import hashlib
import os
from collections.abc import Collection, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from configuration.configuration import Configuration
from configuration.loader import Loader
from configuration.rule_kinds import kinds
from configuration.settings import Settings
from configuration.yaml.findings import Findings
from contracts.errors import ConfigError, Damaged, FatalError
from pipeline.snapshot.store import SnapshotStore

SOME: Final = 1 << 20  # bytes of a file at once: a catalogue may have gigabytes


def files_hash(folder: Path) -> str:
    """Hash of every file below a folder, of the release, and of the kinds of rules there are."""
    digest = hashlib.blake2b(version("tocsin").encode(), digest_size=16)
    digest.update(" ".join(sorted(kinds())).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        digest.update(f"\0{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while some := file.read(SOME):
                digest.update(some)
    return digest.hexdigest()


def load(
    folder: Path,
    state: str | None = None,
    environment: Mapping[str, str] | None = None,
    lifelines: Collection[str] | None = None,
) -> Configuration:
    """Configuration of a folder, judged now or known to be good.

    What was judged now is read again as it was kept: its tables lie in the file then, and what
    judging took is free.

    Parameters
    ----------
    folder : Path
    state : str, optional
        Snapshot location, instead of the configured one.
    environment : mapping, optional
        Variables for `${env:NAME}`; those of the process by default.
    lifelines : collection of str, optional
        Those whose channels are wanted; all by default.

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
    known = _known(store, name, settings, lifelines)
    if known is None:
        bundle = keep(store, Configuration.load(folder, environment))
        store.note_judged(name, bundle)
        known = recall(store, bundle, settings, lifelines)
    return known


def keep(store: SnapshotStore, judged: Configuration) -> str:
    """Leave a bundle, and before it what belongs to it; its hash."""
    for digest, data in judged.contents().items():
        store.put_bundle(digest, data)
    store.put_bundle(judged.hash, judged.bundle())
    return judged.hash


def kept(store: SnapshotStore, configuration: Configuration) -> bool:
    """Whether the bundle lies there, and so all that was left before it."""
    try:
        store.bundle(configuration.hash)
    except Damaged:
        return False
    return True


def recall(
    store: SnapshotStore, name: str, settings: Settings, lifelines: Collection[str] | None = None
) -> Configuration:
    """The configuration whose bundle has this hash."""
    return Configuration.from_bundle(store.bundle(name), settings, store.mapped, lifelines)


def _known(
    store: SnapshotStore, files: str, settings: Settings, lifelines: Collection[str] | None
) -> Configuration | None:
    """The configuration that a note names; a bundle that cannot be read is judged anew."""
    bundle = store.judged(files)
    if bundle is None:
        return None
    try:
        return recall(store, bundle, settings, lifelines)
    except (ConfigError, FatalError):
        return None
